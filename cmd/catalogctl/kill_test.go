package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// moment is when a release is killed: some time after it has said that a step is done, or after its start.
type moment struct {
	after string
	wait  time.Duration
}

// Each run begins with what the one before left when it was killed, and must not fail for that. Whenever the tag is there, all is there.
func TestKilledReleaseIsCompletedByTheNext(t *testing.T) {
	t.Parallel()
	cache := t.TempDir()
	u := newRealUser(t, cache)
	entryFile := filepath.Join(u.dir, "catalog", "npx", "time", "entry.cue")
	entry, err := os.ReadFile(entryFile)
	check(t, err)
	image, revision := 0, 1
	write := func() {
		check(t, os.WriteFile(entryFile, fmt.Appendf(entry, "args: [\"--image\", \"%d\"]\nrevision: %d\n", image, revision), 0o644))
	}
	for _, m := range []moment{
		{"", 20 * time.Millisecond},
		{"", 150 * time.Millisecond},
		{"build", 0},
		{"build", 80 * time.Millisecond},
		{"inspect", 0},
		{"scan", 0},
		{"scan", 5 * time.Millisecond},
		{"scan", 20 * time.Millisecond},
		{"scan", 50 * time.Millisecond},
		{"scan", 100 * time.Millisecond},
		{"scan", 200 * time.Millisecond},
		{"scan", 400 * time.Millisecond},
	} {
		if m.after == "" || m.after == "build" {
			image++ // another one has to be booted
		}
		write()
		killed := u.kill(m)
		if code, stdout, stderr := u.run("verify", fmt.Sprintf("localhost:7547/npx/time:1.0.0-r%d", revision)); code != exitDone {
			if code != exitFailed || !strings.Contains(stderr, "the registry does not have it") {
				t.Fatalf("killed %v after %q: the tag is there, and verify says %d\n%s%s", m.wait, m.after, code, stdout, stderr)
			}
		} else {
			revision++
		}
		t.Logf("killed %v after %q: %v", m.wait, m.after, killed)
	}
	write()
	u.must("release", "--quiet", "time")
	u.must("verify", fmt.Sprintf("localhost:7547/npx/time:1.0.0-r%d", revision))
	u.must("validate")
	for range 50 {
		if len(processes(u.tmp)) == 0 {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	if left := processes(u.tmp); len(left) > 0 {
		t.Errorf("still running: %q", left)
	}

	// A day later everything is made anew once, and with it goes what was left.
	for _, dir := range []string{u.dir, cache} {
		past := time.Now().Add(-25 * time.Hour)
		check(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() {
				err = os.Chtimes(path, past, past)
			}
			return err
		}))
	}
	image++
	revision++
	write()
	u.add("notes", "tiny-notes", "1.0.0")
	u.must("inspect", "--quiet", "notes")
	u.must("release", "--quiet", "time")
	u.tidy()
	for _, dir := range []string{u.dir, cache} {
		check(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err == nil && temporary(path, d) {
				t.Errorf("there is still a %s", path)
			}
			return err
		}))
	}
}

// processes returns the command lines that name a folder, as those of a sandbox do its own.
func processes(dir string) (lines []string) {
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, file := range files {
		if line, err := os.ReadFile(file); err == nil && bytes.Contains(line, []byte(dir)) {
			lines = append(lines, string(line))
		}
	}
	return lines
}

// temporary reports files and folders that only a command at work should have.
func temporary(path string, d fs.DirEntry) bool {
	parent := filepath.Base(filepath.Dir(path))
	if parent == "uploads" { // the last one's own folder stays until the next comes, empty
		inside, err := os.ReadDir(path)
		return err != nil || len(inside) > 0
	}
	return parent == "partial" || strings.HasPrefix(d.Name(), ".") && !strings.HasSuffix(d.Name(), ".lock")
}

// kill starts a release and kills it; it reports whether it was in time. A release that ends by itself must have succeeded.
func (u *user) kill(m moment) bool {
	u.t.Helper()
	cmd := u.command("release", "time")
	var stdout, progress bytes.Buffer
	cmd.Stdout = &stdout
	stderr, err := cmd.StderrPipe()
	check(u.t, err)
	check(u.t, cmd.Start())
	lines := bufio.NewScanner(stderr)
	for m.after != "" && lines.Scan() {
		fmt.Fprintln(&progress, lines.Text())
		if strings.Contains(lines.Text(), " "+m.after+" ") {
			break
		}
	}
	time.Sleep(m.wait)
	check(u.t, cmd.Process.Kill())
	for lines.Scan() {
		fmt.Fprintln(&progress, lines.Text())
	}
	check(u.t, lines.Err())
	_ = cmd.Wait() // its state says it
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return true
	}
	if code := cmd.ProcessState.ExitCode(); code != exitDone {
		u.t.Fatalf("a release after one that was killed: exit code %d\n%s%s", code, stdout.String(), progress.String())
	}
	return false
}
