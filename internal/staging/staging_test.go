package staging_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/staging"
)

func create(t *testing.T, area *staging.Area, content string) *staging.File {
	t.Helper()
	file, err := area.Create()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(file.Discard)
	if _, err := file.WriteString(content); err != nil {
		t.Fatal(err)
	}
	return file
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

func TestInstalledFilesAreWholeAndReadOnly(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	partial, target := filepath.Join(dir, "partial"), filepath.Join(dir, "a", "b")
	area := staging.New(partial)
	for _, content := range []string{"first", "second"} {
		file := create(t, area, content)
		if err := file.Install(target); err != nil {
			t.Fatal(err)
		}
		file.Discard() // comes too late
		info, err := os.Stat(target)
		if err != nil {
			t.Fatal(err)
		}
		if data, err := os.ReadFile(target); err != nil || string(data) != content || info.Mode() != 0o444 {
			t.Errorf("%q with mode %s, %v", data, info.Mode(), err)
		}
	}
	if left := names(t, partial); len(left) > 0 {
		t.Errorf("left %v", left)
	}
}

func TestDiscardedFilesAreGone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	create(t, staging.New(dir), "content").Discard()
	if left := names(t, dir); len(left) > 0 {
		t.Errorf("left %v", left)
	}
}

func TestLeftoversAreSweptOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	old, recent := filepath.Join(dir, "old"), filepath.Join(dir, "recent")
	past := time.Now().Add(-48 * time.Hour)
	err := errors.Join(os.WriteFile(old, nil, 0o600), os.WriteFile(recent, nil, 0o600), os.Chtimes(old, past, past))
	if err != nil {
		t.Fatal(err)
	}
	create(t, staging.New(dir), "")
	if _, err := os.Stat(old); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the old leftover: %v", err)
	}
	if _, err := os.Stat(recent); err != nil {
		t.Errorf("another process's file was removed: %v", err)
	}
}

func TestNothingIsInstalledWhereItCannotBe(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := create(t, staging.New(filepath.Join(dir, "partial")), "")
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := file.Install(filepath.Join(dir, "file", "below")); err == nil {
		t.Error("installed below a file")
	}
}
