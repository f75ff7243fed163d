package pypi_test

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/fetch"
	"github.com/slipway-dev/slipway/internal/kind"
	"github.com/slipway-dev/slipway/internal/kind/pypi"
	"github.com/slipway-dev/slipway/internal/kind/pypi/cpython"
	"github.com/slipway-dev/slipway/internal/kind/pypi/index"
	"github.com/slipway-dev/slipway/internal/kind/pypi/pipconf"
	"github.com/slipway-dev/slipway/internal/kind/pypi/wheeltest"
	"github.com/slipway-dev/slipway/internal/layer"
)

var (
	amd64 = v1.Platform{OS: "linux", Architecture: "amd64"}
	arm64 = v1.Platform{OS: "linux", Architecture: "arm64"}
)

// world is an index on loopback with an ecosystem that asks it.
type world struct {
	*wheeltest.Index
	eco     *pypi.Ecosystem
	url     string
	options pypi.Options
	built   string // the folder of what is built
	python  *wheeltest.CPython
}

// use sets what sdists are built in, and what uv writes for the project in its folder.
func (w *world) use(sandbox cpython.Sandbox, answer func(dir string) (string, error)) {
	w.options.Sandbox = sandbox
	w.options.Resolve = func(_ context.Context, dir string, _, _ []string) error {
		text, err := answer(dir)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(dir, "pylock.toml"), []byte(text), 0o600)
	}
	w.eco = pypi.New(w.options)
}

// forget removes what was built.
func (w *world) forget(t testing.TB) {
	t.Helper()
	if err := os.RemoveAll(w.built); err != nil {
		t.Fatal(err)
	}
}

// newWorld serves wheels. Answer is the pylock.toml that uv writes; without one uv fails.
func newWorld(t testing.TB, answer string, wheels ...wheeltest.Wheel) *world {
	t.Helper()
	w := &world{Index: new(wheeltest.Index).Add(wheels...)}
	server := httptest.NewServer(w)
	t.Cleanup(server.Close)
	config, err := pipconf.Load(pipconf.Sources{Environ: []string{"PIP_INDEX_URL=" + server.URL + "/simple"}})
	if err != nil {
		t.Fatal(err)
	}
	cache := fetch.New(t.TempDir(), server.Client())
	run := func(_ context.Context, dir string, _, _ []string) error {
		if answer == "" {
			return errors.New("no solution found")
		}
		return os.WriteFile(filepath.Join(dir, "pylock.toml"), []byte(answer), 0o600)
	}
	w.url = server.URL
	w.built = filepath.Join(t.TempDir(), "built")
	w.python = &wheeltest.CPython{}
	w.options = pypi.Options{Cache: cache, Config: config, Index: index.New(cache, config), Resolve: run, Sandbox: w.python, Built: w.built}
	w.eco = pypi.New(w.options)
	return w
}

// The wheels of a server that depends on a compiled package, which on arm64 needs another one.
var (
	server = wheeltest.Wheel{
		Name: "my-server", Version: "1.0", Files: map[string]string{"my_server.py": "def run(): pass\n", "shared/__init__.py": ""},
		Metadata:    "Requires-Dist: fast[extra]>=2\nLicense: MIT\nSummary: Serves well\nAuthor: Ann\nProject-URL: Source, https://github.com/ann/servers/tree/main/src/my\n",
		EntryPoints: "[console_scripts]\nmy-server = my_server:run\nmy-admin = my_server:run\n",
	}
	fastAMD64 = wheeltest.Wheel{
		Name: "fast", Version: "2.1", Tag: "cp313-cp313-manylinux_2_17_x86_64", Files: map[string]string{"fast.so": "x86", "shared/__init__.py": ""},
		Metadata: "Requires-Dist: slow==3 ; platform_machine == 'aarch64' and extra == 'extra'\nClassifier: License :: OSI Approved :: Apache Software License\n",
	}
	fastARM64 = wheeltest.Wheel{
		Name: "fast", Version: "2.1", Tag: "cp313-cp313-manylinux_2_28_aarch64", Files: map[string]string{"fast.so": "arm", "shared/__init__.py": ""},
		Metadata: fastAMD64.Metadata,
	}
	slow = wheeltest.Wheel{Name: "slow", Version: "3", Files: map[string]string{"slow.py": "pass"}}
)

func serverEntry() entry.Entry {
	return entry.Entry{Kind: entry.UVX, Name: "mine", Package: &entry.Package{Name: "my-server", Version: "1.0"}}
}

// lockText returns the lock for wheels, each group of one package; a machine may precede the first file, as in "aarch64 name.whl".
func (w *world) lockText(groups ...[]wheeltest.Wheel) string {
	var b strings.Builder
	b.WriteString("# Every wheel of every package, for CPython 3.13 on Linux. Written by catalogctl lock: change the entry, not this file.\n")
	for _, group := range groups {
		for _, made := range group {
			b.WriteString("# " + made.File() + "\n")
		}
		fmt.Fprintf(&b, "%s==%s", group[0].Name, group[0].Version)
		if group[0].Name == "slow" {
			b.WriteString(` ; platform_machine == "aarch64"`)
		}
		for _, made := range group {
			b.WriteString(" \\\n    --hash=sha256:" + w.SHA256(made.File()))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// serverLock is the lock of serverEntry.
func (w *world) serverLock() string {
	return w.lockText([]wheeltest.Wheel{fastAMD64, fastARM64}, []wheeltest.Wheel{server}, []wheeltest.Wheel{slow})
}

func folder(lock string) fs.FS { return fstest.MapFS{pypi.LockFile: {Data: []byte(lock)}} }

// layerOf writes the payload's layer and returns what it holds: links with their target, executables with a star.
func layerOf(t testing.TB, p *kind.Payload) (map[string]string, error) {
	t.Helper()
	l, err := layer.NewStore(t.TempDir()).Layer(t.Context(), p.Key, p.Write)
	if err != nil {
		return nil, err
	}
	return contents(t, l), nil
}

// contents returns the files of a layer, by path.
func contents(t testing.TB, l v1.Layer) map[string]string {
	t.Helper()
	r, err := l.Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	found := map[string]string{}
	for archive := tar.NewReader(r); ; {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return found
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeDir {
			continue
		}
		text, err := io.ReadAll(archive)
		if err != nil {
			t.Fatal(err)
		}
		name := h.Name
		if h.Typeflag == tar.TypeReg && h.Mode&0o111 != 0 {
			name += "*"
		}
		found[name] = h.Linkname + string(text)
	}
}
