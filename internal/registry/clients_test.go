package registry_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/validate"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/content/memory"
	orasremote "oras.land/oras-go/v2/registry/remote"

	"github.com/slipway-dev/slipway/internal/registry"
)

// refuse fails every request: nothing may leave the process.
type refuse struct{}

func (refuse) RoundTrip(req *http.Request) (*http.Response, error) {
	return nil, fmt.Errorf("request to %s left the process", req.URL)
}

func open(t testing.TB, dir string) *registry.Registry {
	t.Helper()
	r, err := registry.New(dir)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func inProcess(t testing.TB, dir string) http.RoundTripper {
	t.Helper()
	return registry.Transport(registry.Host, open(t, dir).Handler(), refuse{})
}

func parse(s string) (name.Reference, error) { return name.ParseReference(registry.Host + "/" + s) }

func reference(t testing.TB, s string) name.Reference {
	t.Helper()
	ref, err := parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

func randomIndex(t testing.TB) v1.ImageIndex {
	t.Helper()
	index, err := random.Index(3000, 2, 2)
	if err != nil {
		t.Fatal(err)
	}
	return index
}

func digestOf(t testing.TB, d interface{ Digest() (v1.Hash, error) }) v1.Hash {
	t.Helper()
	h, err := d.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestGoContainerRegistryWritesAndReadsBack(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	rt := inProcess(t, dir)
	index := randomIndex(t)
	ref := reference(t, "npx/context7:1.0.0")
	if err := remote.WriteIndex(ref, index, remote.WithTransport(rt)); err != nil {
		t.Fatal(err)
	}

	// A second process sees what the first one wrote.
	other := remote.WithTransport(inProcess(t, dir))
	got, err := remote.Index(ref, other)
	if err != nil {
		t.Fatal(err)
	}
	if digestOf(t, got) != digestOf(t, index) {
		t.Errorf("index came back as %s", digestOf(t, got))
	}
	if err := validate.Index(got); err != nil {
		t.Error(err)
	}
	tags, err := remote.List(ref.Context(), other)
	if err != nil || len(tags) != 1 || tags[0] != "1.0.0" {
		t.Errorf("tags %v, %v", tags, err)
	}
	repos, err := remote.Catalog(t.Context(), ref.Context().Registry, other)
	if err != nil || len(repos) != 1 || repos[0] != "npx/context7" {
		t.Errorf("repositories %v, %v", repos, err)
	}
}

func TestABlobPushedOnceIsKnownEverywhere(t *testing.T) {
	t.Parallel()
	uploads := 0
	r := open(t, t.TempDir())
	counting := http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.Method == http.MethodPost && !req.URL.Query().Has("mount") {
			uploads++
		}
		r.Handler().ServeHTTP(w, req)
	})
	rt := remote.WithTransport(registry.Transport(registry.Host, counting, refuse{}))
	image, err := random.Image(1000, 3)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(reference(t, "first:1"), image, rt, remote.WithJobs(1)); err != nil {
		t.Fatal(err)
	}
	if uploads == 0 {
		t.Fatal("no upload was counted, so this test sees nothing")
	}
	uploads = 0
	if err := remote.Write(reference(t, "second:1"), image, rt, remote.WithJobs(1)); err != nil {
		t.Fatal(err)
	}
	if uploads != 0 {
		t.Errorf("%d blobs were sent a second time", uploads)
	}
}

func TestOrasFindsReferrersByArtifactType(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	image, err := random.Image(100, 1)
	if err != nil {
		t.Fatal(err)
	}
	ref := reference(t, "npx/memory:1")
	if err := remote.Write(ref, image, remote.WithTransport(inProcess(t, dir))); err != nil {
		t.Fatal(err)
	}
	repo, err := orasremote.NewRepository(registry.Host + "/npx/memory")
	if err != nil {
		t.Fatal(err)
	}
	repo.PlainHTTP = true
	repo.Client = &http.Client{Transport: inProcess(t, dir)}
	subject, err := repo.Resolve(t.Context(), "1")
	if err != nil {
		t.Fatal(err)
	}
	pushArtifact(t, repo, subject, "application/vnd.example.sbom", "one")
	pushArtifact(t, repo, subject, "application/vnd.example.sbom", "two")
	pushArtifact(t, repo, subject, "application/vnd.example.signature", "three")

	for artifactType, want := range map[string]int{
		"": 3, "application/vnd.example.sbom": 2, "application/vnd.example.signature": 1, "application/vnd.example.none": 0,
	} {
		var got []ocispec.Descriptor
		err := repo.Referrers(t.Context(), subject, artifactType, func(page []ocispec.Descriptor) error {
			got = append(got, page...)
			return nil
		})
		if err != nil || len(got) != want {
			t.Errorf("%q: %d referrers, want %d (%v)", artifactType, len(got), want, err)
		}
		for _, d := range got {
			if d.Annotations["note"] == "" || artifactType != "" && d.ArtifactType != artifactType {
				t.Errorf("%q: descriptor %+v", artifactType, d)
			}
		}
	}
}

func pushArtifact(t testing.TB, repo *orasremote.Repository, subject ocispec.Descriptor, artifactType, note string) ocispec.Descriptor {
	t.Helper()
	desc, err := oras.PackManifest(t.Context(), repo, oras.PackManifestVersion1_1, artifactType, oras.PackManifestOptions{
		Subject: &subject, ManifestAnnotations: map[string]string{"note": note, ocispec.AnnotationCreated: "1970-01-01T00:00:00Z"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return desc
}

func TestOrasCopiesOverARealConnection(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(open(t, t.TempDir()).Handler())
	t.Cleanup(server.Close)
	repo, err := orasremote.NewRepository(strings.TrimPrefix(server.URL, "http://") + "/skills/one")
	if err != nil {
		t.Fatal(err)
	}
	repo.PlainHTTP = true
	source := memory.New()
	layer, err := oras.PushBytes(t.Context(), source, "application/vnd.example.layer", []byte("skill"))
	if err != nil {
		t.Fatal(err)
	}
	root, err := oras.PackManifest(t.Context(), source, oras.PackManifestVersion1_1, "application/vnd.example.skill",
		oras.PackManifestOptions{Layers: []ocispec.Descriptor{layer}})
	if err != nil {
		t.Fatal(err)
	}
	if err := source.Tag(t.Context(), root, "1.0"); err != nil {
		t.Fatal(err)
	}
	if _, err := oras.Copy(t.Context(), source, "1.0", repo, "1.0", oras.DefaultCopyOptions); err != nil {
		t.Fatal(err)
	}
	got, err := repo.Resolve(t.Context(), "1.0")
	if err != nil || got.Digest != root.Digest {
		t.Errorf("resolved to %v, %v", got.Digest, err)
	}
	blob, err := repo.Blobs().Fetch(t.Context(), layer)
	if err != nil {
		t.Fatal(err)
	}
	defer blob.Close()
	if content, err := io.ReadAll(blob); err != nil || string(content) != "skill" {
		t.Errorf("blob %q, %v", content, err)
	}
}

func TestManyPushAtOnceFromTwoProcesses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	transports := []http.RoundTripper{inProcess(t, dir), inProcess(t, dir)}
	shared := randomIndex(t)
	var group sync.WaitGroup
	for i := range 100 {
		group.Go(func() {
			option := remote.WithTransport(transports[i%2])
			if i < 50 {
				if err := remote.WriteIndex(reference(t, fmt.Sprintf("same:%d", i%10)), shared, option); err != nil {
					t.Error(err)
				}
				return
			}
			own, err := random.Image(200, 1)
			if err != nil {
				t.Error(err)
				return
			}
			if err := remote.Write(reference(t, fmt.Sprintf("own/%d:1", i)), own, option); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	option := remote.WithTransport(transports[0])
	for i := range 10 {
		got, err := remote.Index(reference(t, fmt.Sprintf("same:%d", i)), option)
		if err != nil {
			t.Fatal(err)
		}
		if err := validate.Index(got); err != nil {
			t.Error(err)
		}
	}
	repos, err := remote.Catalog(context.Background(), reference(t, "same:1").Context().Registry, option)
	if err != nil || len(repos) != 51 {
		t.Errorf("%d repositories, %v", len(repos), err)
	}
}
