package build_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/slipway-dev/slipway/internal/build"
)

// A layout that was built elsewhere takes its place only if all of it is what it should be.
func TestFetchedIsCheckedBeforeItCounts(t *testing.T) {
	t.Parallel()
	built := mustBuild(t, input(t, t.TempDir(), t.TempDir()))
	path := filepath.Join(t.TempDir(), "npx", "context7")
	copied := func(folder string) error { return os.CopyFS(folder, os.DirFS(built.Path)) }
	torn := errors.New("torn")
	other := built.Digest
	other.Hex = other.Hex[1:] + "0"
	for name, bad := range map[string]struct {
		write  func(string) error
		digest bool // asks for another one
	}{
		"torn":    {write: func(folder string) error { return errors.Join(copied(folder), torn) }},
		"nothing": {write: func(string) error { return nil }},
		"another": {write: copied, digest: true},
		"damaged": {write: func(folder string) error {
			if err := copied(folder); err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(folder, "blobs", "sha256", built.Platforms[0].Digest.Hex), []byte("{}"), 0o644)
		}},
	} {
		digest := built.Digest
		if bad.digest {
			digest = other
		}
		if _, err := build.Fetched(t.Context(), path, digest, bad.write); err == nil {
			t.Errorf("%s: no error", name)
		}
		if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 1 {
			t.Errorf("%s left %v, %v", name, entries, err) // the lock stays
		}
	}
	got, err := build.Fetched(t.Context(), path, built.Digest, copied)
	if err != nil {
		t.Fatal(err)
	}
	if got.Unchanged || got.Path != path || got.Digest != built.Digest || got.Tag != built.Tag || len(got.Platforms) != len(built.Platforms) ||
		got.Platforms[0].Digest != built.Platforms[0].Digest {
		t.Errorf("got %+v, built %+v", got, built)
	}
	mustOpen(t, path)
	got, err = build.Fetched(t.Context(), path, built.Digest, func(string) error { return torn })
	if err != nil || !got.Unchanged {
		t.Errorf("what is there was fetched again: %v", err)
	}
}
