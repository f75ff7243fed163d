package publish

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	ggcr "github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/slipway-dev/slipway/internal/attest"
	"github.com/slipway-dev/slipway/internal/sign"
	"github.com/slipway-dev/slipway/internal/verify"
)

const serverName = "io.example/time"

// newLayout writes an image for two platforms with one shared layer and returns the folder and the index.
func newLayout(t testing.TB, layerBytes int64) (string, v1.ImageIndex) {
	t.Helper()
	shared, err := random.Layer(layerBytes, types.OCILayer)
	check(t, err)
	var index v1.ImageIndex = mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, arch := range []string{"amd64", "arm64"} {
		own, err := random.Layer(layerBytes, types.OCILayer)
		check(t, err)
		img, err := mutate.AppendLayers(mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON), shared, own)
		check(t, err)
		img, err = mutate.Config(img, v1.Config{Labels: map[string]string{verify.NameLabel: serverName}})
		check(t, err)
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{
			MediaType: types.OCIManifestSchema1, Platform: &v1.Platform{OS: "linux", Architecture: arch},
		}})
	}
	dir := t.TempDir()
	path, err := layout.Write(dir, empty.Index)
	check(t, err)
	check(t, path.AppendIndex(index))
	return dir, index
}

var builder = attest.Builder{ID: "https://example.com/slipway", Version: "v0.1.0"}

// statements returns one of each sort about every subject of the image.
func statements(t testing.TB, repository string, index v1.ImageIndex, now time.Time) []attest.Statement {
	t.Helper()
	m, err := index.IndexManifest()
	check(t, err)
	digest, err := index.Digest()
	check(t, err)
	digests := []string{digest.String()}
	for _, d := range m.Manifests {
		digests = append(digests, d.Digest.String())
	}
	var all []attest.Statement
	for _, d := range digests {
		about := attest.Subject{Name: repository, Digest: d}
		provenance, err := attest.Provenance(about, attest.Build{
			Entry: "npx/time", Package: "time-mcp", Version: "1.2.3", BaseLock: "sha256:" + strings.Repeat("a", 64), Builder: builder,
			Materials: []attest.Material{{URI: "pkg:npm/time-mcp@1.2.3", Digest: "sha512:" + strings.Repeat("b", 128)}},
			Started:   now, Finished: now.Add(time.Second),
		})
		check(t, err)
		spdx, err := attest.SPDX(about, fmt.Appendf(nil, `{"spdxVersion":"SPDX-2.3","name":"time","creationInfo":{"created":%q}}`, now.Format(time.RFC3339)))
		check(t, err)
		scai, err := attest.SCAI(about, attest.Assessment{
			Pass: true, Scanners: []attest.Scanner{{Name: "builtin", Version: "1"}}, FirstToolList: time.Duration(now.Nanosecond()), Finished: now,
			Producer: builder,
		})
		check(t, err)
		all = append(all, provenance, spdx, scai)
	}
	return all
}

func newKey(t testing.TB) *sign.Key {
	t.Helper()
	key, _, err := sign.Local(t.TempDir()+"/keys", nil)
	check(t, err)
	return key
}

// registryServer is an OCI registry on loopback and its host:port.
func registryServer(t testing.TB, options ...ggcr.Option) string {
	t.Helper()
	s := httptest.NewServer(ggcr.New(append(options, ggcr.Logger(log.New(io.Discard, "", 0)))...))
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

func newInput(t testing.TB, host string) Input {
	t.Helper()
	dir, index := newLayout(t, 2000)
	digest, err := index.Digest()
	check(t, err)
	repository := host + "/npx/time"
	now := time.Date(2026, 11, 21, 0, 0, 0, 1, time.UTC)
	return Input{
		Layout: dir, Digest: digest.String(), Repository: repository, Tag: "1.2.3", Name: serverName, Key: newKey(t),
		Statements: statements(t, repository, index, now), Now: now,
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestPublishTwiceChangesNothing(t *testing.T) {
	t.Parallel()
	for _, referrers := range []bool{true, false} {
		for _, bundles := range []bool{true, false} {
			t.Run(fmt.Sprintf("referrers=%t,bundles=%t", referrers, bundles), func(t *testing.T) {
				t.Parallel()
				writes := &counter{}
				in := newInput(t, registryServer(t, ggcr.WithReferrersSupport(referrers)))
				in.Bundles, in.Access.Transport = bundles, writes
				first, err := Publish(t.Context(), in)
				check(t, err)
				signatures := 3
				if bundles {
					signatures = 6
				}
				if !first.Pushed || !first.Tagged || first.Statements != 9 || first.Signatures != signatures {
					t.Errorf("the first time: %+v", first)
				}
				// Later, the same facts with other times.
				_, index := open2(t, in)
				in.Now = in.Now.Add(time.Hour)
				in.Statements = statements(t, in.Repository, index, in.Now)
				before := writes.writes.Load()
				second, err := Publish(t.Context(), in)
				check(t, err)
				if second.Pushed || second.Tagged || second.Statements != 0 || second.Signatures != 0 || writes.writes.Load() != before {
					t.Errorf("the second time: %+v, %d writes", second, writes.writes.Load()-before)
				}
				if second.Reference != in.Repository+":1.2.3@"+in.Digest {
					t.Errorf("reference %s", second.Reference)
				}
			})
		}
	}
}

func open2(t testing.TB, in Input) (*image, v1.ImageIndex) {
	t.Helper()
	i, err := openImage(in.Layout, in.Digest)
	check(t, err)
	return i, i.index
}

// counter counts requests that change something.
type counter struct{ writes atomic.Int64 }

func (c *counter) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Method != http.MethodGet && req.Method != http.MethodHead {
		c.writes.Add(1)
	}
	return http.DefaultTransport.RoundTrip(req)
}

func TestATagIsNeverMoved(t *testing.T) {
	t.Parallel()
	writes := &counter{}
	host := registryServer(t, ggcr.WithReferrersSupport(true))
	in := newInput(t, host)
	_, err := Publish(t.Context(), in)
	check(t, err)
	other := newInput(t, host)
	other.Access.Transport = writes
	_, err = Publish(t.Context(), other)
	var conflict *TagConflictError
	if !errors.As(err, &conflict) || conflict.Found != in.Digest || conflict.Want != other.Digest {
		t.Fatalf("got %v", err)
	}
	if !strings.Contains(err.Error(), "revision") || writes.writes.Load() != 0 {
		t.Errorf("%d writes, %v", writes.writes.Load(), err)
	}
}

func resolve(t testing.TB, in Input) string {
	t.Helper()
	ref, err := name.ParseReference(in.Repository + ":" + in.Tag)
	check(t, err)
	d, err := remote.Head(ref, remote.WithContext(context.Background()))
	if err != nil {
		return ""
	}
	return d.Digest.String()
}
