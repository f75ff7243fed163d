package flowtest

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strings"
)

// pkg is one version of an npm package.
type pkg struct {
	name, version string
	manifest      map[string]any // package.json, besides name and version
	files         []file
	archive       []byte // instead of one made of the above
	// serve answers requests for the archive, if it is set.
	serve func(w http.ResponseWriter, archive []byte)
}

// file is a file of a package, or a link.
type file struct {
	name, content, link string
	size                int64 // claimed, if not that of content
}

// registry is an npm registry.
type registry struct {
	packages map[string][]pkg // by name, the latest version last
}

func newRegistry(all []pkg) *registry {
	r := &registry{packages: map[string][]pkg{}}
	for _, p := range all {
		if p.archive == nil {
			p.archive = p.pack()
		}
		r.packages[p.name] = append(r.packages[p.name], p)
	}
	return r
}

// ServeHTTP answers for a package, a version of it, or its archive.
func (r *registry) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	name, rest, isArchive := strings.Cut(strings.TrimPrefix(request.URL.Path, "/"), "/-/")
	versions, known := r.packages[name]
	if !known {
		var version string
		name, version = path.Split(name)
		for _, p := range r.packages[strings.TrimSuffix(name, "/")] {
			if p.version == version {
				answer(w, p.describe(request.Host))
				return
			}
		}
		http.NotFound(w, request)
		return
	}
	if !isArchive {
		answer(w, document(versions, request.Host))
		return
	}
	for _, p := range versions {
		switch {
		case rest != p.file():
		case p.serve != nil:
			p.serve(w, p.archive)
			return
		default:
			_, _ = w.Write(p.archive)
			return
		}
	}
	http.NotFound(w, request)
}

func answer(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(value)
}

func document(versions []pkg, host string) map[string]any {
	listed := map[string]any{}
	for _, p := range versions {
		listed[p.version] = p.describe(host)
	}
	latest := versions[len(versions)-1]
	return map[string]any{"name": latest.name, "versions": listed, "dist-tags": map[string]string{"latest": latest.version}}
}

// describe is what the registry says of a version.
func (p pkg) describe(host string) map[string]any {
	record := p.packageJSON()
	sum := sha512.Sum512(p.archive)
	record["dist"] = map[string]string{
		"integrity": "sha512-" + base64.StdEncoding.EncodeToString(sum[:]),
		"tarball":   (&url.URL{Scheme: "http", Host: host, Path: p.name + "/-/" + p.file()}).String(),
	}
	return record
}

// file is the name of the archive.
func (p pkg) file() string { return path.Base(p.name) + "-" + p.version + ".tgz" }

func (p pkg) packageJSON() map[string]any {
	m := map[string]any{"name": p.name, "version": p.version}
	for field, value := range p.manifest {
		m[field] = value
	}
	return m
}

// pack makes the archive as npm pack lays it out.
func (p pkg) pack() []byte {
	manifest, err := json.Marshal(p.packageJSON())
	if err != nil {
		panic(err)
	}
	return tarball(append([]file{{name: "package.json", content: string(manifest)}}, p.files...)...)
}

// tarball panics where a mistake in this package is the only cause.
func tarball(files ...file) []byte {
	var packed bytes.Buffer
	compressed, err := gzip.NewWriterLevel(&packed, gzip.BestSpeed)
	if err != nil {
		panic(err)
	}
	w := tar.NewWriter(compressed)
	for _, f := range files {
		header := &tar.Header{Name: "package/" + f.name, Mode: 0o755, Typeflag: tar.TypeReg, Size: max(f.size, int64(len(f.content)))}
		if f.link != "" {
			header.Typeflag, header.Linkname = tar.TypeSymlink, f.link
		}
		if err := w.WriteHeader(header); err != nil {
			panic(err)
		}
		if _, err := w.Write([]byte(f.content)); err != nil {
			panic(err)
		}
	}
	if err := w.Close(); err != nil && !strings.Contains(err.Error(), "missed writing") {
		panic(fmt.Sprint("tarball: ", err))
	}
	if err := compressed.Close(); err != nil {
		panic(err)
	}
	return packed.Bytes()
}
