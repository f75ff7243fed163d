package scratch_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/slipway-dev/slipway/internal/scratch"
)

// victim names the folder in which a copy of this test binary opens a folder and waits to be killed.
const victim = "SCRATCH_TEST_FOLDER"

func TestMain(m *testing.M) {
	if dir := os.Getenv(victim); dir != "" {
		if err := wait(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

func wait(dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	folder, err := scratch.Open(root, ".")
	if err != nil {
		return err
	}
	if err := root.MkdirAll(folder.Path+"/a/b", 0o755); err != nil {
		return err
	}
	if err := root.WriteFile(folder.Path+"/a/b/c", []byte("content"), 0o400); err != nil {
		return err
	}
	fmt.Println(folder.Path)
	_, err = os.Stdin.Read(make([]byte, 1)) // until it is killed
	return err
}

func open(t *testing.T, dir string) *scratch.Folder {
	t.Helper()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	folder, err := scratch.Open(root, ".")
	if err != nil {
		t.Fatal(err)
	}
	return folder
}

func names(t *testing.T, dir string) (found []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		found = append(found, e.Name())
	}
	return found
}

func TestTheKilledAreClearedAwayAndTheLivingAreNot(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), victim+"="+dir)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	theirs := strings.TrimSpace(line)

	mine := open(t, dir)
	if _, err := os.Stat(filepath.Join(dir, theirs, "a", "b", "c")); err != nil {
		t.Fatalf("a living process lost its files: %v", err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed
	again := open(t, dir)
	if found := names(t, dir); len(found) != 2 {
		t.Errorf("there are %v, want %s and %s", found, mine.Path, again.Path)
	}
	for _, f := range []*scratch.Folder{mine, again} {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
	if found := names(t, dir); len(found) != 0 {
		t.Errorf("left: %v", found)
	}
}

func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			root, err := os.OpenRoot(dir)
			if err != nil {
				t.Error(err)
				return
			}
			defer root.Close()
			folder, err := scratch.Open(root, ".")
			if err != nil {
				t.Error(err)
				return
			}
			if err := root.WriteFile(folder.Path+"/file", nil, 0o644); err != nil {
				t.Error(err)
			}
			if err := folder.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if found := names(t, dir); len(found) != 0 {
		t.Errorf("left: %v", found)
	}
}
