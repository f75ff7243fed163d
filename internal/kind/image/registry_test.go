package image

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/sigstore/sigstore-go/pkg/root"

	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/fetch"
)

// registry is a registry that gives out whatever a test put into it: a real one would refuse what hostile images need.
type registry struct {
	*httptest.Server

	mu     sync.Mutex
	files  map[string][]byte // by the path below /v2/owner/server/
	refuse func(w http.ResponseWriter, r *http.Request) bool
	asked  []string
}

func newRegistry(t *testing.T) *registry {
	r := &registry{files: map[string][]byte{}}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

func (r *registry) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked = append(r.asked, request.URL.Path)
	if r.refuse != nil && r.refuse(w, request) {
		return
	}
	if request.URL.Path == "/v2/" {
		return
	}
	content, ok := r.files[strings.TrimPrefix(request.URL.Path, "/v2/owner/server/")]
	if !ok {
		http.NotFound(w, request)
		return
	}
	_, _ = w.Write(content)
}

// name of the repository, without tag.
func (r *registry) name() string { return strings.TrimPrefix(r.URL, "http://") + "/owner/server" }

func (r *registry) blob(content []byte, mediaType string) ocispec.Descriptor {
	d := ocispec.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(content), Size: int64(len(content))}
	r.files["blobs/"+d.Digest.String()] = content
	return d
}

// manifest stores a document under its digest and a tag, if one is given.
func (r *registry) manifest(document any, mediaType, tag string) ocispec.Descriptor {
	raw, ok := document.([]byte)
	if !ok {
		var err error
		if raw, err = json.Marshal(document); err != nil {
			panic(err)
		}
	}
	d := ocispec.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(raw), Size: int64(len(raw))}
	r.files["manifests/"+d.Digest.String()] = raw
	if tag != "" {
		r.files["manifests/"+tag] = raw
	}
	return d
}

// file is one of a layer.
type file struct {
	name, content, link string
	mode                int64
}

// archive packs files, in their order.
func archive(files ...file) []byte {
	var packed bytes.Buffer
	w := tar.NewWriter(&packed)
	for _, f := range files {
		h := &tar.Header{Name: f.name, Mode: max(f.mode, 0o644), Typeflag: tar.TypeReg, Size: int64(len(f.content))}
		if f.link != "" {
			h.Typeflag, h.Linkname = tar.TypeSymlink, f.link
		}
		if strings.HasSuffix(f.name, "/") {
			h.Typeflag = tar.TypeDir
		}
		if err := w.WriteHeader(h); err != nil {
			panic(err)
		}
		if _, err := w.Write([]byte(f.content)); err != nil {
			panic(err)
		}
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return packed.Bytes()
}

func compress(plain []byte) []byte {
	var packed bytes.Buffer
	w, _ := gzip.NewWriterLevel(&packed, gzip.BestSpeed)
	_, _ = w.Write(plain)
	_ = w.Close()
	return packed.Bytes()
}

// picture is an image before it is stored, to be made wrong.
type picture struct {
	manifest ocispec.Manifest
	config   ocispec.Image
}

// draw makes an image of layers for an architecture.
func (r *registry) draw(arch string, layers ...[]byte) *picture {
	p := &picture{manifest: ocispec.Manifest{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest}}
	p.config.OS, p.config.Architecture, p.config.RootFS.Type = "linux", arch, "layers"
	p.config.Config.Entrypoint = []string{"/server"}
	for _, plain := range layers {
		p.manifest.Layers = append(p.manifest.Layers, r.blob(compress(plain), ocispec.MediaTypeImageLayerGzip))
		p.config.RootFS.DiffIDs = append(p.config.RootFS.DiffIDs, digest.FromBytes(plain))
	}
	return p
}

// store puts an image into the registry.
func (r *registry) store(p *picture, tag string) ocispec.Descriptor {
	if p.manifest.Config.Digest == "" {
		raw, err := json.Marshal(p.config)
		if err != nil {
			panic(err)
		}
		p.manifest.Config = r.blob(raw, ocispec.MediaTypeImageConfig)
	}
	d := r.manifest(p.manifest, p.manifest.MediaType, tag)
	d.Platform = &ocispec.Platform{OS: p.config.OS, Architecture: p.config.Architecture, Variant: p.config.Variant}
	return d
}

// index puts an index of manifests into the registry.
func (r *registry) index(tag string, manifests ...ocispec.Descriptor) ocispec.Descriptor {
	return r.manifest(ocispec.Index{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex, Manifests: manifests,
	}, ocispec.MediaTypeImageIndex, tag)
}

// honest puts the image of a server for both platforms into the registry as 1.2.3, beside an attestation manifest as builders leave them.
func (r *registry) honest() ocispec.Descriptor {
	var all []ocispec.Descriptor
	for _, arch := range []string{"amd64", "arm64"} {
		base := archive(
			file{name: "etc/os-release", content: "ID=debian\nVERSION_ID=\"13\"\n"},
			file{name: "var/lib/dpkg/status", content: "Package: libc6\nStatus: install ok installed\nVersion: 2.41-12\nArchitecture: " + arch + "\n"},
		)
		server := archive(file{name: "server", content: "#!/bin/sh\n", mode: 0o755})
		all = append(all, r.store(r.draw(arch, base, server), ""))
	}
	note := r.manifest(map[string]any{"schemaVersion": 2}, ocispec.MediaTypeImageManifest, "")
	note.Platform = &ocispec.Platform{OS: "unknown", Architecture: "unknown"}
	return r.index("1.2.3", append(all, note)...)
}

// ecosystem is one that waits for nothing, over a cache of its own.
func ecosystem(t *testing.T, options ...func(*Options)) *Ecosystem {
	cache := fetch.New(t.TempDir(), nil)
	cache.Clock = fetch.Clock{Now: time.Now, Sleep: func(context.Context, time.Duration) error { return nil }}
	o := Options{
		Transport: http.DefaultTransport, Keychain: authn.NewMultiKeychain(), Platforms: []string{"linux/amd64", "linux/arm64"}, Version: "test",
		Trust: func(context.Context) (root.TrustedMaterial, error) {
			t.Error("the trust root was asked for")
			return nil, context.Canceled
		},
	}
	for _, set := range options {
		set(&o)
	}
	return New(cache, o)
}

// entry is one for the registry's image with a digest, which may be empty.
func (r *registry) entry(of digest.Digest) entry.Entry {
	return entry.Entry{Kind: entry.Container, Name: "server", Image: &entry.Image{Name: r.name(), Tag: "1.2.3", Digest: of.String()}}
}

// locked returns the folder of an entry after it was locked.
func locked(t *testing.T, i *Ecosystem, e entry.Entry) fstest.MapFS {
	t.Helper()
	files, err := i.Lock(t.Context(), e, fstest.MapFS{})
	if err != nil {
		t.Fatal(err)
	}
	return fstest.MapFS{LockFile: {Data: files[LockFile]}}
}

// keys is a user's credentials.
type keys map[string]authn.AuthConfig // by registry

func (k keys) Resolve(r authn.Resource) (authn.Authenticator, error) {
	if config, ok := k[r.RegistryStr()]; ok {
		return authn.FromConfig(config), nil
	}
	return authn.Anonymous, nil
}

var _ authn.Keychain = keys{}

// host of the registry, as credentials name it.
func (r *registry) host() string {
	repo, err := name.NewRepository(r.name())
	if err != nil {
		panic(err)
	}
	return repo.RegistryStr()
}
