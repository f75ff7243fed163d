package image

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// TestHostileImages takes images that were made to mislead. Each is pinned: that a digest is right says nothing about what it stands for.
func TestHostileImages(t *testing.T) {
	t.Parallel()
	layer := archive(file{name: "server", content: "#!/bin/sh\n", mode: 0o755})
	for name, c := range map[string]struct {
		spoil func(r *registry, p *picture)
		want  string
	}{
		"wrong diff ID": {func(_ *registry, p *picture) {
			p.config.RootFS.DiffIDs[0] = digest.FromString("another")
		}, "and the configuration says"},
		"no diff ID":     {func(_ *registry, p *picture) { p.config.RootFS.DiffIDs = nil }, "0 diff IDs for 1 layers"},
		"wrong size":     {func(_ *registry, p *picture) { p.manifest.Layers[0].Size++ }, "its descriptor says"},
		"size too small": {func(_ *registry, p *picture) { p.manifest.Layers[0].Size-- }, "is larger than"},
		"negative size":  {func(_ *registry, p *picture) { p.manifest.Layers[0].Size = -1 }, "says to have -1 bytes"},
		"huge size":      {func(_ *registry, p *picture) { p.manifest.Layers[0].Size = maxImage + 1 }, "an image may have"},
		"many layers": {func(_ *registry, p *picture) {
			for range maxLayers {
				p.manifest.Layers = append(p.manifest.Layers, p.manifest.Layers[0])
			}
		}, "129 layers"},
		"no layers": {func(_ *registry, p *picture) { p.manifest.Layers = []ocispec.Descriptor{} }, "0 layers"},
		"foreign layer": {func(_ *registry, p *picture) {
			p.manifest.Layers[0].MediaType = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
		}, "cannot be checked"},
		"layer elsewhere": {func(_ *registry, p *picture) {
			p.manifest.Layers[0].URLs = []string{"http://169.254.169.254/latest/meta-data"}
		}, "names other addresses"},
		"weak digest": {func(_ *registry, p *picture) {
			p.manifest.Layers[0].Digest = "md5:d41d8cd98f00b204e9800998ecf8427e"
		}, "want a SHA-256"},
		"digest that is a path": {func(_ *registry, p *picture) { p.manifest.Layers[0].Digest = "sha256:../../../etc/passwd" }, "want a SHA-256"},
		"other content": {func(r *registry, p *picture) {
			r.files["blobs/"+p.manifest.Layers[0].Digest.String()] = compress(archive(file{name: "x"}))
		}, "the wrong content"},
		"layer gone": {func(r *registry, p *picture) { delete(r.files, "blobs/"+p.manifest.Layers[0].Digest.String()) }, "404"},
		"huge configuration": {func(r *registry, p *picture) {
			p.manifest.Config = r.blob(bytes.Repeat([]byte(" "), maxConfig+1), ocispec.MediaTypeImageConfig)
		}, "at most 4194304 are read"},
		"configuration that lies about its size": {func(r *registry, p *picture) {
			p.manifest.Config = r.blob(bytes.Repeat([]byte(" "), maxConfig+1), ocispec.MediaTypeImageConfig)
			p.manifest.Config.Size = 2
		}, "is larger than"},
		"configuration of an artifact": {func(r *registry, p *picture) {
			p.manifest.Config = r.blob([]byte("{}"), "application/vnd.cncf.helm.config.v1+json")
		}, "not an image to run"},
		"another platform": {func(_ *registry, p *picture) { p.config.Architecture = "s390x" }, "the configuration is for linux/s390x"},
		"layer that is no archive": {func(r *registry, p *picture) {
			junk := bytes.Repeat([]byte("junk"), 1000)
			p.manifest.Layers[0] = r.blob(compress(junk), ocispec.MediaTypeImageLayerGzip)
			p.config.RootFS.DiffIDs[0] = digest.FromBytes(junk)
		}, "layer 1: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRegistry(t)
			p := r.draw("amd64", layer)
			c.spoil(r, p)
			d := r.store(p, "")
			d.Platform.Architecture = "amd64"
			top := r.index("1.2.3", d)
			i := ecosystem(t)
			e := r.entry(top.Digest)
			_, err := i.Artifact(t.Context(), e, locked(t, i, e))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("want an error with %q, got %v", c.want, err)
			}
		})
	}
}

// TestHostileManifests pins documents that are no manifest, or too much of one.
func TestHostileManifests(t *testing.T) {
	t.Parallel()
	image := `"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:00","size":1},"layers":[]`
	for name, c := range map[string]struct{ text, want string }{
		"index and image at once": {`{"schemaVersion":2,"manifests":[{}],` + image + `}`, "an index and an image at once"},
		"bomb":                    {`{"schemaVersion":2,"manifests":[` + strings.Repeat("{},", maxManifests) + `{}]}`, "257 manifests"},
		"empty index":             {`{"schemaVersion":2,"manifests":[]}`, "0 manifests"},
		"schema 1":                {`{"schemaVersion":1,"fsLayers":[]}`, "Docker's first schema"},
		"index of another type":   {`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","manifests":[{}]}`, "calls itself"},
		"image of another type":   {`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json",` + image + `}`, "calls itself"},
		"page":                    {`<html>`, "not valid JSON"},
		"nothing":                 {`{}`, "schema version 0"},
		"neither":                 {`{"schemaVersion":2}`, "neither an index nor"},
		"too long":                {`{"schemaVersion":2,"x":"` + strings.Repeat("x", maxManifest) + `"}`, "larger than"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRegistry(t)
			top := r.manifest([]byte(c.text), ocispec.MediaTypeImageIndex, "1.2.3")
			i := ecosystem(t)
			e := r.entry(top.Digest)
			if _, err := i.Lock(t.Context(), e, fstest.MapFS{}); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("lock: want an error with %q, got %v", c.want, err)
			}
			lock := fmt.Sprintf("{\n  \"tag\": \"1.2.3\",\n  \"digest\": %q,\n  \"platforms\": [\n    {\n      \"platform\": \"linux/amd64\",\n"+
				"      \"digest\": %q\n    }\n  ]\n}\n", top.Digest, top.Digest)
			if _, err := i.Artifact(t.Context(), e, fstest.MapFS{LockFile: {Data: []byte(lock)}}); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("artifact: want an error with %q, got %v", c.want, err)
			}
		})
	}
}

// TestLocksThatLie name an image that the index does not have.
func TestLocksThatLie(t *testing.T) {
	t.Parallel()
	r := newRegistry(t)
	top := r.honest()
	other := r.store(r.draw("amd64", archive(file{name: "evil"})), "")
	i := ecosystem(t)
	e := r.entry(top.Digest)
	honest := string(locked(t, i, e)[LockFile].Data)
	at := strings.LastIndex(honest, "sha256:")
	lied := honest[:at] + other.Digest.String() + honest[at+len(other.Digest):]
	_, err := i.Artifact(t.Context(), e, fstest.MapFS{LockFile: {Data: []byte(lied)}})
	if err == nil || !strings.Contains(err.Error(), "ask who changed the lock") {
		t.Errorf("another image than the index's: %v", err)
	}
	_, err = i.Artifact(t.Context(), e, fstest.MapFS{LockFile: {Data: []byte(strings.Replace(honest, "linux/arm64", "linux/riscv64", 1))}})
	if err == nil || !strings.Contains(err.Error(), "ask who changed the lock") {
		t.Errorf("a platform that the index lacks: %v", err)
	}
}

// TestRegistriesThatFail gives every answer a failing registry gives, for content and for what is signed about it.
func TestRegistriesThatFail(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status int
		path   string // a part of those that fail
		want   string
	}{
		"no such tag":            {http.StatusNotFound, "/manifests/1.2.3", "there is no such file"},
		"forbidden":              {http.StatusForbidden, "/manifests/", "refuses to show owner/server"},
		"too many requests":      {http.StatusTooManyRequests, "/manifests/", "429"},
		"broken":                 {http.StatusInternalServerError, "/manifests/", "500"},
		"broken for the login":   {http.StatusInternalServerError, "/v2/", "500"},
		"wants a strange login":  {http.StatusUnauthorized, "/v2/", "401"},
		"broken for layers":      {http.StatusBadGateway, "/blobs/", "502"},
		"broken for referrers":   {http.StatusInternalServerError, "/referrers/", "500"},
		"forbidden referrers":    {http.StatusForbidden, "/referrers/", "docker login"},
		"broken for signatures":  {http.StatusServiceUnavailable, ".sig", "503"},
		"broken for the old way": {http.StatusServiceUnavailable, ".att", "503"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRegistry(t)
			top := r.honest()
			e := r.entry(top.Digest)
			dir := locked(t, ecosystem(t), e)
			if c.status == http.StatusNotFound {
				delete(r.files, "manifests/1.2.3")
			} else {
				r.mu.Lock()
				r.refuse = func(w http.ResponseWriter, request *http.Request) bool {
					if strings.Contains(request.URL.Path, c.path) {
						w.WriteHeader(c.status)
						return true
					}
					return false
				}
				r.mu.Unlock()
			}
			i := ecosystem(t)
			_, lockErr := i.Lock(t.Context(), e, fstest.MapFS{})
			_, err := i.Artifact(t.Context(), e, dir)
			if c.status == http.StatusNotFound {
				err = lockErr
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("want an error with %q, got %v", c.want, err)
			}
		})
	}
}
