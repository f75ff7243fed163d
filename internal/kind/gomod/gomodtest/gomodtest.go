// Package gomodtest is a module proxy for tests.
package gomodtest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing/fstest"

	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb/dirhash"
	"golang.org/x/mod/zip"
)

// Release is one version of a module.
type Release struct {
	Path, Version string
	Files         map[string]string // by path in the module; go.mod among them
	Archive       []byte            // instead of one made of the files
	Origin        string            // as the proxy's info has it, in JSON; empty for none
}

// Zip returns the release as proxies serve it.
func (r Release) Zip() ([]byte, error) {
	if r.Archive != nil {
		return r.Archive, nil
	}
	var files []zip.File
	for name, content := range r.Files {
		files = append(files, file{name, content})
	}
	var buffer bytes.Buffer
	err := zip.Create(&buffer, module.Version{Path: r.Path, Version: r.Version}, files)
	return buffer.Bytes(), err
}

// Sums returns the lines of a go.sum about the release.
func (r Release) Sums() (string, error) {
	open := func(files map[string]string) func(string) (io.ReadCloser, error) {
		return func(name string) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(files[name])), nil }
	}
	inZip := map[string]string{}
	for name, content := range r.Files {
		inZip[r.Path+"@"+r.Version+"/"+name] = content
	}
	whole, err := dirhash.Hash1(slices.Collect(maps.Keys(inZip)), open(inZip))
	if err != nil {
		return "", err
	}
	mod, err := dirhash.Hash1([]string{"go.mod"}, open(r.Files))
	return fmt.Sprintf("%s %s %s\n%s %s/go.mod %s\n", r.Path, r.Version, whole, r.Path, r.Version, mod), err
}

type file struct{ name, content string }

func (f file) Path() string                 { return f.name }
func (f file) Open() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(f.content)), nil }

func (f file) Lstat() (fs.FileInfo, error) {
	return fs.Stat(fstest.MapFS{f.name: {Data: []byte(f.content), Mode: 0o644}}, f.name)
}

// Proxy serves releases (Go Modules Reference, "GOPROXY protocol").
type Proxy []Release

func (p Proxy) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	for _, r := range p {
		info := fmt.Sprintf(`{"Version":%q`, r.Version)
		if r.Origin != "" {
			info += `,"Origin":` + r.Origin
		}
		switch at := "/" + r.Path + "/@"; request.URL.Path {
		case at + "latest", at + "v/" + r.Version + ".info":
			_, _ = io.WriteString(w, info+"}")
			return
		case at + "v/list":
			_, _ = io.WriteString(w, r.Version+"\n")
			return
		case at + "v/" + r.Version + ".mod":
			_, _ = io.WriteString(w, r.Files["go.mod"])
			return
		case at + "v/" + r.Version + ".zip":
			archive, err := r.Zip()
			if err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
			_, _ = w.Write(archive)
			return
		}
	}
	http.NotFound(w, request)
}

var builds = sync.OnceValues(func() (string, error) {
	out, err := exec.CommandContext(context.Background(), "go", "env", "GOCACHE").Output()
	return strings.TrimSpace(string(out)), err
})

// ShareBuilds lets the caches of a gocmd.Command in dir have the build cache of the user who runs the tests, so that the standard library is
// compiled once.
func ShareBuilds(dir string) error {
	cache, err := builds()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return os.Symlink(cache, filepath.Join(dir, "build"))
}
