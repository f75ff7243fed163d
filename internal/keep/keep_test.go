package keep_test

import (
	"errors"
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
	f, err := s.Get(t.Context(), key, func(file *os.File) (about, error) {
		fresh = true
		_, err := file.WriteString(text)
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
	_, err := keep.New[about](dir).Get(t.Context(), "a", func(file *os.File) (about, error) {
		_, err := file.WriteString("half")
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
