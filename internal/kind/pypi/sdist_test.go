package pypi_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/kind"
	"github.com/slipway-dev/slipway/internal/kind/pypi"
	"github.com/slipway-dev/slipway/internal/kind/pypi/cpython"
	"github.com/slipway-dev/slipway/internal/kind/pypi/sdist"
	"github.com/slipway-dev/slipway/internal/kind/pypi/wheeltest"
)

// The server again, of which there is only an sdist, and the package that it is built with.
var (
	serverSdist = wheeltest.Sdist{Name: "my-server", Version: "1.0", Files: map[string]string{
		"pyproject.toml": "[build-system]\nrequires = ['builder>=1']\nbuild-backend = 'builder'\n",
	}}
	tool     = wheeltest.Wheel{Name: "builder", Version: "1.5", Files: map[string]string{"builder.py": "pass"}, EntryPoints: "[console_scripts]\nbuilder = builder:run\n"}
	moreTool = wheeltest.Wheel{Name: "more", Version: "2", Files: map[string]string{"more.py": "pass"}}
)

// workbench is a sandbox in which the backend of each sdist does what a function says.
type workbench struct {
	t        *testing.T
	key      string
	compiles wheeltest.CPython
	builds   func(n int) (wheeltest.Wheel, error) // the nth build, from 0
	requires []string                             // that the backend wants when it is asked

	mutex sync.Mutex
	built int
	asked int
}

func (b *workbench) Key(context.Context) (string, error) { return b.key, nil }

func (b *workbench) Run(ctx context.Context, dir string, args, env []string, out io.Writer) error {
	if args[0] == pypi.PythonPath {
		return b.compiles.Run(ctx, dir, args, env, out)
	}
	b.mutex.Lock()
	defer b.mutex.Unlock()
	var plan struct {
		Sdist, Backend string
		Build          bool
	}
	if err := json.Unmarshal([]byte(args[len(args)-1]), &plan); err != nil {
		b.t.Error(err)
	}
	for _, name := range []string{strings.TrimPrefix(plan.Sdist, cpython.Dir+"/"), "build.py", "tools/pyvenv.cfg", "tools/lib/python3.13/site-packages/builder.py"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			b.t.Error(err)
		}
	}
	if text, err := os.ReadFile(filepath.Join(dir, "tools/bin/builder")); err != nil || !strings.HasPrefix(string(text), "#!"+sdist.Interpreter+"\n") {
		b.t.Errorf("the command of a tool is %q, %v", text, err)
	}
	said := map[string]any{"requires": append([]string{}, b.requires...)}
	if !plan.Build {
		b.asked++
		return json.NewEncoder(out).Encode(said)
	}
	w, err := b.builds(b.built)
	b.built++
	if err != nil {
		return err
	}
	said["wheel"] = w.File()
	if err := json.NewEncoder(out).Encode(said); err != nil {
		return err
	}
	_, err = out.Write(w.Bytes())
	return err
}

func builds(w wheeltest.Wheel) func(int) (wheeltest.Wheel, error) {
	return func(int) (wheeltest.Wheel, error) { return w, nil }
}

// sdistWorld has the server as sdist only. What uv writes is up to answer, which gets the project and the files in its folder.
func sdistWorld(t *testing.T, b *workbench, answer func(project string, found []string) string) *world {
	t.Helper()
	b.t = t
	w := newWorld(t, "", fastAMD64, fastARM64, slow, tool, moreTool)
	w.AddFile("my-server", serverSdist.File(), serverSdist.Bytes())
	w.use(b, func(dir string) (string, error) {
		project, err := os.ReadFile(filepath.Join(dir, "pyproject.toml"))
		if err != nil {
			return "", err
		}
		found, err := filepath.Glob(filepath.Join(dir, "built", "*"))
		return answer(string(project), found), err
	})
	return w
}

// resolves answers as uv does.
func (w *world) resolves(project string, found []string) string {
	packages := []string{
		pylockPackage(w.Index, "", fastAMD64, fastARM64), pylockPackage(w.Index, "", server),
		pylockPackage(w.Index, "platform_machine == 'aarch64'", slow),
	}
	if strings.Contains(project, "slipway-build") {
		packages = []string{pylockPackage(w.Index, "", tool)}
		if strings.Contains(project, "more") {
			packages = append(packages, pylockPackage(w.Index, "", moreTool))
		}
	} else if len(found) != 1 || filepath.Base(found[0]) != server.File() {
		return "uv sees no wheel of my-server, but " + strings.Join(found, ", ")
	}
	return pylock(packages...)
}

func sdistEntry() entry.Entry {
	e := serverEntry()
	e.Sdists = []entry.Sdist{{Package: "my-server", Reason: "Has no wheel"}}
	return e
}

// lockSdist locks the entry, and returns its folder.
func lockSdist(t *testing.T, w *world, e entry.Entry) (fstest.MapFS, error) {
	t.Helper()
	files, err := w.eco.Lock(t.Context(), e, nil)
	dir := fstest.MapFS{}
	for name, data := range files {
		dir[name] = &fstest.MapFile{Data: data}
	}
	return dir, err
}

func newSdistWorld(t *testing.T, b *workbench) *world {
	t.Helper()
	var w *world
	w = sdistWorld(t, b, func(project string, found []string) string { return w.resolves(project, found) })
	return w
}

func TestLockOfAnSdist(t *testing.T) {
	t.Parallel()
	b := &workbench{builds: builds(server), requires: []string{"more"}}
	w := newSdistWorld(t, b)
	dir, err := lockSdist(t, w, sdistEntry())
	if err != nil {
		t.Fatal(err)
	}
	lock := string(dir[pypi.LockFile].Data)
	for _, part := range []string{"# my_server-1.0.tar.gz builds my_server-1.0-py3-none-any.whl with content sha256:", "my-server==1.0 \\\n    --hash=sha256:" + w.SHA256(serverSdist.File()) + "\n"} {
		if !strings.Contains(lock, part) {
			t.Errorf("the lock has no %q:\n%s", part, lock)
		}
	}
	if diff := cmp.Diff(w.lockText([]wheeltest.Wheel{tool}, []wheeltest.Wheel{moreTool}), string(dir[pypi.BuildLockFile].Data)); diff != "" {
		t.Error(diff)
	}
	if b.built != 2 || b.asked != 2 {
		t.Errorf("built %d times and asked %d times", b.built, b.asked)
	}
	if err := w.eco.CheckLock(sdistEntry(), dir); err != nil {
		t.Error(err)
	}
}

func TestPayloadOfAnSdist(t *testing.T) {
	t.Parallel()
	b := &workbench{builds: builds(server)}
	w := newSdistWorld(t, b)
	dir, err := lockSdist(t, w, sdistEntry())
	if err != nil {
		t.Fatal(err)
	}
	key := ""
	for range 2 {
		p, err := w.eco.Payload(t.Context(), sdistEntry(), dir, amd64)
		if err != nil {
			t.Fatal(err)
		}
		files, err := layerOf(t, p)
		if err != nil || files["app/lib/python3.13/site-packages/my_server.py"] != server.Files["my_server.py"] {
			t.Error(files, err)
		}
		c := p.Components[1]
		if c.PURL != "pkg:pypi/my-server@1.0?file_name=my_server-1.0.tar.gz" || c.Digest != w.SHA256(serverSdist.File()) || c.License != "MIT" {
			t.Errorf("%+v", c)
		}
		if diff := cmp.Diff([]kind.Source{{URI: "pkg:pypi/builder@1.5", Digest: map[string]string{"sha256": w.SHA256(tool.File())}}}, p.Sources); diff != "" {
			t.Error(diff)
		}
		if key != "" && key != p.Key {
			t.Error("the layer has another key")
		}
		key = p.Key
		if b.built != 2 {
			t.Errorf("built %d times, and twice was for the lock", b.built)
		}
		w.forget(t) // what was built for the lock
		b.built = 1
	}
}

func TestLockRefusesSdists(t *testing.T) {
	t.Parallel()
	other := server
	other.Files = map[string]string{"my_server.py": "other"}
	unrecorded := server
	unrecorded.Record = func(record string) string { return strings.Replace(record, "sha256=", "sha256=AAAA", 1) }
	false_ := server
	false_.Record = func(record string) string {
		return strings.Replace(record, wheeltest.Hash(server.Files["my_server.py"]), wheeltest.Hash("x"), 1)
	}
	escaping := server
	escaping.EntryPoints = "[console_scripts]\n../../x = my_server:run\n"
	renamed := server
	renamed.Version = "1.1"
	compiled := server
	compiled.Tag = "cp313-cp313-linux_x86_64"
	for name, c := range map[string]struct {
		bench  *workbench
		change func(*world, *entry.Entry)
		reason string
	}{
		"a failing backend": {bench: &workbench{builds: func(int) (wheeltest.Wheel, error) { return wheeltest.Wheel{}, errors.New("exited with code 1") }}, reason: "my_server-1.0.tar.gz: its backend builder: exited with code 1"},
		"a changing wheel":  {bench: &workbench{builds: func(n int) (wheeltest.Wheel, error) { return []wheeltest.Wheel{server, other}[n%2], nil }}, reason: "two wheels that differ"},
		"a bad record":      {bench: &workbench{builds: builds(unrecorded)}, reason: "RECORD"},
		"a wrong hash":      {bench: &workbench{builds: builds(false_)}, reason: "its content has the sha256"},
		"a bad command":     {bench: &workbench{builds: builds(escaping)}, reason: "that its backend has built"},
		"another version":   {bench: &workbench{builds: builds(renamed)}, reason: "another package or version"},
		"a compiled wheel":  {bench: &workbench{builds: builds(compiled)}, reason: "has no compiler"},
		"no zip": {bench: &workbench{builds: func(int) (wheeltest.Wheel, error) {
			w := server
			w.Change = func([]byte) []byte { return []byte("x") }
			return w, nil
		}}, reason: "that its backend has built"},
		"an address":            {bench: &workbench{builds: builds(server), requires: []string{"builder", "more", "x @ https://x.example"}}, reason: "address of its own"},
		"a missing tool":        {bench: &workbench{builds: builds(server), requires: []string{"absent"}}, reason: "wants absent"},
		"an sdist of nothing":   {change: func(_ *world, e *entry.Entry) { e.Sdists[0].Package = "fast" }, reason: "has none"},
		"no such package":       {change: func(_ *world, e *entry.Entry) { e.Sdists[0].Package = "none" }, reason: "the sdist of none"},
		"no such version":       {change: func(_ *world, e *entry.Entry) { e.Package.Version = "2" }, reason: "has none"},
		"a package with wheels": {change: func(w *world, _ *entry.Entry) { w.Add(server) }, reason: "has wheels for every platform: remove it from sdists"},
		"a broken sdist": {change: func(w *world, e *entry.Entry) {
			w.AddFile("my-server", "my_server-1.2.tar.gz", []byte("x"))
			e.Package.Version = "1.2"
		}, reason: "gzip"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c.bench == nil {
				c.bench = &workbench{builds: builds(server)}
			}
			w, e := newSdistWorld(t, c.bench), sdistEntry()
			if c.change != nil {
				c.change(w, &e)
			}
			files, err := w.eco.Lock(t.Context(), e, nil)
			if err == nil || files != nil || !strings.Contains(err.Error(), c.reason) {
				t.Errorf("got %v, want an error about %q", err, c.reason)
			}
		})
	}
}

// The version of a dependency is the latest that the entry does not rule out.
func TestVersionOfAnSdist(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*entry.Entry)
		want   string
	}{
		"latest":     {func(*entry.Entry) {}, "1.10"},
		"constraint": {func(e *entry.Entry) { e.Constraints = []entry.Constraint{{Package: "old", Versions: "<1.10"}} }, "1.9"},
		"override":   {func(e *entry.Entry) { e.Overrides = []entry.Override{{Package: "old", Version: "2.0rc1"}} }, "2.0rc1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := &workbench{builds: func(int) (wheeltest.Wheel, error) { return wheeltest.Wheel{}, errors.New("enough") }}
			w := newSdistWorld(t, b)
			for _, version := range []string{"1.9", "1.10", "2.0rc1"} {
				s := wheeltest.Sdist{Name: "old", Version: version, Files: serverSdist.Files}
				w.AddFile("old", s.File(), s.Bytes())
			}
			e := sdistEntry()
			e.Sdists = []entry.Sdist{{Package: "old", Reason: "Has no wheel"}}
			c.change(&e)
			if _, err := w.eco.Lock(t.Context(), e, nil); err == nil || !strings.Contains(err.Error(), "old-"+c.want+".tar.gz") {
				t.Errorf("got %v, want version %s", err, c.want)
			}
		})
	}
}

func TestCheckLockOfSdists(t *testing.T) {
	t.Parallel()
	w := newSdistWorld(t, &workbench{builds: builds(server)})
	good, err := lockSdist(t, w, sdistEntry())
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change       func(fstest.MapFS, *entry.Entry)
		file, reason string
	}{
		"not allowed":     {func(_ fstest.MapFS, e *entry.Entry) { e.Sdists[0].Package = "slow" }, pypi.LockFile, "has an sdist, which the entry does not allow"},
		"none allowed":    {func(_ fstest.MapFS, e *entry.Entry) { e.Sdists = nil }, pypi.BuildLockFile, "is there, but the entry allows no sdist"},
		"one too many":    {func(_ fstest.MapFS, e *entry.Entry) { e.Sdists = append(e.Sdists, entry.Sdist{Package: "x"}) }, pypi.LockFile, "sdists[1] allows x, which nothing depends on"},
		"one with wheels": {func(_ fstest.MapFS, e *entry.Entry) { e.Sdists = append(e.Sdists, entry.Sdist{Package: "slow"}) }, pypi.LockFile, "sdists[1] allows slow, which has wheels"},
		"no build lock":   {func(dir fstest.MapFS, _ *entry.Entry) { delete(dir, pypi.BuildLockFile) }, pypi.BuildLockFile, "is missing"},
		"a bad build lock": {func(dir fstest.MapFS, _ *entry.Entry) {
			dir[pypi.BuildLockFile] = &fstest.MapFile{Data: []byte("-r x")}
		}, pypi.BuildLockFile, "does not begin"},
		"an sdist to build with": {func(dir fstest.MapFS, _ *entry.Entry) { dir[pypi.BuildLockFile] = dir[pypi.LockFile] }, pypi.BuildLockFile, "with wheels only"},
		"a constraint": {func(_ fstest.MapFS, e *entry.Entry) {
			e.Constraints = []entry.Constraint{{Package: "builder", Versions: "<1"}}
		}, pypi.BuildLockFile, "constrains it to <1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, e := fstest.MapFS{}, sdistEntry()
			for name, file := range good {
				dir[name] = file
			}
			c.change(dir, &e)
			err := w.eco.CheckLock(e, dir)
			var found []string
			for _, err := range unjoin(err) {
				var reason *kind.LockError
				if errors.As(err, &reason) {
					found = append(found, reason.File+": "+reason.Reason)
				}
			}
			if !slices.ContainsFunc(found, func(text string) bool { return strings.HasPrefix(text, c.file) && strings.Contains(text, c.reason) }) {
				t.Errorf("got %v, want a LockError of %s about %q", err, c.file, c.reason)
			}
		})
	}
}

func unjoin(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	return []error{err}
}

func TestPayloadRefusesSdists(t *testing.T) {
	t.Parallel()
	other := server
	other.Files = map[string]string{"my_server.py": "other"}
	for name, c := range map[string]struct {
		change func(*world, *workbench, fstest.MapFS)
		reason string
	}{
		"another result": {func(_ *world, b *workbench, _ fstest.MapFS) { b.builds = builds(other) }, "the lock has my_server-1.0-py3-none-any.whl with"},
		"another base":   {func(_ *world, b *workbench, _ fstest.MapFS) { b.key, b.builds = "2", builds(other) }, "the base may have"},
		"a smuggled tool": {func(w *world, _ *workbench, dir fstest.MapFS) {
			dir[pypi.BuildLockFile] = &fstest.MapFile{Data: []byte(w.lockText([]wheeltest.Wheel{tool}, []wheeltest.Wheel{moreTool}))}
		}, "more: is wanted by no sdist"},
		"a missing tool": {func(w *world, _ *workbench, dir fstest.MapFS) {
			dir[pypi.BuildLockFile] = &fstest.MapFile{Data: []byte(w.lockText([]wheeltest.Wheel{moreTool}))}
		}, "my-server: wants builder"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := &workbench{builds: builds(server)}
			w := newSdistWorld(t, b)
			dir, err := lockSdist(t, w, sdistEntry())
			if err != nil {
				t.Fatal(err)
			}
			w.forget(t)
			c.change(w, b, dir)
			if _, err := w.eco.Payload(t.Context(), sdistEntry(), dir, amd64); err == nil || !strings.Contains(err.Error(), c.reason) {
				t.Errorf("got %v, want an error about %q", err, c.reason)
			}
		})
	}
}

// What was built before is built again if the cache was damaged.
func TestDamagedBuiltWheel(t *testing.T) {
	t.Parallel()
	b := &workbench{builds: builds(server)}
	w := newSdistWorld(t, b)
	dir, err := lockSdist(t, w, sdistEntry())
	if err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(filepath.Join(w.built, "wheels", "sha256"), func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		return errors.Join(os.Chmod(name, 0o600), os.WriteFile(name, []byte("x"), 0o600))
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.eco.Payload(t.Context(), sdistEntry(), dir, amd64); err != nil || b.built != 3 {
		t.Error(fmt.Sprintf("built %d times", b.built), err)
	}
}
