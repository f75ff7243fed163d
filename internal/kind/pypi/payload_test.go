package pypi_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/fetch"
	"github.com/slipway-dev/slipway/internal/kind"
	"github.com/slipway-dev/slipway/internal/kind/pypi/wheeltest"
	"github.com/slipway-dev/slipway/internal/layer"
	"github.com/slipway-dev/slipway/internal/unpack"
)

func TestPayload(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "", server, fastAMD64, fastARM64, slow)
	for _, platform := range []struct{ machine, own string }{{"amd64", "x86"}, {"arm64", "arm"}} {
		p, err := w.eco.Payload(t.Context(), serverEntry(), folder(w.serverLock()), map[string]v1.Platform{"amd64": amd64, "arm64": arm64}[platform.machine])
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"/app/bin/python", "/app/bin/my-server"}, p.Entrypoint); diff != "" {
			t.Error(diff)
		}
		files, err := layerOf(t, p)
		if err != nil {
			t.Fatal(err)
		}
		const site = "app/lib/python3.13/site-packages/"
		for name, want := range map[string]string{
			"app/bin/python": "/usr/bin/python3.13", "app/bin/python3": "/usr/bin/python3.13", "app/bin/python3.13": "/usr/bin/python3.13",
			"app/pyvenv.cfg":      "home = /usr/bin\ninclude-system-site-packages = false\nversion = 3.13.5\n",
			site + "fast.so":      platform.own,
			site + "my_server.py": "def run(): pass\n",
		} {
			if files[name] != want {
				t.Errorf("%s: %s is %q", platform.machine, name, files[name])
			}
		}
		if _, ok := files["app/bin/my-admin*"]; !ok {
			t.Error("a command is missing")
		}
		_, there := files[site+"slow.py"]
		if there != (platform.machine == "arm64") {
			t.Errorf("slow on %s: %v", platform.machine, there)
		}
		fast := kind.Component{
			Name: "fast", Version: "2.1", PURL: "pkg:pypi/fast@2.1", License: "Apache-2.0", Algorithm: "SHA256",
			Digest: w.SHA256(map[string]wheeltest.Wheel{"amd64": fastAMD64, "arm64": fastARM64}[platform.machine].File()),
			Path:   "/app/lib/python3.13/site-packages/fast-2.1.dist-info",
		}
		if there {
			fast.DependsOn = []string{"pkg:pypi/slow@3"}
		}
		if diff := cmp.Diff(fast, p.Components[0]); diff != "" {
			t.Error(diff)
		}
		if c := p.Components[1]; c.License != "MIT" || len(c.DependsOn) != 1 {
			t.Errorf("%+v", c)
		}
	}
}

// What is in the cache is not asked for again, not even where it is.
func TestPayloadTwiceAsksNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "", server, fastAMD64, fastARM64, slow)
	first, err := w.eco.Payload(t.Context(), serverEntry(), folder(w.serverLock()), amd64)
	if err != nil {
		t.Fatal(err)
	}
	asked := len(w.Asked())
	second, err := w.eco.Payload(t.Context(), serverEntry(), folder(w.serverLock()), amd64)
	if err != nil || first.Key != second.Key {
		t.Errorf("%s became %s, %v", first.Key, second.Key, err)
	}
	if again := w.Asked()[asked:]; len(again) > 0 {
		t.Errorf("the index was asked for %v", again)
	}
}

func TestEntrypoint(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		bin         string
		entryPoints string
		files       map[string]string
		want        string // the command, or a part of the error
	}{
		"its own name":          {entryPoints: "[console_scripts]\nother = a:b\nmy_server = a:b\n", want: "/app/bin/python /app/bin/my_server"},
		"the only one":          {entryPoints: "[console_scripts]\nserve = a:b\n", want: "/app/bin/python /app/bin/serve"},
		"chosen":                {bin: "two", entryPoints: "[console_scripts]\none = a:b\ntwo = a:b\nmy-server = a:b\n", want: "/app/bin/python /app/bin/two"},
		"several":               {entryPoints: "[console_scripts]\none = a:b\ntwo = a:b\n", want: "several commands: set package.bin to one of one, two"},
		"chosen in vain":        {bin: "three", entryPoints: "[console_scripts]\none = a:b\ntwo = a:b\n", want: `no command "three": set package.bin to one of one, two`},
		"a program":             {files: map[string]string{"my_server-1.0.data/scripts/run": "\x7fELF"}, want: "/app/bin/run"},
		"a module":              {files: map[string]string{"my_server/__main__.py": ""}, want: "/app/bin/python -m my_server"},
		"nothing":               {files: map[string]string{"my_server/__init__.py": ""}, want: "no command and no module my_server"},
		"a command of Python's": {entryPoints: "[console_scripts]\npython = a:b\n", want: "both install bin/python"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			made := wheeltest.Wheel{Name: "my-server", Version: "1.0", EntryPoints: c.entryPoints, Files: c.files}
			w, e := newWorld(t, "", made), serverEntry()
			e.Package.Bin = c.bin
			p, err := w.eco.Payload(t.Context(), e, folder(w.lockText([]wheeltest.Wheel{made})), amd64)
			var got string
			if err != nil {
				got = err.Error()
			} else {
				got = strings.Join(p.Entrypoint, " ")
			}
			if !strings.Contains(got, c.want) || err == nil && got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// Whoever wrote the lock may have lied in it.
func TestPayloadRefusesLocks(t *testing.T) {
	t.Parallel()
	one := func(metadata string) wheeltest.Wheel {
		return wheeltest.Wheel{Name: "my-server", Version: "1.0", Metadata: metadata, EntryPoints: "[console_scripts]\nx = a:b\n"}
	}
	other := wheeltest.Wheel{Name: "other", Version: "1.0", Files: map[string]string{"other.py": "1"}}
	for name, c := range map[string]struct {
		wheels []wheeltest.Wheel
		reason string
	}{
		"one more":          {[]wheeltest.Wheel{one(""), other}, "other: is wanted by no package"},
		"one less":          {[]wheeltest.Wheel{one("Requires-Dist: other")}, "wants other , which the lock does not have"},
		"another version":   {[]wheeltest.Wheel{one("Requires-Dist: other>1"), other}, "wants other >1, but the lock has 1.0"},
		"an address":        {[]wheeltest.Wheel{one("Requires-Dist: other @ https://x.example/o.whl"), other}, "from an address of its own"},
		"another Python":    {[]wheeltest.Wheel{one("Requires-Python: <3.13")}, "wants Python <3.13"},
		"an unread version": {[]wheeltest.Wheel{one("Requires-Dist: other (what)"), other}, "but the lock has 1.0"},
		"the same file": {[]wheeltest.Wheel{one("Requires-Dist: other"), {
			Name: "other", Version: "1.0", EntryPoints: "[console_scripts]\nx = c:d\n",
		}}, "packages my-server and other both install bin/x"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "", c.wheels...)
			var groups [][]wheeltest.Wheel
			for _, made := range c.wheels {
				groups = append(groups, []wheeltest.Wheel{made})
			}
			if _, err := w.eco.Payload(t.Context(), serverEntry(), folder(w.lockText(groups...)), amd64); err == nil || !strings.Contains(err.Error(), c.reason) {
				t.Errorf("got %v, want an error about %q", err, c.reason)
			}
		})
	}
}

func TestHostileWheels(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		wheel  wheeltest.Wheel
		reason string
	}{
		"climbs":           {wheeltest.Wheel{Files: map[string]string{"../x": "x"}}, `".."`},
		"links":            {wheeltest.Wheel{Files: map[string]string{"x": "/etc/passwd"}, Modes: map[string]fs.FileMode{"x": fs.ModeSymlink}}, "links are not allowed"},
		"case":             {wheeltest.Wheel{Files: map[string]string{"x": "1", "X": "2"}}, "case only"},
		"record":           {wheeltest.Wheel{Files: map[string]string{"x": "1"}, Record: func(r string) string { return strings.ReplaceAll(r, wheeltest.Hash("1"), wheeltest.Hash("2")) }}, "the RECORD has"},
		"unlisted":         {wheeltest.Wheel{Files: map[string]string{"x": "1"}, Record: func(string) string { return "" }}, "which its RECORD does not name"},
		"a command out":    {wheeltest.Wheel{EntryPoints: "[console_scripts]\n../../x = a:b\n"}, "no file in the folder of commands"},
		"over the Python":  {wheeltest.Wheel{Files: map[string]string{"bad-1.0.data/data/pyvenv.cfg": "home = /tmp"}}, "both install pyvenv.cfg"},
		"over another":     {wheeltest.Wheel{Files: map[string]string{"my_server.py": "evil"}}, "both install lib/python3.13/site-packages/my_server.py"},
		"garbage":          {wheeltest.Wheel{Change: func([]byte) []byte { return []byte("garbage") }}, "not a valid zip"},
		"another package":  {wheeltest.Wheel{Files: map[string]string{"bad-1.0.dist-info/METADATA": "Name: good\nVersion: 1.0\n"}}, "says that it is good"},
		"below the Python": {wheeltest.Wheel{Files: map[string]string{"bad-1.0.data/data/bin/python/x": "1"}}, "is no directory"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			main := server
			main.Metadata = "Requires-Dist: bad"
			c.wheel.Name, c.wheel.Version = "bad", "1.0"
			w := newWorld(t, "", main, c.wheel)
			p, err := w.eco.Payload(t.Context(), serverEntry(), folder(w.lockText([]wheeltest.Wheel{c.wheel}, []wheeltest.Wheel{main})), amd64)
			if err == nil {
				_, err = layerOf(t, p)
			}
			if err == nil || !strings.Contains(err.Error(), c.reason) || len(err.Error()) > 1000 {
				t.Errorf("got %v, want an error about %q", err, c.reason)
			}
			var refused *unpack.Error
			if strings.Contains(name, "climbs links case garbage") && !errors.As(err, &refused) {
				t.Errorf("got %T", err)
			}
		})
	}
}

func TestTroubleWithTheIndex(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		handle func(http.ResponseWriter, *http.Request) bool
		judge  func(error) bool
	}{
		"garbage": {func(w http.ResponseWriter, _ *http.Request) bool {
			_, _ = w.Write([]byte("\x00oops"))
			return true
		}, func(err error) bool { return strings.Contains(err.Error(), "neither HTML nor JSON") }},
		"another file": {func(w http.ResponseWriter, r *http.Request) bool {
			if !strings.HasPrefix(r.URL.Path, "/files/") {
				return false
			}
			_, _ = w.Write([]byte("evil"))
			return true
		}, func(err error) bool { var wrong *fetch.IntegrityError; return errors.As(err, &wrong) }},
		"a huge file": {func(w http.ResponseWriter, r *http.Request) bool {
			if !strings.HasPrefix(r.URL.Path, "/files/") {
				return false
			}
			w.Header().Set("Content-Length", "9999999999999")
			return true
		}, func(err error) bool { var large *fetch.SizeError; return errors.As(err, &large) }},
		"no such package": {func(w http.ResponseWriter, r *http.Request) bool {
			http.NotFound(w, r)
			return true
		}, func(err error) bool {
			var status *fetch.StatusError
			return errors.As(err, &status) && status.Code == 404
		}},
		"a file that is gone": {func(w http.ResponseWriter, _ *http.Request) bool {
			_, _ = w.Write([]byte("<html></html>"))
			return true
		}, func(err error) bool { return strings.Contains(err.Error(), "the file was removed") }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "", server, fastAMD64, fastARM64, slow)
			w.Handle = c.handle
			if _, err := w.eco.Payload(t.Context(), serverEntry(), folder(w.serverLock()), amd64); err == nil || !c.judge(err) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestOtherPlatforms(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "", server)
	if _, err := w.eco.Payload(t.Context(), serverEntry(), folder(w.serverLock()), v1.Platform{OS: "windows", Architecture: "amd64"}); err == nil {
		t.Error("windows is possible")
	}
	if _, err := w.eco.Payload(t.Context(), entry.Entry{}, fstest.MapFS{}, amd64); err == nil {
		t.Error("there is a payload without a lock")
	}
}

// Sources are compiled for the paths that they will have, once where two packages have the same.
func TestPayloadIsCompiled(t *testing.T) {
	t.Parallel()
	template := slow
	template.Files = map[string]string{"slow.py": "pass", "slow/template.py": "{{ syntax error }}", "slow/data.json": "{}"}
	w := newWorld(t, "", server, fastAMD64, fastARM64, template)
	const site = "app/lib/python3.13/site-packages/"
	for range 2 {
		for _, platform := range []v1.Platform{amd64, arm64} {
			p, err := w.eco.Payload(t.Context(), serverEntry(), folder(w.serverLock()), platform)
			if err != nil {
				t.Fatal(err)
			}
			files, err := layerOf(t, p)
			if err != nil {
				t.Fatal(err)
			}
			compiled := map[string]string{}
			for name, content := range files {
				if strings.HasSuffix(name, ".pyc") {
					compiled[name] = content
				}
			}
			want := map[string]string{
				site + "__pycache__/my_server.cpython-313.pyc":       wheeltest.Pyc("/"+site+"my_server.py", server.Files["my_server.py"]),
				site + "shared/__pycache__/__init__.cpython-313.pyc": wheeltest.Pyc("/"+site+"shared/__init__.py", ""),
			}
			if platform.Architecture == "arm64" {
				want[site+"__pycache__/slow.cpython-313.pyc"] = wheeltest.Pyc("/"+site+"slow.py", "pass")
			}
			if diff := cmp.Diff(want, compiled); diff != "" {
				t.Error(diff)
			}
		}
	}
	// The wheels for both machines bring shared/__init__.py, and so does the server: three times, of which each is one compilation.
	if n := len(w.python.Compiled()); n != 6 {
		t.Errorf("%d sources were compiled: %q", n, w.python.Compiled())
	}
}

// What a wheel brings compiled may be something else than its source.
func TestPayloadTakesNoCompiledPython(t *testing.T) {
	t.Parallel()
	poisoned := server
	poisoned.Files = map[string]string{
		"my_server.py": "def run(): pass\n", "__pycache__/my_server.cpython-313.pyc": "something else", "__pycache__/left.cpython-312.pyc": "of another one",
	}
	w := newWorld(t, "", poisoned, fastAMD64, fastARM64, slow)
	p, err := w.eco.Payload(t.Context(), serverEntry(), folder(w.serverLock()), amd64)
	if err != nil {
		t.Fatal(err)
	}
	files, err := layerOf(t, p)
	if err != nil {
		t.Fatal(err)
	}
	const site = "app/lib/python3.13/site-packages/"
	if got := files[site+"__pycache__/my_server.cpython-313.pyc"]; got != wheeltest.Pyc("/"+site+"my_server.py", poisoned.Files["my_server.py"]) {
		t.Errorf("the server is compiled to %q", got)
	}
	if _, there := files[site+"__pycache__/left.cpython-312.pyc"]; there {
		t.Error("what another interpreter compiled is installed")
	}
	if record := files[site+poisoned.InfoDir()+"/RECORD"]; strings.Contains(record, "__pycache__") || !strings.Contains(record, "my_server.py") {
		t.Errorf("the record is\n%s", record)
	}
}

func TestPayloadThatCannotBeCompiled(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "", server, fastAMD64, fastARM64, slow)
	broken := errors.New("no sandbox on this machine")
	w.use(noPython{broken}, nil)
	p, err := w.eco.Payload(t.Context(), serverEntry(), folder(w.serverLock()), amd64)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := layerOf(t, p); !errors.Is(err, broken) || !strings.Contains(err.Error(), "compile Python") {
		t.Error(err)
	}
}

// What Debian has of CPython is compiled for the paths that it has in the image, once for all entries on it.
func TestFurnishCompilesTheStandardLibrary(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "", server)
	layers := layer.NewStore(t.TempDir())
	debian, err := layers.Layer(t.Context(), "debian", func(_ context.Context, l *layer.Writer) error {
		for _, name := range []string{
			"usr/lib/python3/dist-packages/apt.py", "usr/lib/python3.13/LICENSE.txt", "usr/lib/python3.13/json/__init__.py", "usr/lib/python3.13/os.py",
		} {
			if err := l.WriteFile(name, 0o644, int64(len(name)), strings.NewReader(name)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	pyc := func(name string) string { return wheeltest.Pyc("/"+name, name) }
	want := map[string]string{
		"usr/lib/python3.13/json/__pycache__/__init__.cpython-313.pyc": pyc("usr/lib/python3.13/json/__init__.py"),
		"usr/lib/python3.13/__pycache__/os.cpython-313.pyc":            pyc("usr/lib/python3.13/os.py"),
	}
	for range 2 {
		own, err := w.eco.Furnish(t.Context(), layers, debian)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, contents(t, own)); diff != "" {
			t.Error(diff)
		}
	}
	if n := len(w.python.Compiled()); n != 2 {
		t.Errorf("%d sources were compiled: %q", n, w.python.Compiled())
	}
}

// noPython is a sandbox that cannot be started.
type noPython struct{ err error }

func (noPython) Key(context.Context) (string, error) { return "", nil }

func (n noPython) Run(context.Context, string, []string, []string, io.Writer) error { return n.err }
