package layer

import (
	"archive/tar"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/layer/layertest"
)

func sample(_ context.Context, w *Writer) error {
	return errors.Join(
		w.WriteFile("usr/bin/tool", 0o500, 4, strings.NewReader("tool")),
		w.WriteFile("etc/conf", 0o600, 4, strings.NewReader("conf")),
		w.WriteDir("tmp", fs.ModeSticky|0o777),
		w.WriteDir("etc", 0o700),
		w.WriteSymlink("bin", "usr/bin"),
		w.WriteFile("long/"+strings.Repeat("d/", 120)+"ü", 0, 0, strings.NewReader("")),
	)
}

type entry struct {
	Name, Link, User string
	Mode             int64
	Type             byte
	Size             int64
	UID, GID         int
}

func entries(t *testing.T, l *Layer) []entry {
	t.Helper()
	r, err := l.Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var found []entry
	for archive := tar.NewReader(r); ; {
		h, err := archive.Next()
		if err == io.EOF {
			return found
		}
		if err != nil {
			t.Fatal(err)
		}
		if !h.ModTime.Equal(time.Unix(0, 0)) {
			t.Errorf("%s has the time %s", h.Name, h.ModTime)
		}
		found = append(found, entry{h.Name, h.Linkname, h.Uname + h.Gname, h.Mode, h.Typeflag, h.Size, h.Uid, h.Gid})
	}
}

func TestLayerHoldsWhatWasWritten(t *testing.T) {
	t.Parallel()
	l, err := NewStore(t.TempDir()).Layer(t.Context(), "k", sample)
	if err != nil {
		t.Fatal(err)
	}
	want := []entry{
		{Name: "usr/", Mode: 0o755, Type: tar.TypeDir},
		{Name: "usr/bin/", Mode: 0o755, Type: tar.TypeDir},
		{Name: "usr/bin/tool", Mode: 0o755, Type: tar.TypeReg, Size: 4},
		{Name: "etc/", Mode: 0o755, Type: tar.TypeDir},
		{Name: "etc/conf", Mode: 0o644, Type: tar.TypeReg, Size: 4},
		{Name: "tmp/", Mode: 0o1777, Type: tar.TypeDir},
		{Name: "bin", Link: "usr/bin", Mode: 0o777, Type: tar.TypeSymlink},
	}
	got := entries(t, l)
	if diff := cmp.Diff(want, got[:len(want)]); diff != "" {
		t.Error(diff)
	}
	if last := got[len(got)-1].Name; last != "long/"+strings.Repeat("d/", 120)+"ü" {
		t.Errorf("the long name became %q", last)
	}
	if err := layertest.Check(l); err != nil {
		t.Error(err)
	}
}

// The digest is part of what is promised: the same files give it on every machine, until format says otherwise.
func TestLayerIsReproducible(t *testing.T) {
	t.Parallel()
	const want = "sha256:52951355c7b431979767c47bf8300686bb7d27d8b6f8923ba1804d5aec7e3545"
	for range 2 {
		l, err := NewStore(t.TempDir()).Layer(t.Context(), "k", sample)
		if err != nil {
			t.Fatal(err)
		}
		if l.digest.String() != want {
			t.Errorf("got %s, want %s", l.digest, want)
		}
	}
}

func TestFormatNamesTheCompressor(t *testing.T) {
	t.Parallel()
	mod, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	var dependency string
	for field := range strings.FieldsSeq(format) {
		if field == "zstd" {
			break
		}
		if field != "1" {
			dependency = strings.TrimSpace(dependency + " " + field)
		}
	}
	if !strings.Contains(string(mod), dependency) {
		t.Errorf("go.mod has another compressor than %q: change format, for digests may change with it", dependency)
	}
}

func TestWriterRefuses(t *testing.T) {
	t.Parallel()
	file := func(name string) func(*Writer) error {
		return func(w *Writer) error { return w.WriteFile(name, 0, 0, strings.NewReader("")) }
	}
	link := func(name, target string) func(*Writer) error {
		return func(w *Writer) error { return w.WriteSymlink(name, target) }
	}
	for name, write := range map[string]func(*Writer) error{
		"absolute":       file("/etc/passwd"),
		"dotdot":         file("a/../../b"),
		"dot":            file("./a"),
		"root":           file("."),
		"empty":          file(""),
		"backslash":      file(`a\b`),
		"NUL":            file("a\x00b"),
		"invalid UTF-8":  file("a\xff"),
		"twice":          func(w *Writer) error { return errors.Join(file("a")(w), file("a")(w)) },
		"below a file":   func(w *Writer) error { return errors.Join(file("a")(w), file("a/b")(w)) },
		"below a link":   func(w *Writer) error { return errors.Join(link("a", "b")(w), file("a/b")(w)) },
		"over a dir":     func(w *Writer) error { return errors.Join(file("a/b")(w), file("a")(w)) },
		"other mode":     func(w *Writer) error { return errors.Join(w.WriteDir("a", 0), w.WriteDir("a", fs.ModeSticky)) },
		"link out":       link("a/b", "../../c"),
		"link empty":     link("a", ""),
		"link NUL":       link("a", "b\x00"),
		"link climbing":  link("a", "/b/../../c"),
		"content short":  func(w *Writer) error { return w.WriteFile("a", 0, 5, strings.NewReader("four")) },
		"content long":   func(w *Writer) error { return w.WriteFile("a", 0, 3, strings.NewReader("four")) },
		"content broken": func(w *Writer) error { return w.WriteFile("a", 0, 3, io.MultiReader(strings.NewReader("a"), broken{})) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			// The error must surface even if the caller drops it.
			_, err := NewStore(dir).Layer(t.Context(), "k", func(_ context.Context, w *Writer) error {
				_ = write(w)
				return nil
			})
			if err == nil {
				t.Error("was accepted")
			}
			if left := files(t, dir); len(left) > 0 {
				t.Errorf("left %v", left)
			}
		})
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("broken") }

func files(t *testing.T, dir string) (found []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			found = append(found, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
