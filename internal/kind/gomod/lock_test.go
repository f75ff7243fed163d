package gomod_test

import (
	"errors"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/kind"
	"github.com/slipway-dev/slipway/internal/kind/gomod/lockfile"
)

func TestLockNamesEveryModuleOfEveryPlatform(t *testing.T) {
	t.Parallel()
	p := newProxy(t, serverReleases()...)
	eco, e := p.ecosystem(), serverEntry()
	dir := lock(t, eco, e)
	if err := eco.CheckLock(e, dir); err != nil {
		t.Fatal(err)
	}
	got, problems := lockfile.Parse(dir[lockfile.ModFile].Data, dir[lockfile.SumFile].Data)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	var names []string
	for _, m := range got.Modules() {
		names = append(names, m.String())
		if got.Sums.Module(m) == "" {
			t.Errorf("%s has no hash", m)
		}
	}
	if want := "example.com/arm@v0.1.0 example.com/deep@v1.0.0 example.com/left@v1.2.0 example.com/server@v1.0.0"; strings.Join(names, " ") != want {
		t.Errorf("got %v, want %s", names, want)
	}
	if got.Toolchain != runtime.Version() {
		t.Errorf("the lock pins %s", got.Toolchain)
	}
	for name, file := range dir {
		if strings.Contains(string(file.Data), p.URL) || strings.Contains(string(file.Data), "127.0.0.1") {
			t.Errorf("%s names the proxy:\n%s", name, file.Data)
		}
	}
	again, err := eco.Lock(t.Context(), e, dir)
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range again {
		if string(data) != string(dir[name].Data) {
			t.Errorf("locked again, %s changes:\n%s", name, data)
		}
	}
}

func TestOverridesRaiseVersions(t *testing.T) {
	t.Parallel()
	eco, e := newProxy(t, serverReleases()...).ecosystem(), serverEntry()
	override := func(path, version string) entry.Entry {
		e := e
		e.Overrides = []entry.Override{{Package: path, Version: version, Reason: "test"}}
		return e
	}
	raised := override("example.com/deep", "v1.1.0")
	dir := lock(t, eco, raised)
	if !strings.Contains(string(dir[lockfile.ModFile].Data), "example.com/deep v1.1.0") {
		t.Errorf("%s", dir[lockfile.ModFile].Data)
	}
	if err := eco.CheckLock(raised, dir); err != nil {
		t.Error(err)
	}
	p, err := eco.Payload(t.Context(), raised, dir, amd64)
	if err != nil {
		t.Fatal(err)
	}
	if got := p.Components[1].PURL; got != "pkg:golang/example.com/deep@v1.1.0" {
		t.Errorf("the binary has %s", got)
	}
	for name, test := range map[string]struct {
		entry entry.Entry
		want  string
	}{
		"own module":  {override("example.com/server", "v1.0.0"), "set package.version"},
		"not needed":  {override("example.com/none", "v1.0.0"), "nothing depends on"},
		"other":       {override("example.com/deep", "v1.2.0"), "the entry overrides it with v1.2.0"},
		"not in lock": {override("example.com/left", "v1.3.0"), "the entry overrides it"},
	} {
		if err := eco.CheckLock(test.entry, dir); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	// The lock of the raised version is not that of the entry without it.
	if _, err := eco.Payload(t.Context(), e, dir, arm64); err == nil || !strings.Contains(err.Error(), "the entry has no overrides") {
		t.Errorf("got %v", err)
	}
}

func TestCheckLockNamesEveryReason(t *testing.T) {
	t.Parallel()
	eco, e := newProxy(t, serverReleases()...).ecosystem(), serverEntry()
	dir := lock(t, eco, e)
	newer := serverEntry()
	newer.Package.Version = "v1.1.0"
	other := serverEntry()
	other.Package.Name = "example.com/other"
	renamed := serverEntry()
	renamed.Name = "renamed"
	for name, test := range map[string]struct {
		entry entry.Entry
		dir   fstest.MapFS
		want  []string // FILE FIELD|part of the reason
	}{
		"newer":     {newer, dir, []string{"go.mod require example.com/server|the entry wants v1.1.0"}},
		"other":     {other, dir, []string{"go.mod tool|wants example.com/other", "go.mod require|no module"}},
		"renamed":   {renamed, dir, []string{"go.mod module|catalog.invalid/go/renamed"}},
		"no go.mod": {e, fstest.MapFS{"go.sum": dir["go.sum"]}, []string{"go.mod |is missing: run catalogctl lock server"}},
		"no go.sum": {e, fstest.MapFS{"go.mod": dir["go.mod"]}, []string{"go.sum |is missing: run catalogctl lock server"}},
		"empty go.sum": {e, fstest.MapFS{"go.mod": dir["go.mod"], "go.sum": {}}, []string{
			"go.sum example.com/arm|", "go.sum example.com/deep|", "go.sum example.com/left|", "go.sum example.com/server|the entry's module",
			"go.sum example.com/server|go.mod",
		}},
		"no package":     {entry.Entry{Kind: entry.Go, Name: "server"}, dir, []string{"go.mod |names no package"}},
		"not in the way": {e, dir, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			expect(t, eco.CheckLock(test.entry, test.dir), test.want)
		})
	}
}

// expect compares the errors of a lock with what they should say.
func expect(t *testing.T, err error, want []string) {
	t.Helper()
	var parts []error
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		parts = joined.Unwrap()
	} else if err != nil {
		parts = []error{err}
	}
	for _, w := range want {
		place, reason, _ := strings.Cut(w, "|")
		found := false
		for _, part := range parts {
			var problem *kind.LockError
			found = found || errors.As(part, &problem) && problem.File+" "+problem.Field == place && strings.Contains(problem.Reason, reason)
		}
		if !found {
			t.Errorf("missing: %s", w)
		}
	}
	if len(parts) != len(want) {
		t.Errorf("got %d reasons: %v", len(parts), err)
	}
}

func TestLockKeepsTheToolchain(t *testing.T) {
	t.Parallel()
	p := newProxy(t, serverReleases()...)
	eco, e := p.ecosystem(), serverEntry()
	dir := lock(t, eco, e)
	for toolchain, want := range map[string]string{
		"go1.21.1":      "go1.21.1 is needed, this machine has " + runtime.Version(), // which the proxy does not serve
		"go1.26.8-evil": "names no release of Go",
		"default":       "names no release of Go",
	} {
		_, err := eco.Lock(t.Context(), e, edited(t, dir, "toolchain "+runtime.Version(), "toolchain "+toolchain))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v", toolchain, err)
		}
	}
}
