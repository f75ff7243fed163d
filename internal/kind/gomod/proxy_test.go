package gomod_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb/dirhash"
	"golang.org/x/mod/zip"

	"github.com/slipway-dev/slipway/internal/kind/gomod"
	"github.com/slipway-dev/slipway/internal/kind/gomod/gocmd"
)

// release is one version of a module that a test proxy serves.
type release struct {
	path, version string
	files         map[string]string // by path in the module; go.mod among them
	archive       []byte            // instead of one made of the files
	origin        string            // as the proxy's info has it, in JSON
}

func (r release) zip(t testing.TB) []byte {
	t.Helper()
	if r.archive != nil {
		return r.archive
	}
	var files []zip.File
	for name, content := range r.files {
		files = append(files, zipFile{name, content})
	}
	var buffer bytes.Buffer
	if err := zip.Create(&buffer, module.Version{Path: r.path, Version: r.version}, files); err != nil {
		t.Fatal(err)
	}
	return buffer.Bytes()
}

// sums returns the lines of a go.sum about the release.
func (r release) sums(t testing.TB) string {
	t.Helper()
	open := func(files map[string]string) func(string) (io.ReadCloser, error) {
		return func(name string) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(files[name])), nil }
	}
	inZip := map[string]string{}
	for name, content := range r.files {
		inZip[r.path+"@"+r.version+"/"+name] = content
	}
	whole, err := dirhash.Hash1(slices.Collect(maps.Keys(inZip)), open(inZip))
	if err != nil {
		t.Fatal(err)
	}
	mod, err := dirhash.Hash1([]string{"go.mod"}, open(r.files))
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%s %s %s\n%s %s/go.mod %s\n", r.path, r.version, whole, r.path, r.version, mod)
}

type zipFile struct{ name, content string }

func (f zipFile) Path() string { return f.name }
func (f zipFile) Open() (io.ReadCloser, error) {
	return io.NopCloser(strings.NewReader(f.content)), nil
}

func (f zipFile) Lstat() (fs.FileInfo, error) {
	return fs.Stat(fstest.MapFS{f.name: {Data: []byte(f.content), Mode: 0o644}}, f.name)
}

// proxy is a module proxy on loopback (Go Modules Reference, "GOPROXY protocol").
type proxy struct {
	*httptest.Server
	t        testing.TB
	releases []release

	// handle answers before the proxy does, if it returns true.
	handle func(http.ResponseWriter, *http.Request) bool

	mutex sync.Mutex
	asked []string
}

func newProxy(t testing.TB, releases ...release) *proxy {
	t.Helper()
	p := &proxy{t: t, releases: releases}
	p.Server = httptest.NewServer(p)
	t.Cleanup(p.Close)
	return p
}

func (p *proxy) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	p.mutex.Lock()
	p.asked = append(p.asked, request.URL.Path)
	p.mutex.Unlock()
	if p.handle != nil && p.handle(w, request) {
		return
	}
	for _, r := range p.releases {
		info := fmt.Sprintf(`{"Version":%q`, r.version)
		if r.origin != "" {
			info += `,"Origin":` + r.origin
		}
		switch at := "/" + r.path + "/@"; request.URL.Path {
		case at + "latest", at + "v/" + r.version + ".info":
			_, _ = io.WriteString(w, info+"}")
			return
		case at + "v/list":
			_, _ = io.WriteString(w, r.version+"\n")
			return
		case at + "v/" + r.version + ".mod":
			_, _ = io.WriteString(w, r.files["go.mod"])
			return
		case at + "v/" + r.version + ".zip":
			_, _ = w.Write(r.zip(p.t))
			return
		}
	}
	http.NotFound(w, request)
}

// builds is the build cache of the user who runs the tests: the runtime is compiled once.
var builds = sync.OnceValues(func() (string, error) {
	out, err := exec.CommandContext(context.Background(), "go", "env", "GOCACHE").Output()
	return strings.TrimSpace(string(out)), err
})

// folder returns a folder that ends with the test. What was killed may still write for a moment, which t.TempDir would take for a failure.
func folder(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "slipway-gomod-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// ecosystem returns an ecosystem over the proxy, with caches of its own but for what is compiled, under settings of the user.
func (p *proxy) ecosystem(settings ...string) *gomod.Ecosystem {
	p.t.Helper()
	dir := folder(p.t)
	cache, err := builds()
	if err != nil {
		p.t.Fatal(err)
	}
	if err := os.Symlink(cache, filepath.Join(dir, "build")); err != nil {
		p.t.Fatal(err)
	}
	environ := append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "GOPROXY=" + p.URL, "GOSUMDB=off"}, settings...)
	command := gocmd.New(dir, environ)
	command.Limits.Network = time.Minute
	return gomod.New(command, filepath.Join(dir, "programs"))
}
