package sandbox_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/slipway-dev/slipway/internal/sandbox"
	"github.com/slipway-dev/slipway/internal/sandbox/sandboxtest"
)

func TestTheProgramSeesNothingOfTheHost(t *testing.T) {
	t.Parallel()
	out := output(t, func(s *sandbox.Spec) { s.Env = []string{"A=b"} }, "report")
	var seen map[string]string
	if err := json.Unmarshal([]byte(out), &seen); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"env": "2 A=b HOME=/tmp", "user": "65532:65532", "host": "sandbox", "interfaces": "lo ", "NoNewPrivs": "1",
		"files": "dev proc program sys tmp ", "tmp": "<nil>", "processors": "1",
	}
	for _, set := range []string{"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"} {
		want[set] = "0000000000000000"
	}
	for name, value := range want {
		if seen[name] != value {
			t.Errorf("%s is %q, want %q", name, seen[name], value)
		}
	}
	if !strings.Contains(seen["root"], "denied") && !strings.Contains(seen["root"], "read-only") {
		t.Errorf("writing to the root: %s", seen["root"])
	}
}

// It runs alone, as others would be given processors, too.
func TestRunsAreSpreadOverTheProcessors(t *testing.T) {
	seen, runs := map[string]bool{}, min(runtime.NumCPU(), 4)
	for range runs {
		p := start(t, nil, "sleep")
		if _, err := bufio.NewReader(p.Stdout).ReadString('\n'); err != nil {
			t.Fatal(err)
		}
		pid, err := os.ReadFile(filepath.Join(p.Folder(), "pid"))
		if err != nil {
			t.Fatal(err)
		}
		var allowed unix.CPUSet
		number, err := strconv.Atoi(strings.TrimSpace(string(pid)))
		if err == nil {
			err = unix.SchedGetaffinity(number, &allowed)
		}
		if err != nil {
			t.Fatal(err)
		}
		if allowed.Count() != 1 {
			t.Errorf("a run has %d processors", allowed.Count())
		}
		seen[fmt.Sprint(allowed)] = true
	}
	if len(seen) != runs {
		t.Errorf("%d runs share %d processors", runs, len(seen))
	}
}

// The kernel ends what a thread has started when the thread ends, also what is not of the sandbox. It runs alone, as the runs of others have threads, too.
func TestARunLeavesThreadsAsTheyWere(t *testing.T) {
	var all unix.CPUSet
	if err := unix.SchedGetaffinity(os.Getpid(), &all); err != nil {
		t.Fatal(err)
	}
	threads := func() []string {
		found, err := filepath.Glob("/proc/self/task/*")
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	p := start(t, nil, "sleep")
	if _, err := bufio.NewReader(p.Stdout).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	during := threads()
	p.Kill()
	time.Sleep(100 * time.Millisecond)
	for _, thread := range during {
		id, err := strconv.Atoi(filepath.Base(thread))
		if err != nil {
			t.Fatal(err)
		}
		var allowed unix.CPUSet
		if err := unix.SchedGetaffinity(id, &allowed); err != nil || allowed != all {
			t.Errorf("thread %d, which may use %d of %d processors: %v", id, allowed.Count(), all.Count(), err)
		}
	}
}

func TestStandardInputAndOutputArePassedOn(t *testing.T) {
	t.Parallel()
	p := start(t, nil, "echo")
	text := strings.Repeat("hello\n", 100_000)
	go func() {
		_, _ = io.WriteString(p.Stdin, text)
		_ = p.Stdin.Close()
	}()
	out, err := io.ReadAll(p.Stdout)
	if err != nil || string(out) != text {
		t.Errorf("got %d bytes and %v, want %d", len(out), err, len(text))
	}
	if exit := p.Wait(); exit.Reason != sandbox.Exited || exit.Code != 0 {
		t.Errorf("the program %v", exit)
	}
}

func TestExitTellsCodeSignalAndPrintableStderr(t *testing.T) {
	t.Parallel()
	exit := start(t, nil, "exit").Wait()
	if exit.Reason != sandbox.Exited || exit.Code != 7 || exit.Stderr != "goodbye \ufffd[31mred\ufffd\n" {
		t.Errorf("got %+v", exit)
	}
	exit = start(t, nil, "signal").Wait()
	if exit.Reason != sandbox.Exited || exit.Signal != 15 {
		t.Errorf("got %+v", exit)
	}
}

func TestAMissingProgramIsAFailureThatNamesIt(t *testing.T) {
	t.Parallel()
	exit := start(t, func(s *sandbox.Spec) { s.Args = []string{"/absent"} }).Wait()
	if exit.Reason != sandbox.Failed || !strings.Contains(exit.Detail, "/absent") {
		t.Errorf("got %+v", exit)
	}
}

func TestMountsAreReadOnlyUnlessAskedFor(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	mount := sandbox.Mount{Source: dir, Target: "/data"}
	if out := output(t, func(s *sandbox.Spec) { s.Mounts = []sandbox.Mount{mount} }, "write", "/data/file"); out == "<nil>" {
		t.Error("wrote to a read-only mount")
	}
	mount.Writable = true
	if out := output(t, func(s *sandbox.Spec) { s.Mounts, s.AsOwner = []sandbox.Mount{mount}, true }, "write", "/data/file"); out != "<nil>" {
		t.Error(out)
	}
	if data, err := os.ReadFile(filepath.Join(dir, "file")); err != nil || string(data) != "written" {
		t.Errorf("got %q, %v", data, err)
	}
}

func TestNetworkIsLoopbackUnlessAskedFor(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if out := output(t, nil, "reach", l.Addr().String()); out == "<nil>" {
		t.Error("reached the host without its network")
	}
	if out := output(t, func(s *sandbox.Spec) { s.Network = sandbox.Host }, "reach", l.Addr().String()); out != "<nil>" {
		t.Error(out)
	}
}

func TestDialReachesAPortInside(t *testing.T) {
	t.Parallel()
	p := start(t, nil, "serve")
	if _, err := io.ReadFull(p.Stdout, make([]byte, 6)); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Dial(t.Context(), 8081); !errors.Is(err, sandbox.ErrRefused) {
		t.Errorf("a closed port: %v", err)
	}
	client := http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var conn net.Conn
		var err error
		for range 50 {
			if conn, err = p.Dial(ctx, 8080); !errors.Is(err, sandbox.ErrRefused) {
				break
			}
			time.Sleep(20 * time.Millisecond)
		}
		return conn, err
	}}}
	defer client.CloseIdleConnections()
	for _, body := range []string{"one", strings.Repeat("two", 100_000)} {
		resp, err := client.Post("http://inside/", "text/plain", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil || string(got) != "you said "+body {
			t.Errorf("got %.40q, %v", got, err)
		}
	}
}

func TestDialWithADynamicHelperSaysSo(t *testing.T) {
	t.Parallel()
	shell, err := filepath.EvalSymlinks("/bin/sh")
	if err != nil {
		t.Fatal(err)
	}
	p := start(t, func(s *sandbox.Spec) { s.Dialer = shell }, "sleep")
	if _, err := p.Dial(t.Context(), 8080); err == nil || !strings.Contains(err.Error(), "CGO_ENABLED=0") {
		t.Errorf("got %v", err)
	}
}

func TestBadSpecsAreRefused(t *testing.T) {
	t.Parallel()
	rt, root := sandboxtest.Runtime(t), t.TempDir()
	for name, spec := range map[string]sandbox.Spec{
		"no program":             {Root: root},
		"null byte":              {Root: root, Args: []string{"a\x00b"}},
		"negative limit":         {Root: root, Args: []string{"a"}, Processes: -1},
		"absent root":            {Root: filepath.Join(root, "absent"), Args: []string{"a"}},
		"relative mount":         {Root: root, Args: []string{"a"}, Mounts: []sandbox.Mount{{Source: "x", Target: "/x"}}},
		"writable without owner": {Root: root, Args: []string{"a"}, Mounts: []sandbox.Mount{{Source: root, Target: "/x", Writable: true}}},
	} {
		if p, err := rt.Start(t.Context(), spec); err == nil {
			p.Kill()
			t.Errorf("%s was accepted", name)
		}
	}
}
