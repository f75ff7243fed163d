package github

import (
	"archive/zip"
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzExtract wants no archive to write anywhere else, or more than it may, or a link.
func FuzzExtract(f *testing.F) {
	for _, names := range [][]string{{"a.json"}, {"../a.json", "/a.json", `..\a.json`, "b/../../a.json"}, {"a.json", "a.json"}, {"a.json/b.json", "a.json"}, {""}} {
		var archive bytes.Buffer
		w := zip.NewWriter(&archive)
		for _, name := range names {
			header := &zip.FileHeader{Name: name, Method: zip.Deflate}
			if strings.HasPrefix(name, "b") {
				header.SetMode(fs.ModeSymlink | 0o777)
			}
			file, err := w.CreateHeader(header)
			if err != nil {
				f.Fatal(err)
			}
			if _, err := file.Write([]byte(strings.Repeat("../", 40))); err != nil {
				f.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			f.Fatal(err)
		}
		f.Add(archive.Bytes())
	}
	f.Fuzz(func(t *testing.T, archive []byte) {
		outer := t.TempDir()
		root, err := os.OpenRoot(outer)
		if err != nil {
			t.Fatal(err)
		}
		defer root.Close()
		if err := root.Mkdir("in", 0o755); err != nil {
			t.Fatal(err)
		}
		inner, err := root.OpenRoot("in")
		if err != nil {
			t.Fatal(err)
		}
		defer inner.Close()
		const limit = 1000
		left := budget{bytes: limit, names: 10}
		_ = left.extract(archive, func(name string) bool { return strings.HasSuffix(name, ".json") }, inner)
		size := int64(0)
		err = filepath.WalkDir(outer, func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			info, err := d.Info()
			if err != nil {
				return err
			}
			size += info.Size()
			if !info.Mode().IsRegular() || !strings.HasPrefix(name, filepath.Join(outer, "in")) || !strings.HasSuffix(name, ".json") {
				t.Errorf("%s with mode %v", name, info.Mode())
			}
			return nil
		})
		if err != nil || size > limit {
			t.Errorf("%d bytes, %v", size, err)
		}
	})
}
