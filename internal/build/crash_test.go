package build_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/build"
)

// victim names the folder in which a copy of this test binary builds until it is killed.
const victim = "BUILD_CRASH_TEST_FOLDER"

func TestMain(m *testing.M) {
	if dir := os.Getenv(victim); dir != "" {
		if err := buildForever(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

func buildForever(dir string) error {
	in, err := newInput(context.Background(), filepath.Join(dir, "out"), filepath.Join(dir, "layers"))
	if err != nil {
		return err
	}
	for end := time.Now().Add(time.Minute); time.Now().Before(end); {
		in.Entry.Revision++ // another tag, so another layout
		if _, err := build.Build(context.Background(), in); err != nil {
			return err
		}
		if in.Entry.Revision == 1 {
			fmt.Println("built")
		}
	}
	return nil
}

func TestKilledBuildsShowNothingHalfWritten(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for i := range 15 {
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), victim+"="+dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := out.Read(make([]byte, 16)); err != nil {
			t.Fatalf("the process to be killed built nothing: %v", err)
		}
		time.Sleep(time.Duration(i) * 700 * time.Microsecond)
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // killed

		path := filepath.Join(dir, "out", "npx", "context7")
		// It is whole, or for the moment between two renames absent.
		if _, err := build.Open(t.Context(), path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		mustBuild(t, input(t, filepath.Join(dir, "out"), filepath.Join(dir, "layers")))
		mustOpen(t, path)
		entries, err := os.ReadDir(filepath.Dir(path))
		if err != nil || len(entries) != 2 { // the layout and the lock
			t.Fatalf("left behind: %v, %v", entries, err)
		}
	}
}

func TestBuildsOfOneEntryAtOnce(t *testing.T) {
	t.Parallel()
	dir, store := t.TempDir(), t.TempDir()
	results := make(chan error)
	for i := range 20 {
		in := input(t, dir, store)
		in.Entry.Revision = i % 3
		go func() {
			_, err := build.Build(context.Background(), in)
			results <- err
		}()
	}
	for range 20 {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
	mustOpen(t, filepath.Join(dir, "npx", "context7"))
}

func TestACancelledBuildLeavesNothing(t *testing.T) {
	t.Parallel()
	in := input(t, t.TempDir(), t.TempDir())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := build.Build(ctx, in); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if _, err := build.Open(t.Context(), filepath.Join(in.Dir, "npx", "context7")); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}
