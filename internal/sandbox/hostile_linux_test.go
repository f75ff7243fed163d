package sandbox_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/sandbox"
	"github.com/slipway-dev/slipway/internal/sandbox/sandboxtest"
)

func TestLimitsEndARunWithTheirReason(t *testing.T) {
	t.Parallel()
	memory := func(s *sandbox.Spec) { s.Memory = 128 << 20 }
	for _, test := range []struct {
		name   string
		change func(*sandbox.Spec)
		args   []string
		want   sandbox.Reason
	}{
		{"private memory", memory, []string{"memory"}, sandbox.Memory},
		{"shared memory", memory, []string{"shared-memory"}, sandbox.Memory},
		{"tmpfs beyond memory", func(s *sandbox.Spec) { s.Memory, s.TmpfsBytes = 128<<20, 1<<30 }, []string{"fill", "/tmp/file"}, sandbox.Memory},
		{"fork bomb", func(s *sandbox.Spec) { s.Processes = 64 }, []string{"fork"}, sandbox.Processes},
		{"fork bomb that ends when it is refused", func(s *sandbox.Spec) { s.Processes = 64 }, []string{"fork-and-die"}, sandbox.Processes},
		{"endless loop", func(s *sandbox.Spec) { s.Timeout = time.Second }, []string{"spin"}, sandbox.Timeout},
		{"standard error", func(s *sandbox.Spec) { s.Output = 8 << 20 }, []string{"flood-stderr"}, sandbox.Output},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := start(t, test.change, test.args...)
			exit := p.Wait()
			if exit.Reason != test.want {
				t.Errorf("the program %v (%+v)", exit, exit)
			}
			if limit := int64(128<<20 + 256<<20); test.want == sandbox.Memory && exit.Peak > limit {
				t.Errorf("it had %d MiB before it was stopped", exit.Peak>>20)
			}
			if len(exit.Stderr) > 3*sandbox.TailBytes {
				t.Errorf("%d bytes of standard error were kept", len(exit.Stderr))
			}
			nothingLeft(t, p)
		})
	}
}

func TestFloodedOutputEndsTheRun(t *testing.T) {
	t.Parallel()
	p := start(t, func(s *sandbox.Spec) { s.Output = 8 << 20 }, "flood")
	n, err := io.Copy(io.Discard, p.Stdout)
	if err == nil || n > 8<<20 {
		t.Errorf("read %d bytes, %v", n, err)
	}
	if exit := p.Wait(); exit.Reason != sandbox.Output {
		t.Errorf("the program %v", exit)
	}
}

func TestUnreadOutputBlocksOnlyTheProgram(t *testing.T) {
	t.Parallel()
	p := start(t, func(s *sandbox.Spec) { s.Timeout = time.Second }, "flood")
	if exit := p.Wait(); exit.Reason != sandbox.Timeout {
		t.Errorf("the program %v", exit)
	}
}

func TestTmpfsIsBounded(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"/tmp/file", "/dev/shm/file", "/home/user/file"} {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			out := output(t, func(s *sandbox.Spec) { s.TmpfsBytes, s.Env = 8<<20, []string{"HOME=/home/user"} }, "fill", file)
			if !strings.Contains(out, "no space left") {
				t.Error(out)
			}
			if n, _, _ := strings.Cut(out, " "); len(n) > 7 {
				t.Errorf("%s bytes were written", n)
			}
		})
	}
}

func TestACancelledContextLeavesNothing(t *testing.T) {
	t.Parallel()
	for _, wait := range []time.Duration{0, 10 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond, 300 * time.Millisecond} {
		t.Run(wait.String(), func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			p, err := sandboxtest.Runtime(t).Start(ctx, sandbox.Spec{Root: rootFS(t), Args: []string{"/program", "sleep"}})
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(wait)
			cancel()
			if exit := p.Wait(); exit.Reason != sandbox.Killed {
				t.Errorf("the program %v", exit)
			}
			nothingLeft(t, p)
		})
	}
}

func TestAKilledParentTakesTheSandboxAlong(t *testing.T) {
	t.Parallel()
	temp, err := os.MkdirTemp("", "parent-") //nolint:usetesting // t.TempDir has too long a name for a sandbox
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(temp)
	cmd := exec.Command(program, "parent", rootFS(t))
	cmd.Env = append(os.Environ(), "TMPDIR="+temp, sandbox.Variable+"="+sandboxtest.Runtime(t).Path())
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "ready\n" {
		_ = cmd.Process.Kill()
		t.Fatalf("got %q, %v", line, err)
	}
	if len(processes(t, temp)) == 0 {
		t.Error("the test sees no process of the sandbox, so it proves nothing")
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	deadline := time.Now().Add(5 * time.Second)
	for len(processes(t, temp)) > 0 && time.Now().Before(deadline) {
		time.Sleep(10 * time.Millisecond)
	}
	if left := processes(t, temp); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

// TestRootless runs the tests of this package again as a user without rights, which needs root to become one.
func TestRootless(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Log("this user is no root, so all other tests have run rootless already")
		return
	}
	if os.Getenv("SANDBOX_TEST_PROGRAM") != "" {
		return
	}
	const nobody = 65534
	dir := filepath.Dir(program)
	self := filepath.Join(dir, "self.test")
	executable, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	copyFile(t, executable, self)
	runsc := filepath.Join(dir, "runsc")
	copyFile(t, sandboxtest.Runtime(t).Path(), runsc)
	cmd := exec.Command(self, "-test.run=^Test", "-test.skip=^(TestRootless|TestExtract.*)$")
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "TMPDIR=/tmp", "SANDBOX_TEST_PROGRAM=" + program, sandbox.Variable + "=" + runsc}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}, Pdeathsig: syscall.SIGKILL}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("as user %d: %v\n%s", nobody, err, out)
	}
}

// nothingLeft checks that no process and no file of an ended run is left.
func nothingLeft(t testing.TB, p *sandbox.Process) {
	t.Helper()
	if left := processes(t, p.Folder()); len(left) > 0 {
		t.Errorf("processes left: %q", left)
	}
	if _, err := os.Stat(p.Folder()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is left: %v", p.Folder(), err)
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil || bytes.Contains(mounts, []byte(p.Folder())) {
		t.Errorf("a mount is left: %v", err)
	}
}

// processes are the command lines of processes that name dir.
func processes(t testing.TB, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, e := range entries {
		if _, err := strconv.Atoi(e.Name()); err != nil {
			continue
		}
		if line, err := os.ReadFile(filepath.Join("/proc", e.Name(), "cmdline")); err == nil && bytes.Contains(line, []byte(dir)) {
			found = append(found, string(line))
		}
	}
	return found
}

func copyFile(t testing.TB, from, to string) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, data, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
}
