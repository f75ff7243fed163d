//go:build e2e && dagger

package e2e

import (
	"bufio"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// relay is a way to the engine of the environment that can be cut, as if there were an engine there that can be lost.
type relay struct {
	url     string
	asked   atomic.Int64 // bytes to the engine
	carried atomic.Int64 // bytes from the engine

	listener net.Listener
	mu       sync.Mutex
	open     []net.Conn
}

func newRelay(t *testing.T) *relay {
	t.Helper()
	socket, found := strings.CutPrefix(os.Getenv("_EXPERIMENTAL_DAGGER_RUNNER_HOST"), "unix://")
	if !found {
		t.Fatal("_EXPERIMENTAL_DAGGER_RUNNER_HOST must name an engine by unix://, to relay to")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{url: "tcp://" + listener.Addr().String(), listener: listener}
	t.Cleanup(r.cut)
	go func() {
		for {
			in, err := listener.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("unix", socket)
			if err != nil {
				in.Close()
				return
			}
			r.mu.Lock()
			r.open = append(r.open, in, out)
			r.mu.Unlock()
			go func() { io.Copy(io.MultiWriter(out, counter{&r.asked}), in); out.Close() }()
			go func() { io.Copy(io.MultiWriter(in, counter{&r.carried}), out); in.Close() }()
		}
	}()
	return r
}

type counter struct{ n *atomic.Int64 }

func (c counter) Write(p []byte) (int, error) {
	c.n.Add(int64(len(p)))
	return len(p), nil
}

// busy waits until one of the ways has been asked for something more and then brings nothing for a moment, and returns it: what is told of how a
// session was opened may come late, but only the session in use is asked for more. Cut earlier, the engine would be reading the catalog by this way,
// and what it has read is shared with the other way, as it is one engine.
func busy(t *testing.T, ways []*relay) *relay {
	t.Helper()
	const (
		some   = 4 << 10
		tick   = 10 * time.Millisecond
		moment = 20 // ticks
	)
	var before []int64
	for _, way := range ways {
		before = append(before, way.asked.Load())
	}
	last, silent := make([]int64, len(ways)), make([]int, len(ways))
	for range 3000 {
		time.Sleep(tick)
		for i, way := range ways {
			now := way.carried.Load()
			silent[i]++
			if now != last[i] {
				last[i], silent[i] = now, 0
			}
			if way.asked.Load()-before[i] > some && silent[i] >= moment {
				return way
			}
		}
	}
	t.Fatal("nothing is asked of the engine any more")
	return nil
}

func (r *relay) cut() {
	r.listener.Close()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, conn := range r.open {
		conn.Close()
	}
}

// TestDaggerEnginesReleaseAsThisMachineDoes releases by two ways to the engine, of which the one in use is cut when the image is built. The other
// takes over, and what comes of it is what this machine makes itself.
func TestDaggerEnginesReleaseAsThisMachineDoes(t *testing.T) {
	const entry = "npx/sequential-thinking"
	module, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	root := scratch(t, entry)
	file := "catalog/" + entry + "/entry.cue"
	text, err := os.ReadFile(filepath.Join(root, file))
	if err != nil {
		t.Fatal(err)
	}
	// So that the engine has inspected no such catalog yet: the way is cut while it does.
	put(t, root, file, string(text)+"\n// "+rand.Text()+"\n")
	catalogctl := newCommand(t, root)
	ways := []*relay{newRelay(t), newRelay(t)}
	cmd := exec.CommandContext(t.Context(), "catalogctl", "--json", "release", "--engine", ways[0].url, "--engine", ways[1].url, "--module", module, entry)
	cmd.Dir = root
	var stdout, progress strings.Builder
	cmd.Stdout = &stdout
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var cut *relay
	lines := bufio.NewScanner(stderr)
	for lines.Scan() {
		progress.WriteString(lines.Text() + "\n")
		if cut == nil && strings.HasPrefix(lines.Text(), "ok") && strings.Contains(lines.Text(), " build ") {
			cut = busy(t, ways)
			cut.cut()
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v\n%s%s", err, progress.String(), stdout.String())
	}
	if cut == nil || !strings.Contains(progress.String(), cut.url) {
		t.Errorf("no engine was lost:\n%s", progress.String())
	}
	running, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range running {
		if line, err := os.ReadFile(file); err == nil && strings.Contains(string(line), root) {
			t.Errorf("still running: %q", line)
		}
	}
	elsewhere := parse(t, stdout.String())
	if out := catalogctl.run(t, "verify", "localhost:7547/"+entry+"@"+elsewhere.Digest); !strings.Contains(out, "as "+entry) {
		t.Errorf("verify says %s", out)
	}
	here := parse(t, catalogctl.run(t, "-q", "--json", "--out", t.TempDir(), "release", entry))
	if here.Digest != elsewhere.Digest || here.Reference != elsewhere.Reference || here.Verdict != elsewhere.Verdict || here.Verdict != "pass" {
		t.Errorf("here: %+v\nthere: %+v", here, elsewhere)
	}
	for _, file := range []string{"npx/sequential-thinking/index.json", "reports/" + entry + "/findings.sarif", "reports/" + entry + "/sbom-index.spdx.json"} {
		if _, err := os.Stat(filepath.Join(root, "dist", file)); err != nil {
			t.Error(err)
		}
	}
}

// TestDaggerEnginesTellWhatFailed releases an entry whose recorded tools are others: exit code, words and reports are those of this machine.
func TestDaggerEnginesTellWhatFailed(t *testing.T) {
	const entry = "npx/sequential-thinking"
	module, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	root := scratch(t, entry)
	file := filepath.Join(root, "catalog", entry, "tools.json")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	put(t, root, "catalog/"+entry+"/tools.json", strings.Replace(string(text), `"description": "`, `"description": "Once, `, 1))
	release := func(args ...string) (string, int) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "catalogctl", append([]string{"-q", "release", entry}, args...)...)
		cmd.Dir = root
		out, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		return string(out), cmd.ProcessState.ExitCode()
	}
	there, codeThere := release("--engine", os.Getenv("_EXPERIMENTAL_DAGGER_RUNNER_HOST"), "--module", module)
	if _, err := os.Stat(filepath.Join(root, "dist", "reports", entry, "verdict.json")); err != nil {
		t.Error(err)
	}
	if published, err := filepath.Glob(filepath.Join(root, "dist", "registry", "repositories", "*", "*")); err != nil || len(published) > 0 {
		t.Errorf("published: %v, %v", published, err)
	}
	here, codeHere := release()
	if codeHere != 1 || codeThere != 1 || there != here {
		t.Errorf("here: %d\n%s\nthere: %d\n%s", codeHere, here, codeThere, there)
	}
}
