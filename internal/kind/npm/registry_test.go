package npm_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/fetch"
	"github.com/slipway-dev/slipway/internal/kind/npm"
	"github.com/slipway-dev/slipway/internal/kind/npm/npmrc"
)

// object is a JSON object in a test.
type object = map[string]any

// release is one version of a package that a test registry serves.
type release struct {
	manifest object // package.json
	files    []file // besides package.json
	archive  []byte // instead of one made of the above
}

// file is an entry of a tar archive, by default a regular file.
type file struct {
	name, content string
	mode          int64
	kind          byte
	link          string
	size          int64 // claimed, if not that of content
}

func (r release) name() string    { return r.manifest["name"].(string) }
func (r release) version() string { return r.manifest["version"].(string) }

// tarball returns the archive as npm pack lays it out.
func (r release) tarball(t testing.TB) []byte {
	t.Helper()
	if r.archive != nil {
		return r.archive
	}
	manifest, err := json.Marshal(r.manifest)
	if err != nil {
		t.Fatal(err)
	}
	return tgz(t, append([]file{{name: "package/package.json", content: string(manifest)}}, r.files...)...)
}

func tgz(t testing.TB, files ...file) []byte {
	t.Helper()
	var buffer bytes.Buffer
	compressed := gzip.NewWriter(&buffer)
	w := tar.NewWriter(compressed)
	for _, f := range files {
		header := &tar.Header{Name: f.name, Mode: f.mode, Typeflag: f.kind, Linkname: f.link, Size: int64(len(f.content)), Format: tar.FormatPAX}
		if f.kind == 0 {
			header.Typeflag = tar.TypeReg
		}
		if f.mode == 0 {
			header.Mode = 0o644
		}
		if f.size != 0 {
			header.Size = f.size
		}
		if err := w.WriteHeader(header); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(f.content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil && !strings.Contains(err.Error(), "missed writing") {
		t.Fatal(err)
	}
	_ = w.Close() // fails where a test claims more bytes than it writes
	if err := compressed.Close(); err != nil {
		t.Fatal(err)
	}
	return buffer.Bytes()
}

func integrity(data []byte) string {
	sum := sha512.Sum512(data)
	return "sha512-" + base64.StdEncoding.EncodeToString(sum[:])
}

// registry is an npm registry on loopback.
type registry struct {
	*httptest.Server
	t testing.TB

	mutex    sync.Mutex
	releases map[string]map[string]release // by name and version
	requests []*http.Request

	// handle answers before the registry does, if it returns true.
	handle func(http.ResponseWriter, *http.Request) bool
}

func newRegistry(t testing.TB, releases ...release) *registry {
	t.Helper()
	r := &registry{t: t, releases: map[string]map[string]release{}}
	for _, one := range releases {
		if r.releases[one.name()] == nil {
			r.releases[one.name()] = map[string]release{}
		}
		r.releases[one.name()][one.version()] = one
	}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

func (r *registry) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	r.mutex.Lock()
	r.requests = append(r.requests, request)
	r.mutex.Unlock()
	if r.handle != nil && r.handle(w, request) {
		return
	}
	name, archive, isArchive := strings.Cut(strings.TrimPrefix(request.URL.Path, "/npm/"), "/-/")
	versions := r.releases[name]
	if versions == nil {
		http.NotFound(w, request)
		return
	}
	if !isArchive {
		r.describe(w, name, versions)
		return
	}
	for version, release := range versions {
		if archive == name[strings.LastIndexByte(name, '/')+1:]+"-"+version+".tgz" {
			_, _ = w.Write(release.tarball(r.t))
			return
		}
	}
	http.NotFound(w, request)
}

// describe answers with what a registry says of a package. The latest version is the last one that the test has given.
func (r *registry) describe(w http.ResponseWriter, name string, versions map[string]release) {
	document := object{"name": name}
	listed := object{}
	latest := ""
	for version, release := range versions {
		record := object{"dist": object{
			"integrity": integrity(release.tarball(r.t)),
			"tarball":   fmt.Sprintf("%s/npm/%s/-/%s-%s.tgz", r.URL, name, name[strings.LastIndexByte(name, '/')+1:], version),
		}}
		for field, value := range release.manifest {
			record[field] = value
		}
		listed[version] = record
		latest = max(latest, version)
	}
	document["versions"], document["dist-tags"] = listed, object{"latest": latest}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(document)
}

// ecosystem returns an ecosystem over the registry, with an empty cache that never waits.
func (r *registry) ecosystem(run npm.Runner, settings ...string) *npm.Ecosystem {
	r.t.Helper()
	return r.process(r.cacheDir(), run, settings...)
}

// cacheDir is an empty folder for a cache.
func (r *registry) cacheDir() string {
	r.t.Helper()
	// A download that was given up may still write for a moment, which t.TempDir would take for a failure.
	dir, err := os.MkdirTemp("", "slipway-npm-test-")
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// process returns the ecosystem of a process that works with a cache.
func (r *registry) process(dir string, run npm.Runner, settings ...string) *npm.Ecosystem {
	r.t.Helper()
	cache := fetch.New(filepath.Join(dir, "downloads"), nil)
	cache.Clock = fetch.Clock{Now: time.Now, Sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }}
	config, err := npmrc.Load(npmrc.Sources{Environ: append(settings, "npm_config_registry="+r.URL+"/npm")})
	if err != nil {
		r.t.Fatal(err)
	}
	return npm.New(cache, npm.NewArchives(filepath.Join(dir, "archives")), config, run)
}

func (r *registry) host() string {
	u, err := url.Parse(r.URL)
	if err != nil {
		r.t.Fatal(err)
	}
	return u.Host
}
