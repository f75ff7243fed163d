package pypi_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/kind"
	"github.com/slipway-dev/slipway/internal/kind/pypi"
	"github.com/slipway-dev/slipway/internal/kind/pypi/wheeltest"
)

// pylock writes what uv would.
func pylock(packages ...string) string {
	return "lock-version = \"1.0\"\ncreated-by = \"uv\"\n" + strings.Join(packages, "")
}

func pylockPackage(index *wheeltest.Index, marker string, wheels ...wheeltest.Wheel) string {
	var text strings.Builder
	fmt.Fprintf(&text, "\n[[packages]]\nname = %q\nversion = %q\nmarker = %q\nwheels = [\n", wheels[0].Name, wheels[0].Version, marker)
	for _, w := range wheels {
		fmt.Fprintf(&text, "  { url = \"https://files.example/a/%s\", hashes = { sha256 = %q } },\n", w.File(), index.SHA256(w.File()))
	}
	return text.String() + "]\n"
}

func TestLock(t *testing.T) {
	t.Parallel()
	windows := wheeltest.Wheel{Name: "fast", Version: "2.1", Tag: "cp313-cp313-win_amd64"}
	colour := wheeltest.Wheel{Name: "colour", Version: "1"}
	made := new(wheeltest.Index).Add(server, fastAMD64, fastARM64, windows, slow, colour)
	linux := "implementation_name == 'cpython' and (platform_machine == 'aarch64' or platform_machine == 'x86_64') and sys_platform == 'linux'"
	w := newWorld(t, pylock(
		pylockPackage(made, "sys_platform == 'win32'", colour),
		pylockPackage(made, linux, windows, fastAMD64, fastARM64),
		pylockPackage(made, linux, server),
		pylockPackage(made, "platform_machine == 'aarch64' and sys_platform == 'linux'", slow),
	), server, fastAMD64, fastARM64, slow)
	files, err := w.eco.Lock(t.Context(), serverEntry(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(w.serverLock(), string(files[pypi.LockFile])); diff != "" {
		t.Error(diff)
	}
	if err := w.eco.CheckLock(serverEntry(), folder(string(files[pypi.LockFile]))); err != nil {
		t.Error(err)
	}
	if len(w.Asked()) > 0 {
		t.Errorf("the index was asked for %v", w.Asked())
	}
}

func TestLockRefusesWhatUVSays(t *testing.T) {
	t.Parallel()
	made := new(wheeltest.Index).Add(server, fastAMD64, slow)
	for name, c := range map[string]struct{ answer, reason string }{
		"nothing":              {"", "no solution found"},
		"no TOML":              {"[[", "not TOML"},
		"another format":       {"lock-version = \"2.0\"\n", "only 1 is known"},
		"another package":      {pylock(pylockPackage(made, "", slow)), "is not pinned for x86_64, but it is the entry's package"},
		"one platform only":    {pylock(pylockPackage(made, "", server), pylockPackage(made, "", fastAMD64)), "no wheel for CPython 3.13 on linux/aarch64"},
		"a source":             {pylock("\n[[packages]]\nname = \"my-server\"\nversion = \"1.0\"\nsdist = { url = \"https://files.example/x.tar.gz\" }\n"), "its sdist is not allowed"},
		"an unknown condition": {pylock(pylockPackage(made, "planet == 'earth'", server)), "marker"},
		"no hash":              {pylock(strings.ReplaceAll(pylockPackage(made, "", server), "sha256", "md5")), "no SHA-256"},
		"a wrong name":         {pylock(strings.ReplaceAll(pylockPackage(made, "", server), `"my-server"`, `"-e ."`)), "option"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files, err := newWorld(t, c.answer).eco.Lock(t.Context(), serverEntry(), nil)
			if err == nil || files != nil || !strings.Contains(err.Error(), c.reason) {
				t.Errorf("got %v, want an error about %q", err, c.reason)
			}
		})
	}
}

func TestCheckLock(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "", server, fastAMD64, fastARM64, slow)
	good := w.serverLock()
	for name, c := range map[string]struct {
		change func(e *entry.Entry)
		from   string
		to     string
		reason string
	}{
		"as it is":                   {},
		"an equal version":           {change: func(e *entry.Entry) { e.Package.Version = "1.0.0" }},
		"an override in effect":      {change: func(e *entry.Entry) { e.Overrides = []entry.Override{{Package: "fast", Version: "2.1"}} }},
		"no package":                 {change: func(e *entry.Entry) { e.Package = nil }, reason: "names no package"},
		"another package":            {change: func(e *entry.Entry) { e.Package.Name = "other" }, reason: "other: is not pinned for x86_64"},
		"another version":            {change: func(e *entry.Entry) { e.Package.Version = "1.1" }, reason: "is 1.0, but the entry wants 1.1: run catalogctl lock mine"},
		"an override of itself":      {change: func(e *entry.Entry) { e.Overrides = []entry.Override{{Package: "my-server", Version: "2"}} }, reason: "overrides[0] is of its own package"},
		"an override of nothing":     {change: func(e *entry.Entry) { e.Overrides = []entry.Override{{Package: "x", Version: "2"}} }, reason: "overrides[0] is of x, which nothing depends on"},
		"an override without effect": {change: func(e *entry.Entry) { e.Overrides = []entry.Override{{Package: "fast", Version: "2.2"}} }, reason: "is 2.1, but the entry overrides it with 2.2"},
		"a constraint that is met": {change: func(e *entry.Entry) {
			e.Constraints = []entry.Constraint{{Package: "fast", Versions: ">=2, <3"}, {Package: "x", Versions: "<1"}}
		}},
		"a constraint that is not": {change: func(e *entry.Entry) { e.Constraints = []entry.Constraint{{Package: "fast", Versions: "<2"}} }, reason: "is 2.1, but the entry constrains it to <2"},
		"an address":               {from: "slow==3", to: "slow @ https://x.example/slow.whl", reason: "line 11: names an address"},
		"a useless wheel":          {from: "manylinux_2_28_aarch64", to: "musllinux_1_2_aarch64", reason: "runs nowhere"},
		"a missing platform":       {from: "# fast-2.1-cp313-cp313-manylinux_2_28_aarch64.whl\n", to: "", reason: "no wheel that runs on aarch64"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, lock := serverEntry(), good
			if c.change != nil {
				c.change(&e)
			}
			if c.from != "" {
				lock = strings.Replace(lock, c.from, c.to, 1)
			}
			if name == "a missing platform" {
				lock = strings.Replace(lock, " \\\n    --hash=sha256:"+w.SHA256(fastARM64.File()), "", 1)
			}
			err := w.eco.CheckLock(e, folder(lock))
			if c.reason == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			var reason *kind.LockError
			if !errors.As(err, &reason) || reason.File != pypi.LockFile || !strings.Contains(err.Error(), c.reason) {
				t.Errorf("got %v, want a LockError about %q", err, c.reason)
			}
		})
	}
	if err := w.eco.CheckLock(serverEntry(), folder("")); err == nil {
		t.Error("an empty lock is good")
	}
}
