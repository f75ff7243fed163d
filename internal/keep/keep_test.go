package keep_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/internal/keep"
)

type about struct{ Name string }

// get returns what is in the file with the key, what is said of it, and whether it was made for this.
func get(t *testing.T, s *keep.Store[about], key, text string) (content, name string, fresh bool) {
	t.Helper()
	f, err := s.Get(t.Context(), key, func(file *keep.Draft) (about, error) {
		fresh = true
		_, err := io.WriteString(file, text)
		return about{"called " + text}, err
	})
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(f.Path)
	if err != nil || f.Size != int64(len(data)) || f.Key != key {
		t.Errorf("%+v, %v", f, err)
	}
	return string(data), f.About.Name, fresh
}

func TestFilesAreMadeOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for i, c := range []struct {
		key, text string
		fresh     bool
	}{{"a", "one", true}, {"a", "two", false}, {"b", "one", true}, {"b", "three", false}} {
		content, name, fresh := get(t, keep.New[about](dir), c.key, c.text)
		if content != "one" || name != "called one" || fresh != c.fresh {
			t.Errorf("%d: got %q, %q, made: %v", i, content, name, fresh)
		}
	}
}

func TestDamagedFilesAreMadeAgain(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ files, from, to string }{
		"a changed file":        {"sha256/*", "one", "eno"},
		"a longer file":         {"sha256/*", "one", "one more"},
		"an empty file":         {"sha256/*", "one", ""},
		"a record of garbage":   {"keys/*", "{", "["},
		"another's record":      {"keys/*", `"key":"a"`, `"key":"b"`},
		"a record that escapes": {"keys/*", `"digest":"`, `"digest":"../`},
		"an older record":       {"keys/*", `"about"`, `"components"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			get(t, keep.New[about](dir), "a", "one")
			found, err := filepath.Glob(filepath.Join(dir, filepath.FromSlash(c.files)))
			if err != nil || len(found) != 1 {
				t.Fatal(found, err)
			}
			data, err := os.ReadFile(found[0])
			if err != nil {
				t.Fatal(err)
			}
			changed := strings.Replace(string(data), c.from, c.to, 1)
			if changed == string(data) {
				t.Fatal("nothing was changed")
			}
			if err := errors.Join(os.Chmod(found[0], 0o600), os.WriteFile(found[0], []byte(changed), 0o600)); err != nil {
				t.Fatal(err)
			}
			if content, _, fresh := get(t, keep.New[about](dir), "a", "one"); content != "one" || !fresh {
				t.Errorf("got %q, made: %v", content, fresh)
			}
		})
	}
}

func TestFailuresKeepNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	failure := errors.New("no")
	_, err := keep.New[about](dir).Get(t.Context(), "a", func(file *keep.Draft) (about, error) {
		_, err := io.WriteString(file, "half")
		return about{}, errors.Join(failure, err)
	})
	if !errors.Is(err, failure) {
		t.Error(err)
	}
	if found, err := filepath.Glob(filepath.Join(dir, "*", "*")); err != nil || len(found) > 0 {
		t.Error(found, err)
	}
	if content, _, fresh := get(t, keep.New[about](dir), "a", "whole"); content != "whole" || !fresh {
		t.Errorf("got %q, made: %v", content, fresh)
	}
}

// What is being written can be read by its name.
func TestDraftsCanBeRead(t *testing.T) {
	t.Parallel()
	_, err := keep.New[about](t.TempDir()).Get(t.Context(), "a", func(file *keep.Draft) (about, error) {
		if _, err := io.WriteString(file, "one"); err != nil {
			return about{}, err
		}
		data, err := os.ReadFile(file.Name())
		return about{string(data)}, err
	})
	if err != nil {
		t.Error(err)
	}
}

// Files that came from elsewhere are found by what they hold, and only as long as they hold it.
func TestFilesAreFoundByDigest(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	get(t, keep.New[about](dir), "a", "one")
	digest := func(text string) string {
		sum := sha256.Sum256([]byte(text))
		return hex.EncodeToString(sum[:])
	}
	if path, ok := keep.New[about](dir).Digest(digest("one")); !ok {
		t.Errorf("what was made is not found: %s", path)
	}
	file := filepath.Join(t.TempDir(), "came")
	if err := os.WriteFile(file, []byte("came"), 0o644); err != nil {
		t.Fatal(err)
	}
	dir = filepath.Join(t.TempDir(), "new")
	store := keep.New[about](dir)
	if _, ok := store.Digest(digest("came")); ok {
		t.Error("it is there before it came")
	}
	for range 2 {
		if err := store.Adopt(file, digest("came")); err != nil {
			t.Fatal(err)
		}
	}
	path, ok := store.Digest(digest("came"))
	if !ok {
		t.Fatal("what came is not found")
	}
	if err := os.WriteFile(path, []byte("damaged"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, ok := keep.New[about](dir).Digest(digest("came")); ok {
		t.Error("what was damaged is found")
	}
	for _, other := range []string{"", "../sha256/" + digest("came"), strings.ToUpper(digest("came"))} {
		if path, ok := store.Digest(other); ok || path != "" {
			t.Errorf("%q is found at %s", other, path)
		}
	}
}
