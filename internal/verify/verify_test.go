package verify_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	ggcr "github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/slipway-dev/slipway/internal/attest"
	"github.com/slipway-dev/slipway/internal/publish"
	"github.com/slipway-dev/slipway/internal/publish/publishtest"
	"github.com/slipway-dev/slipway/internal/sign"
	"github.com/slipway-dev/slipway/internal/verify"
)

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newRegistry(t testing.TB) string {
	t.Helper()
	s := httptest.NewServer(ggcr.New(ggcr.WithReferrersSupport(true), ggcr.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

var predicates = []string{attest.SPDXType, attest.ProvenanceType, attest.SCAIType}

// policy demands everything of an image.
func policy(image publishtest.Image) verify.Policy {
	return verify.Policy{
		Key: publishtest.Key().Public(), Digest: image.Digest, Name: publishtest.ServerName, Platforms: image.Platforms,
		Predicates: predicates, Forms: []verify.Form{verify.Tag, verify.Referrer}, Layers: true,
	}
}

// published is an image in a registry with everything that belongs to it.
func published(t testing.TB) (publishtest.Image, publish.Input) {
	t.Helper()
	image := publishtest.NewImage(t, 500)
	in := image.Input(t, newRegistry(t)+"/npx/time")
	_, err := publish.Publish(t.Context(), in)
	check(t, err)
	return image, in
}

// bare pushes an image without any evidence.
func bare(t testing.TB) (publishtest.Image, name.Repository) {
	t.Helper()
	image := publishtest.NewImage(t, 500)
	repo, err := name.NewRepository(newRegistry(t) + "/npx/time")
	check(t, err)
	check(t, image.Push(repo))
	return image, repo
}

// states returns the checks of a subject by name, each with its state.
func states(r *verify.Report, subject string) map[string]verify.State {
	all := map[string]verify.State{}
	for _, c := range r.Checks {
		if c.Subject == subject {
			all[strings.TrimSuffix(c.Name+"/"+string(c.Form), "/")] = c.State
		}
	}
	return all
}

// expect verifies and demands that exactly these checks are not verified.
func expect(t *testing.T, ref string, p verify.Policy, access verify.Access, want map[string]verify.State) {
	t.Helper()
	report, err := verify.Verify(t.Context(), ref, p, access)
	check(t, err)
	got := map[string]verify.State{}
	for _, c := range report.Checks {
		if c.State != verify.Verified {
			got[strings.TrimSuffix(c.Subject+" "+c.Name+"/"+string(c.Form), "/")] = c.State
			if c.Detail == "" {
				t.Errorf("%s %s: no detail", c.Subject, c.Name)
			}
		}
	}
	for k, v := range want {
		if got[k] != v {
			t.Errorf("%s is %q, expected %q", k, got[k], v)
		}
		delete(got, k)
	}
	for k, v := range got {
		t.Errorf("%s is %q", k, v)
	}
	if report.OK() != (len(want) == 0) || (report.Err() == nil) != report.OK() {
		t.Errorf("OK is %t, error %v", report.OK(), report.Err())
	}
}

func TestWhatIsPublishedVerifies(t *testing.T) {
	t.Parallel()
	image, in := published(t)
	for _, ref := range []string{in.Repository + ":1.2.3", in.Repository + "@" + in.Digest, in.Repository + ":1.2.3@" + in.Digest} {
		expect(t, ref, policy(image), verify.Access{}, nil)
	}
	report, err := verify.Verify(t.Context(), in.Repository+":1.2.3", policy(image), verify.Access{})
	check(t, err)
	if got := states(report, "linux/arm64"); len(got) != 13 { // platform, manifest, name, layers, verdict, and four kinds in two forms
		t.Errorf("%d checks of a platform: %v", len(got), got)
	}
	text, err := json.Marshal(report)
	check(t, err)
	if !bytes.Contains(text, []byte(`"state":"verified"`)) {
		t.Errorf("%s", text)
	}
}

func TestThePolicyIsNotMet(t *testing.T) {
	t.Parallel()
	image, in := published(t)
	ref := in.Repository + ":1.2.3"
	other, _, err := sign.Local(filepath.Join(t.TempDir(), "keys"), nil)
	check(t, err)
	everything := map[string]verify.State{}
	for _, s := range []string{"index", "linux/amd64", "linux/arm64"} {
		for _, kind := range append([]string{"signature"}, predicates...) {
			everything[s+" "+kind+"/tag"] = verify.Failed
			everything[s+" "+kind+"/referrer"] = verify.Failed
		}
		everything[s+" verdict"] = verify.NotPresent
	}
	wrong := "sha256:" + strings.Repeat("0", 64)
	const unknown = "https://example.com/unknown"
	for name, c := range map[string]struct {
		change func(*verify.Policy)
		ref    string
		want   map[string]verify.State
	}{
		"another key":    {change: func(p *verify.Policy) { p.Key = other.Public() }, want: everything},
		"another digest": {change: func(p *verify.Policy) { p.Digest = wrong }, want: map[string]verify.State{"index digest": verify.Failed}},
		"another name": {change: func(p *verify.Policy) { p.Name = "x" }, want: map[string]verify.State{
			"linux/amd64 name": verify.Failed, "linux/arm64 name": verify.Failed,
		}},
		"another type": {change: func(p *verify.Policy) { p.Predicates, p.Forms = []string{unknown}, nil }, want: map[string]verify.State{
			"index " + unknown: verify.NotPresent, "linux/amd64 " + unknown: verify.NotPresent, "linux/arm64 " + unknown: verify.NotPresent,
		}},
		"platform missing": {change: func(p *verify.Policy) {
			p.Platforms = append(p.Platforms[:2:2], verify.Platform{Name: "linux/s390x", Digest: wrong})
		}, want: map[string]verify.State{"linux/s390x platform": verify.NotPresent}},
		"platform added": {change: func(p *verify.Policy) { p.Platforms = p.Platforms[:1] }, want: map[string]verify.State{
			"linux/arm64 platform": verify.Failed,
		}},
		"tag moved": {ref: in.Repository + ":other@" + in.Digest, want: map[string]verify.State{"index tag other": verify.Failed}},
		"tag gone":  {ref: in.Repository + ":gone@" + in.Digest, want: map[string]verify.State{"index tag gone": verify.NotPresent}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := policy(image)
			if c.change != nil {
				c.change(&p)
			}
			if c.ref == "" {
				c.ref = ref
			}
			expect(t, c.ref, p, verify.Access{Transport: movedTag{}}, c.want)
		})
	}
}

// movedTag is a registry in which the tag other stands for another image.
type movedTag struct{}

func (movedTag) RoundTrip(req *http.Request) (*http.Response, error) {
	if strings.HasSuffix(req.URL.Path, "/manifests/other") {
		body := `{"schemaVersion":2,"mediaType":"` + ocispec.MediaTypeImageIndex + `","manifests":[]}`
		return &http.Response{
			StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {ocispec.MediaTypeImageIndex}}, ContentLength: int64(len(body)),
			Body: io.NopCloser(strings.NewReader(body)), Request: req,
		}, nil
	}
	return http.DefaultTransport.RoundTrip(req)
}

// layer is a layer of evidence.
type layer struct {
	mediaType   string
	content     []byte
	annotations map[string]string
}

// put pushes evidence under a tag or, with an empty tag, as a referrer of subject.
func put(t testing.TB, repo name.Repository, tag, subject, artifactType string, layers ...layer) {
	t.Helper()
	m := ocispec.Manifest{MediaType: ocispec.MediaTypeImageManifest, ArtifactType: artifactType, Config: ocispec.DescriptorEmptyJSON}
	m.SchemaVersion = 2
	check(t, remote.WriteLayer(repo, static.NewLayer([]byte("{}"), types.MediaType(ocispec.MediaTypeEmptyJSON))))
	for _, l := range layers {
		check(t, remote.WriteLayer(repo, static.NewLayer(l.content, types.MediaType(l.mediaType))))
		m.Layers = append(m.Layers, ocispec.Descriptor{
			MediaType: l.mediaType, Digest: digest.FromBytes(l.content), Size: int64(len(l.content)), Annotations: l.annotations,
		})
	}
	if subject != "" {
		m.Subject = &ocispec.Descriptor{MediaType: ocispec.MediaTypeImageIndex, Digest: digest.Digest(subject), Size: 1}
	}
	raw, err := json.Marshal(m)
	check(t, err)
	var ref name.Reference = repo.Digest(digest.FromBytes(raw).String())
	if tag != "" {
		ref = repo.Tag(tag)
	}
	check(t, remote.Put(ref, manifest(raw)))
}

type manifest []byte

func (m manifest) RawManifest() ([]byte, error)        { return m, nil }
func (m manifest) MediaType() (types.MediaType, error) { return types.OCIManifestSchema1, nil }
