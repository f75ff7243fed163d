package build_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/internal/build"
)

// replace gives a file of a layout another content without touching the one it is linked with.
func replace(t testing.TB, name string, change func([]byte) []byte) {
	t.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, change(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestEveryTamperedFileIsFoundAndRepaired(t *testing.T) {
	t.Parallel()
	in := input(t, t.TempDir(), t.TempDir())
	result := mustBuild(t, in)
	var names []string
	err := filepath.WalkDir(result.Path, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			names = append(names, path)
		}
		return err
	})
	if err != nil || len(names) != 2+1+2+2+3 {
		t.Fatalf("%d files, %v", len(names), err)
	}
	changes := map[string]func([]byte) []byte{
		"one bit":   func(b []byte) []byte { b[len(b)/2] ^= 1; return b },
		"cut short": func(b []byte) []byte { return b[:len(b)-1] },
		"empty":     func([]byte) []byte { return nil },
	}
	for _, name := range names {
		for what, change := range changes {
			replace(t, name, change)
			if what == "one bit" && filepath.Base(name) == "index.json" {
				// Its own digest is nowhere; what it must not do is lead anywhere else.
				if l, err := build.Open(t.Context(), result.Path); err == nil && l.Digest != result.Digest {
					t.Errorf("%s of %s led to %s", what, name, l.Digest)
				}
			} else if _, err := build.Open(t.Context(), result.Path); !isDamage(err) {
				t.Errorf("%s of %s: %v", what, name, err)
			}
			again := mustBuild(t, in)
			if again.Unchanged || again.Digest != result.Digest {
				t.Errorf("%s of %s was not repaired", what, name)
			}
			mustOpen(t, result.Path)
		}
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
		if _, err := build.Open(t.Context(), result.Path); err == nil {
			t.Errorf("without %s it opened", name)
		}
		mustBuild(t, in)
	}
}

func isDamage(err error) bool {
	var damage *build.DamageError
	return errors.As(err, &damage)
}

func TestLinksAreNotFollowed(t *testing.T) {
	t.Parallel()
	in := input(t, t.TempDir(), t.TempDir())
	result := mustBuild(t, in)
	name := filepath.Join(result.Path, "blobs", "sha256", result.Digest.Hex)
	elsewhere := filepath.Join(t.TempDir(), "blob")
	if err := os.Rename(name, elsewhere); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(elsewhere, name); err != nil {
		t.Fatal(err)
	}
	if _, err := build.Open(t.Context(), result.Path); !isDamage(err) {
		t.Error(err)
	}
}

func TestOpenSaysWhenNothingWasBuilt(t *testing.T) {
	t.Parallel()
	if _, err := build.Open(t.Context(), t.TempDir()); !errors.Is(err, fs.ErrNotExist) || isDamage(err) {
		t.Error(err)
	}
}

func FuzzOpen(f *testing.F) {
	result := mustBuild(f, input(f, f.TempDir(), f.TempDir()))
	content, err := os.ReadFile(filepath.Join(result.Path, "index.json"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(content))
	f.Add(strings.ReplaceAll(string(content), "sha256:", "sha256:../"))
	f.Add(`{"manifests":[{"mediaType":"application/vnd.oci.image.index.v1+json","size":-1}]}`)
	f.Add(`{"manifests":[null]}`)
	f.Fuzz(func(t *testing.T, index string) {
		if err := os.WriteFile(filepath.Join(result.Path, "index.json"), []byte(index), 0o644); err != nil {
			t.Fatal(err)
		}
		l, err := build.Open(t.Context(), result.Path)
		if err == nil && l.Digest != result.Digest {
			t.Errorf("opened %s, of which nothing is known", l.Digest)
		}
	})
}
