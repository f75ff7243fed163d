// Package wheeltest makes wheels and a package index for tests.
package wheeltest

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// Wheel is a wheel to be made. Its zero values are filled with what is usual.
type Wheel struct {
	Name, Version string
	Tag           string // py3-none-any if empty
	Metadata      string // further lines of METADATA
	EntryPoints   string // entry_points.txt; none if empty
	Files         map[string]string
	Modes         map[string]fs.FileMode // of files that are not 0644

	// Record changes the record before it is written.
	Record func(record string) string
	// Change changes the archive once it is made.
	Change func(archive []byte) []byte
}

// File returns the name of the wheel's file.
func (w Wheel) File() string {
	tag := w.Tag
	if tag == "" {
		tag = "py3-none-any"
	}
	return strings.ReplaceAll(w.Name, "-", "_") + "-" + w.Version + "-" + tag + ".whl"
}

// InfoDir returns the folder of its metadata.
func (w Wheel) InfoDir() string {
	return strings.ReplaceAll(w.Name, "-", "_") + "-" + w.Version + ".dist-info"
}

// Bytes returns the archive.
func (w Wheel) Bytes() []byte {
	files := maps.Clone(w.Files)
	if files == nil {
		files = map[string]string{}
	}
	for name, text := range map[string]string{
		"METADATA": fmt.Sprintf("Metadata-Version: 2.4\nName: %s\nVersion: %s\n%s\n\n# %[1]s\n", w.Name, w.Version, strings.TrimSuffix(w.Metadata, "\n")),
		"WHEEL":    "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
	} {
		if _, set := files[w.InfoDir()+"/"+name]; !set {
			files[w.InfoDir()+"/"+name] = text
		}
	}
	if w.EntryPoints != "" {
		files[w.InfoDir()+"/entry_points.txt"] = w.EntryPoints
	}
	var record strings.Builder
	names := slices.Sorted(maps.Keys(files))
	for _, name := range names {
		fmt.Fprintf(&record, "%s,%s,%d\n", name, Hash(files[name]), len(files[name]))
	}
	own := w.InfoDir() + "/RECORD"
	record.WriteString(own + ",,\n")
	files[own] = record.String()
	if w.Record != nil {
		files[own] = w.Record(files[own])
	}
	var b bytes.Buffer
	archive := zip.NewWriter(&b)
	for _, name := range append(names, own) {
		header := &zip.FileHeader{Name: name, Method: zip.Deflate}
		header.SetMode(0o644)
		if mode, ok := w.Modes[name]; ok {
			header.SetMode(mode)
		}
		f, err := archive.CreateHeader(header)
		if err != nil {
			panic(err)
		}
		if _, err := f.Write([]byte(files[name])); err != nil {
			panic(err)
		}
	}
	if err := archive.Close(); err != nil {
		panic(err)
	}
	if w.Change != nil {
		return w.Change(b.Bytes())
	}
	return b.Bytes()
}

// Hash returns a hash as a record has it.
func Hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256=" + base64.RawURLEncoding.EncodeToString(sum[:])
}

// Index is a package index that serves wheels below /simple/ and /files/.
type Index struct {
	mutex sync.Mutex
	files map[string][]byte   // by name
	pages map[string][]string // names of files, by project
	asked []string

	// Handle answers before the index does, if it returns true.
	Handle func(http.ResponseWriter, *http.Request) bool
}

// Add publishes wheels, and returns the index.
func (i *Index) Add(wheels ...Wheel) *Index {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	if i.files == nil {
		i.files, i.pages = map[string][]byte{}, map[string][]string{}
	}
	for _, w := range wheels {
		i.files[w.File()] = w.Bytes()
		i.pages[w.Name] = append(i.pages[w.Name], w.File())
	}
	return i
}

// AddFile publishes any file of a project.
func (i *Index) AddFile(project, name string, content []byte) *Index {
	i.Add()
	i.mutex.Lock()
	defer i.mutex.Unlock()
	i.files[name] = content
	i.pages[project] = append(i.pages[project], name)
	return i
}

// SHA256 returns the hash of a published file, in hexadecimal digits.
func (i *Index) SHA256(file string) string {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	return fmt.Sprintf("%x", sha256.Sum256(i.files[file]))
}

// Asked returns the paths that were asked for.
func (i *Index) Asked() []string {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	return slices.Clone(i.asked)
}

// ServeHTTP answers as an index with pages in HTML.
func (i *Index) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	i.asked = append(i.asked, r.URL.Path)
	if i.Handle != nil && i.Handle(w, r) {
		return
	}
	if file, ok := strings.CutPrefix(r.URL.Path, "/files/"); ok && i.files[file] != nil {
		_, _ = w.Write(i.files[file])
		return
	}
	project := strings.Trim(strings.TrimPrefix(r.URL.Path, "/simple/"), "/")
	if i.pages[project] == nil {
		http.NotFound(w, r)
		return
	}
	_, _ = fmt.Fprintln(w, "<!DOCTYPE html><html><body>")
	for _, file := range i.pages[project] {
		_, _ = fmt.Fprintf(w, "<a href=\"../../files/%s#sha256=%x\">%[1]s</a><br/>\n", file, sha256.Sum256(i.files[file]))
	}
	_, _ = fmt.Fprintln(w, "</body></html>")
}
