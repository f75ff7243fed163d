package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/slipway-dev/slipway/internal/sandbox"
	"github.com/slipway-dev/slipway/internal/sandbox/sandboxtest"
)

// environ is what a user's shell would give to catalogctl: the world's servers, the machine's gVisor, and folders of the user's own. A race
// detector that finds nothing need not wait for a second at each exit.
func environ(runsc, home, cache, tmp string) []string {
	return append(world.Environ(),
		sandbox.Variable+"="+runsc, "HOME="+home, "XDG_CACHE_HOME="+cache, "TMPDIR="+tmp, "PATH="+os.Getenv("PATH"), "GORACE=atexit_sleep_ms=0")
}

// user runs catalogctl in a catalog.
type user struct {
	t       testing.TB
	binary  string
	dir     string // of the catalog
	environ []string
	tmp     string
}

// newUser returns one with the ready catalog and with folders of its own; without a cache it shares that of all tests.
func newUser(t testing.TB, cache string) *user {
	t.Helper()
	if cache == "" {
		cache = sharedCache()
	}
	u := &user{t: t, binary: "catalogctl", dir: t.TempDir(), tmp: shortDir(t)}
	runsc := sandboxtest.Runtime(t).Path()
	u.environ = environ(runsc, t.TempDir(), cache, u.tmp)
	check(t, copyReady(runsc, u.dir, "time", "weather"))
	return u
}

// executable is catalogctl as users have it: it does not look for races, and so is several times as fast as this test binary.
var executable = sync.OnceValues(func() (string, error) {
	out := filepath.Join(temp, "real", "catalogctl")
	build := exec.CommandContext(context.Background(), "go", "build", "-trimpath", "-o", out, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build catalogctl: %w\n%s", err, text)
	}
	return out, nil
})

// newRealUser returns a user of the real executable, with a cache of its own in the folder cache.
func newRealUser(t testing.TB, cache string) *user {
	t.Helper()
	u := newUser(t, cache)
	var err error
	u.binary, err = executable()
	check(t, err)
	return u
}

// command is catalogctl with arguments, not yet started.
func (u *user) command(args ...string) *exec.Cmd {
	cmd := exec.CommandContext(u.t.Context(), u.binary, args...)
	cmd.Dir, cmd.Env = u.dir, u.environ
	return cmd
}

// run returns catalogctl's exit code and output.
func (u *user) run(args ...string) (code int, stdout, stderr string) {
	u.t.Helper()
	var out, errs bytes.Buffer
	cmd := u.command(args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		u.t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

// must runs catalogctl, which must succeed, and returns its output.
func (u *user) must(args ...string) string {
	u.t.Helper()
	code, stdout, stderr := u.run(args...)
	if code != exitDone {
		u.t.Fatalf("catalogctl %v: exit code %d\n%s%s", args, code, stdout, stderr)
	}
	return stdout
}

// add adds an entry with its lock.
func (u *user) add(name, pkg, version string) {
	u.t.Helper()
	check(u.t, addEntry(u.dir, name, pkg, version))
}

// tidy checks that no temporary file is left.
func (u *user) tidy() {
	u.t.Helper()
	left, err := leftovers(u.tmp)
	check(u.t, err)
	if len(left) > 0 {
		u.t.Errorf("left in the temporary folder: %v", left)
	}
}

// leftovers returns what is in a temporary folder besides the empty one that all processes of a user share.
func leftovers(tmp string) ([]string, error) {
	shared := fmt.Sprintf("slipway-%d", os.Getuid())
	left, err := filepath.Glob(filepath.Join(tmp, shared, "*"))
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(tmp)
	for _, e := range entries {
		if e.Name() != shared {
			left = append(left, e.Name())
		}
	}
	return left, err
}

func sharedCache() string { return filepath.Join(temp, "cache") }

// shortDir is a folder with a short name.
func shortDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp(temp, "t") //nolint:usetesting // that name is too long
	check(t, err)
	return dir
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
