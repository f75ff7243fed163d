//go:build e2e

package e2e

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/slipway-dev/slipway/internal/build"
	"github.com/slipway-dev/slipway/internal/fetch"
	"github.com/slipway-dev/slipway/internal/kind/pypi/index"
	"github.com/slipway-dev/slipway/internal/kind/pypi/pipconf"
	"github.com/slipway-dev/slipway/internal/kind/pypi/wheeltest"
)

// sdistIndex serves an sdist, and what it does not have from this machine's own index.
func sdistIndex(t *testing.T, s wheeltest.Sdist) string {
	t.Helper()
	home, err := os.UserHomeDir()
	if err != nil {
		t.Fatal(err)
	}
	config, err := pipconf.Load(pipconf.Sources{Home: home, System: "/etc", Environ: os.Environ(), Ask: pipconf.Machine(t.TempDir(), os.Environ())})
	if err != nil {
		t.Fatal(err)
	}
	others := index.New(fetch.New(t.TempDir(), nil), config)
	served := new(wheeltest.Index).AddFile(s.Name, s.File(), s.Bytes())
	served.Handle = func(w http.ResponseWriter, r *http.Request) bool {
		project, ok := strings.CutPrefix(r.URL.Path, "/simple/")
		project = strings.Trim(project, "/")
		if !ok || project == s.Name {
			return false
		}
		files, err := others.Files(r.Context(), project)
		if err != nil {
			http.NotFound(w, r)
			return true
		}
		_, _ = fmt.Fprint(w, "<!DOCTYPE html><html><body>")
		for _, f := range files {
			_, _ = fmt.Fprintf(w, "<a href=\"%s#sha256=%s\">%s</a>\n", f.URL, f.SHA256, f.Name)
		}
		_, _ = fmt.Fprint(w, "</body></html>")
		return true
	}
	server := httptest.NewServer(served)
	t.Cleanup(server.Close)
	return server.URL + "/simple"
}

// putSdist writes an entry whose package is an sdist of the same name.
func putSdist(t *testing.T, root string, s wheeltest.Sdist) {
	t.Helper()
	put(t, root, "catalog/uvx/"+s.Name+"/entry.cue", `package entry

import "github.com/slipway-dev/slipway/schema"

schema.#UVX
name:        "`+s.Name+`"
title:       "From source"
description: "Adds numbers"
publisher: name: "Somebody"
package: {name: "`+s.Name+`", version: "`+s.Version+`"}
sdists: [{package: "`+s.Name+`", reason: "It has no wheel"}]
permissions: network: {}
`)
}

// sdistCatalog is a catalog with an entry for an sdist, and the command in it with a folder for its caches.
func sdistCatalog(t *testing.T, cache string, s wheeltest.Sdist) (catalogctl client, root string) {
	t.Helper()
	root = t.TempDir()
	put(t, root, "catalog/catalog.cue", settings)
	putSdist(t, root, s)
	catalogctl = newCommand(t, root)
	catalogctl.env = append(catalogctl.env, "PIP_INDEX_URL="+sdistIndex(t, s), "XDG_CACHE_HOME="+cache)
	return catalogctl, root
}

const sourceServer = `import json, sys

def answer(message):
    if message["method"] == "initialize":
        return {"protocolVersion": message["params"]["protocolVersion"], "capabilities": {"tools": {}}, "serverInfo": {"name": "old", "version": "1"}}
    return {"tools": [{"name": "add", "description": "Adds numbers", "inputSchema": {"type": "object"}}]}

def run():
    for line in sys.stdin:
        message = json.loads(line)
        if "id" in message:
            print(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": answer(message)}), flush=True)
`

// TestAServerWithoutAWheel builds one by setuptools, in the real sandbox, and boots what came of it.
func TestAServerWithoutAWheel(t *testing.T) {
	t.Parallel()
	cache := t.TempDir()
	catalogctl, root := sdistCatalog(t, cache, wheeltest.Sdist{Name: "old-server", Version: "1.0", Files: map[string]string{
		"setup.py": `from setuptools import setup
setup(name="old-server", version="1.0", py_modules=["old_server", "animals_a", "animals_b", "animals_c", "minus", "parentheses", "power", "null"], entry_points={"console_scripts": ["old-server=old_server:run"]})`,
		"old_server.py": sourceServer, "animals_a.py": animals, "animals_b.py": "class A:\n    zebra = \"zebra\"\n    gnu = \"gnu\"\n", "animals_c.py": animals,
		// Sources that a compiler could stumble over.
		"minus.py": "x = " + strings.Repeat("-", 1_000_000) + "1", "parentheses.py": "x = " + strings.Repeat("(", 100_000),
		"power.py": "x = 10**10**10", "null.py": "x = 1\x00",
	}})
	catalogctl.run(t, "-q", "lock", "old-server")
	if lock, err := os.ReadFile(filepath.Join(root, "catalog/uvx/old-server/build-requirements.txt")); err != nil || !strings.Contains(string(lock), "\nsetuptools==") {
		t.Errorf("the lock of build requirements is %q, %v", lock, err)
	}
	catalogctl.run(t, "-q", "inspect", "old-server")
	first := parse(t, catalogctl.run(t, "-q", "--json", "release", "old-server"))
	if first.Verdict != "pass" || first.Tools != 1 || len(first.Platforms) != 2 {
		t.Fatalf("release: %+v", first)
	}
	catalogctl.run(t, "-q", "verify", first.Reference)
	compiled := compiledIn(t, filepath.Join(root, "dist/uvx/old-server"), 1)
	if names := slices.Sorted(maps.Keys(compiled)); !slices.Equal(names, []string{"animals_a", "animals_b", "animals_c", "old_server", "power"}) {
		t.Errorf("compiled are %q", names)
	}
	if strings.ReplaceAll(compiled["animals_a"], "animals_a.py", "animals_c.py") != compiled["animals_c"] {
		t.Errorf("the same source was compiled to something else after another:\n%q\n%q", compiled["animals_a"], compiled["animals_c"])
	}
	library := compiledIn(t, filepath.Join(root, "dist/uvx/old-server"), 2)
	for _, module := range []string{"os", "ssl", "_sysconfigdata__linux_x86_64-linux-gnu"} {
		if library[module] == "" {
			t.Errorf("of the standard library %d modules are compiled, and %s is none of them", len(library), module)
		}
	}
	attested := attestations(t, filepath.Join(root, "dist", "registry"))
	for _, want := range []string{"pkg:pypi/old-server@1.0?file_name=old_server-1.0.tar.gz", `"uri":"pkg:pypi/setuptools@`, "old-server/build-requirements.txt"} {
		if !strings.Contains(attested, want) {
			t.Errorf("no evidence names %s", want)
		}
	}
	for _, folder := range []string{"built", "layers", "inspections"} {
		if err := os.RemoveAll(filepath.Join(cache, "slipway", folder)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.RemoveAll(filepath.Join(root, "dist")); err != nil {
		t.Fatal(err)
	}
	if again := parse(t, catalogctl.run(t, "-q", "--json", "release", "old-server")); again.Digest != first.Digest {
		t.Errorf("released as %s, then as %s", first.Digest, again.Digest)
	}
}

// animals is a source of which CPython makes something else where its strings were names in a source before, in the same process.
const animals = `def one(x):
    if x in {"zebra", "gnu"}: pass
def two(x):
    if x in {"gnu", "zebra"}: pass
    return x in ("zebra",)
`

// compiledIn returns the modules that lie compiled in a layer of the image for amd64 in a layout, by name. The top layer is 1.
func compiledIn(t *testing.T, dir string, fromTop int) (modules map[string]string) {
	t.Helper()
	modules = map[string]string{}
	layout, err := build.Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	image, ok := layout.Platform(v1.Platform{OS: "linux", Architecture: "amd64"})
	if !ok {
		t.Fatal("there is no image for amd64")
	}
	layers, err := image.Content.Layers()
	if err != nil {
		t.Fatal(err)
	}
	content, err := layers[len(layers)-fromTop].Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer content.Close()
	for archive := tar.NewReader(content); ; {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if name, ok := strings.CutSuffix(filepath.Base(h.Name), ".cpython-313.pyc"); ok {
			compiled, err := io.ReadAll(archive)
			if err != nil {
				t.Fatal(err)
			}
			modules[name] = string(compiled)
		}
	}
	return modules
}

// attestations returns what the statements in a registry say, one after the other, without spaces.
func attestations(t *testing.T, registry string) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(registry, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		var envelope struct{ Payload []byte }
		if json.Unmarshal(data, &envelope) == nil {
			all.Write(bytes.ReplaceAll(envelope.Payload, []byte(" "), nil))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}

// goodBackend begins a backend that a source tree brings along; what follows may spoil it.
const goodBackend = `import base64, hashlib, os, socket, sys, zipfile

NAME, CONTENT = "evil", b"pass"

def write(folder, name, content, recorded=None):
    info = NAME + "-1.0.dist-info/"
    files = {
        NAME + ".py": content,
        info + "METADATA": b"Metadata-Version: 2.1\nName: " + NAME.encode() + b"\nVersion: 1.0\n",
        info + "WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        info + "entry_points.txt": b"[console_scripts]\nevil=evil:run\n",
    }
    record = ""
    for path, data in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(recorded or data).digest()).rstrip(b"=").decode()
        record += path + ",sha256=" + digest + "," + str(len(data)) + "\n"
    files[info + "RECORD"] = (record + info + "RECORD,,\n").encode()
    with zipfile.ZipFile(os.path.join(folder, name), "w") as archive:
        for path, data in files.items():
            archive.writestr(path, data)
    return name

def build_wheel(folder, config_settings=None, metadata_directory=None):
    return write(folder, "evil-1.0-py3-none-any.whl", CONTENT)
`

// TestBackendsAreHeldOnAShortLeash runs hostile ones in the real sandbox.
func TestBackendsAreHeldOnAShortLeash(t *testing.T) {
	t.Parallel()
	cache := t.TempDir()
	backends := map[string]struct{ code, reason string }{
		"honest":    {"", ""},
		"network":   {"socket.create_connection(('192.0.2.1', 80), 5)", "Network is unreachable"},
		"root":      {"open('/usr/bin/x', 'w')", "Read-only file system"},
		"workshop":  {"open('/work/build.py', 'w')", "Read-only file system"},
		"fork":      {"\nwhile True: os.fork()", "its backend hooks:"},
		"flood":     {"\nwhile True: os.write(2, b'x' * 65536)", "more output than allowed"},
		"disk":      {"\nwith open('/tmp/x', 'wb') as f:\n    while True: f.write(b'x' * 1048576)", "No space left"},
		"answer":    {"\nfor fd in range(3, 20):\n    try: os.write(fd, b'x' * 3000000)\n    except OSError: pass", "cannot be read"},
		"exit":      {"os._exit(0)", "without an answer"},
		"name":      {"NAME = 'other'", "METADATA says that it is other"},
		"record":    {"\ndef build_wheel(folder, *_): return write(folder, 'evil-1.0-py3-none-any.whl', CONTENT, b'other')", "RECORD has"},
		"platform":  {"\ndef build_wheel(folder, *_): return write(folder, 'evil-1.0-cp313-cp313-linux_x86_64.whl', CONTENT)", "base has no compiler"},
		"elsewhere": {"\ndef build_wheel(folder, *_): return '../../work/build.py'", "has built no wheel"},
		"changing":  {"CONTENT = os.urandom(8)", "two wheels that differ"},
	}
	for name, c := range backends {
		t.Run(name, func(t *testing.T) {
			s := wheeltest.Sdist{Name: "evil", Version: "1.0", Files: map[string]string{
				"pyproject.toml": "[build-system]\nrequires = []\nbuild-backend = 'hooks'\nbackend-path = ['.']\n", "hooks.py": goodBackend + c.code,
			}}
			catalogctl, _ := sdistCatalog(t, cache, s)
			out, err := catalogctl.try(t, "-q", "lock", "evil")
			if c.reason == "" && err != nil || c.reason != "" && (err == nil || !strings.Contains(out, c.reason)) {
				t.Errorf("got %v, want an error about %q:\n%s", err, c.reason, out)
			}
		})
	}
}
