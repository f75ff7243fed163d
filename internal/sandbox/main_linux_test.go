package sandbox_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/sandbox"
	"github.com/slipway-dev/slipway/internal/sandbox/sandboxtest"
)

// program is the compiled testdata/program.
var program string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	if program = os.Getenv("SANDBOX_TEST_PROGRAM"); program != "" {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "sandbox-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	// A test runs it as another user too.
	if err := os.Chmod(dir, 0o755); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	program = filepath.Join(dir, "program")
	if err := sandboxtest.Build(filepath.Join("testdata", "program"), program); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// rootFS is a folder with nothing but the program.
func rootFS(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	copyFile(t, program, filepath.Join(dir, "program"))
	return dir
}

// start runs the program with arguments; change may alter the rest of what is run.
func start(t testing.TB, change func(*sandbox.Spec), args ...string) *sandbox.Process {
	t.Helper()
	spec := sandbox.Spec{Root: rootFS(t), Args: append([]string{"/program"}, args...), Timeout: 30 * time.Second, Dialer: program}
	if change != nil {
		change(&spec)
	}
	p, err := sandboxtest.Runtime(t).Start(context.Background(), spec)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Kill() })
	return p
}

// output runs the program to its end, which must be a good one.
func output(t testing.TB, change func(*sandbox.Spec), args ...string) string {
	t.Helper()
	p := start(t, change, args...)
	out, err := io.ReadAll(p.Stdout)
	if err != nil {
		t.Fatal(err)
	}
	if exit := p.Wait(); exit.Reason != sandbox.Exited || exit.Code != 0 {
		t.Fatalf("the program %v\n%s", exit, exit.Stderr)
	}
	return strings.TrimSpace(string(out))
}
