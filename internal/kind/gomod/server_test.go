package gomod_test

import (
	"io/fs"
	"maps"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/kind/gomod"
	"github.com/slipway-dev/slipway/internal/kind/gomod/lockfile"
)

// mit is a licence's text, as modules have it.
const mit = `Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation files (the
"Software"), to deal in the Software without restriction, including without limitation the rights to use, copy, modify, merge, publish, distribute,
sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS
IN THE SOFTWARE.
`

// The server that most tests build: a command below a module, which needs one module on every platform and another one on arm64 only.
func serverReleases() []release {
	return []release{
		{Path: "example.com/server", Version: "v1.0.0", Files: map[string]string{
			"go.mod": "module example.com/server\n\ngo 1.24\n\nrequire (\n\texample.com/left v1.2.0\n\texample.com/arm v0.1.0\n\t" +
				"example.com/deep v1.0.0 // indirect\n)\n",
			"LICENSE":                  mit,
			"cmd/server/main.go":       "// Server serves what is left.\npackage main\n\nimport \"example.com/left\"\n\nfunc main() { println(left.Word()) }\n",
			"cmd/server/main_arm64.go": "package main\n\nimport _ \"example.com/arm\"\n",
			"lib/lib.go":               "package lib\n",
		}},
		{Path: "example.com/left", Version: "v1.2.0", Files: map[string]string{
			"go.mod":  "module example.com/left\n\ngo 1.24\n\nrequire example.com/deep v1.0.0\n",
			"left.go": "package left\n\nimport \"example.com/deep\"\n\nfunc Word() string { return deep.Word }\n",
		}},
		{Path: "example.com/arm", Version: "v0.1.0", Files: map[string]string{
			"go.mod": "module example.com/arm\n", "arm.go": "package arm\n", "LICENSE": mit, "LICENSE.txt": "Ask me.\n",
		}},
		{Path: "example.com/deep", Version: "v1.0.0", Files: map[string]string{
			"go.mod": "module example.com/deep\n", "deep.go": "package deep\n\nconst Word = \"one\"\n", "COPYING": mit,
		}},
		{Path: "example.com/deep", Version: "v1.1.0", Files: map[string]string{
			"go.mod": "module example.com/deep\n", "deep.go": "package deep\n\nconst Word = \"two\"\n", "COPYING": mit,
		}},
	}
}

// changed returns the releases with other content in some files of one of them.
func changed(path string, files map[string]string) []release {
	releases := serverReleases()
	for i, r := range releases {
		if r.Path == path {
			releases[i].Files = maps.Clone(r.Files)
			maps.Copy(releases[i].Files, files)
		}
	}
	return releases
}

func serverEntry() entry.Entry {
	return entry.Entry{Kind: entry.Go, Name: "server", Package: &entry.Package{Name: "example.com/server/cmd/server", Version: "v1.0.0"}}
}

// lock returns an entry's folder with the lock that the ecosystem makes.
func lock(t testing.TB, eco *gomod.Ecosystem, e entry.Entry) fstest.MapFS {
	t.Helper()
	files, err := eco.Lock(t.Context(), e, fstest.MapFS{})
	if err != nil {
		t.Fatal(err)
	}
	return mapFS(files)
}

func mapFS(files map[string][]byte) fstest.MapFS {
	dir := fstest.MapFS{}
	for name, data := range files {
		dir[name] = &fstest.MapFile{Data: data}
	}
	return dir
}

// edited returns a folder in whose lock old is replaced by new, in both files.
func edited(t testing.TB, dir fs.FS, old, replacement string) fs.FS {
	t.Helper()
	out, found := fstest.MapFS{}, false
	for _, name := range []string{lockfile.ModFile, lockfile.SumFile} {
		data, err := fs.ReadFile(dir, name)
		if err != nil {
			t.Fatal(err)
		}
		found = found || strings.Contains(string(data), old)
		out[name] = &fstest.MapFile{Data: []byte(strings.ReplaceAll(string(data), old, replacement))}
	}
	if !found {
		t.Fatalf("the lock has no %q", old)
	}
	return out
}
