// Package sandboxtest prepares real sandboxes for tests, as net/http/httptest does servers.
package sandboxtest

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/slipway-dev/slipway/internal/sandbox"
)

// Runtime returns the gVisor of this machine, or of the repository's .tools/bin. Without one the test fails: the sandbox is what is under test.
func Runtime(t testing.TB) *sandbox.Runtime {
	t.Helper()
	rt, err := sandbox.Find(context.Background(), tools(t)...)
	if err != nil {
		t.Fatalf("%v\nrun `make tools` first", err)
	}
	return rt
}

// tools is the folder that `make tools` installs into, for a test that runs in the source tree.
func tools(t testing.TB) []string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; filepath.Dir(dir) != dir; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return []string{filepath.Join(dir, ".tools", "bin")}
		}
	}
	return nil
}

// Build compiles the command in the package folder src to a static executable at out.
func Build(src, out string) error {
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", out, ".")
	cmd.Dir = src
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	return cmd.Run()
}
