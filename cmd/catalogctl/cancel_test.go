package main

import (
	"bufio"
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A user who waits for a server that never answers interrupts the release.
func TestInterruptedReleaseLeavesNothing(t *testing.T) {
	t.Parallel()
	u := newUser(t, "")
	u.add("hang", "tiny-hang", "1.0.0")
	check(t, copyTree(filepath.Join(u.dir, "catalog/npx/weather/tools.json"), filepath.Join(u.dir, "catalog/npx/hang/tools.json")))
	cmd := u.command("release", "hang")
	var stdout bytes.Buffer
	cmd.Stdout = &stdout
	stderr, err := cmd.StderrPipe()
	check(t, err)
	check(t, cmd.Start())
	lines := bufio.NewScanner(stderr)
	for lines.Scan() && !strings.Contains(lines.Text(), "build") {
	}
	time.Sleep(300 * time.Millisecond) // it boots by now
	interrupted := time.Now()
	check(t, cmd.Process.Signal(os.Interrupt))
	var rest strings.Builder
	for lines.Scan() {
		rest.WriteString(lines.Text() + "\n")
	}
	check(t, lines.Err())
	_ = cmd.Wait() // its exit code says it
	if code := cmd.ProcessState.ExitCode(); code != exitFailed || !strings.Contains(rest.String(), "catalogctl: cancelled") {
		t.Errorf("exit code %d\n%s%s", code, stdout.String(), rest.String())
	}
	if took := time.Since(interrupted); took > 5*time.Second {
		t.Errorf("it took %v to end", took)
	}
	for _, path := range []string{"dist/registry", "catalog/npx/hang/release.json"} {
		if _, err := os.Lstat(filepath.Join(u.dir, path)); err == nil {
			t.Errorf("there is a %s", path)
		}
	}
	u.tidy()
}
