package unpack

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// zipped writes an archive of files; a name that ends in a slash is a directory.
func zipped(t testing.TB, headers ...zip.FileHeader) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, h := range headers {
		body := h.Comment
		h.Comment = ""
		h.Method = zip.Deflate
		if strings.HasSuffix(h.Name, "/") {
			h.Method = zip.Store
		}
		f, err := w.CreateHeader(&h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(f, body); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// packed is a file for zipped, with its content.
func packed(name, body string) zip.FileHeader { return zip.FileHeader{Name: name, Comment: body} }

func withMode(h zip.FileHeader, mode fs.FileMode) zip.FileHeader {
	h.SetMode(mode)
	return h
}

func readZip(t testing.TB, archive []byte, l Limits) ([]found, error) {
	t.Helper()
	var all []found
	err := Zip(t.Context(), bytes.NewReader(archive), int64(len(archive)), l, collect(&all))
	return all, err
}

func TestZip(t *testing.T) {
	t.Parallel()
	got, err := readZip(t, zipped(t,
		packed("pkg/", ""),
		withMode(packed("pkg/a.py", "a"), 0o644),
		withMode(packed("pkg/run", "#!"), 0o755),
		packed("./other/b", ""),
	), roomy)
	if err != nil {
		t.Fatal(err)
	}
	want := []found{
		{File{Path: "pkg", Mode: fs.ModeDir}, ""},
		{File{Path: "pkg/a.py", Mode: 0o644, Size: 1}, "a"},
		{File{Path: "pkg/run", Mode: 0o755, Size: 2}, "#!"},
		{File{Path: "other/b"}, ""},
	}
	for i := range got {
		if got[i].Mode.IsDir() {
			got[i].Mode = fs.ModeDir
		}
		if got[i].Path == "other/b" {
			got[i].Mode = 0
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestZipRefuses(t *testing.T) {
	t.Parallel()
	good := zipped(t, packed("a", "one"), packed("b", "two"))
	overlapping := bytes.Clone(good)
	second := bytes.LastIndex(overlapping, []byte("PK\x01\x02")) // in the directory
	binary.LittleEndian.PutUint32(overlapping[second+42:], 0)    // both files begin at the first one's place
	encrypted := bytes.Clone(good)
	encrypted[bytes.Index(encrypted, []byte("PK\x01\x02"))+8] |= 1
	damaged := bytes.Clone(good)
	damaged[bytes.Index(damaged, []byte("PK\x01\x02"))+16] ^= 1 // the checksum
	for name, c := range map[string]struct {
		archive []byte
		limits  Limits
		reason  string
	}{
		"a path out of it": {archive: zipped(t, packed("../a", "")), reason: `".."`},
		"further on":       {archive: zipped(t, packed("a/../../b", "")), reason: `".."`},
		"an absolute path": {archive: zipped(t, packed("/a", "")), reason: "absolute"},
		"a backslash":      {archive: zipped(t, packed(`..\a`, "")), reason: "backslash"},
		"a NUL":            {archive: zipped(t, packed("a\x00b", "")), reason: "NUL"},
		"no UTF-8":         {archive: zipped(t, packed("a\xff", "")), reason: "UTF-8"},
		"no name":          {archive: zipped(t, packed(".", "x")), reason: "no name"},
		"twice":            {archive: zipped(t, packed("a", "1"), packed("a", "2")), reason: "twice"},
		"twice, otherwise": {archive: zipped(t, packed("a", "1"), packed("./a", "2")), reason: "twice"},
		"case":             {archive: zipped(t, packed("a/B", "1"), packed("a/b", "2")), reason: "case only"},
		"below a file":     {archive: zipped(t, packed("a", "1"), packed("a/b", "2")), reason: "no directory"},
		"a symbolic link":  {archive: zipped(t, withMode(packed("a", "/etc/passwd"), fs.ModeSymlink|0o777)), reason: "links are not allowed"},
		"a device":         {archive: zipped(t, withMode(packed("a", ""), fs.ModeDevice|0o644)), reason: "neither"},
		"a full directory": {archive: fullDirectory(t), reason: "with content"},
		"encrypted":        {archive: encrypted, reason: "encrypted"},
		"shared bytes":     {archive: overlapping, reason: "shares bytes"},
		"a wrong checksum": {archive: damaged, reason: "checksum"},
		"no archive":       {archive: []byte("PK\x03\x04"), reason: "not a valid zip"},
		"empty":            {reason: "not a valid zip"},
		"cut":              {archive: good[:len(good)-30], reason: "not a valid zip"},
		"many files":       {archive: good, limits: Limits{Entries: 1, Bytes: 100, FileBytes: 100}, reason: "too many"},
		"a large file":     {archive: good, limits: Limits{Entries: 9, Bytes: 100, FileBytes: 2}, reason: "in a file"},
		"much altogether":  {archive: good, limits: Limits{Entries: 9, Bytes: 5, FileBytes: 4}, reason: "brings the archive to"},
		"no limits":        {archive: good, limits: Limits{Entries: 1}, reason: "limit is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			limits := c.limits
			if limits == (Limits{}) {
				limits = roomy
			}
			_, err := readZip(t, c.archive, limits)
			var refused *Error
			if err == nil || !strings.Contains(err.Error(), c.reason) || name != "no limits" && !errors.As(err, &refused) {
				t.Errorf("got %v, want an *Error about %q", err, c.reason)
			}
		})
	}
}

// fullDirectory is an archive with a directory that says it has ten bytes.
func fullDirectory(t *testing.T) []byte {
	archive := zipped(t, packed("a/", ""))
	at := bytes.Index(archive, []byte("PK\x01\x02"))
	binary.LittleEndian.PutUint32(archive[at+24:], 10)
	return archive
}

// An archive whose directory goes on and on, and one whose file says that it is small.
func TestZipBombs(t *testing.T) {
	var directory bytes.Buffer
	w := zip.NewWriter(&directory)
	for i := range 10_000 {
		if _, err := w.Create(strconv.Itoa(i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	liar := zipped(t, packed("a", strings.Repeat("x", 8<<20)))
	binary.LittleEndian.PutUint32(liar[bytes.Index(liar, []byte("PK\x01\x02"))+24:], 100)
	for name, archive := range map[string][]byte{"directory": directory.Bytes(), "a liar": liar} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := readZip(t, archive, roomy)
			runtime.ReadMemStats(&after)
			var refused *Error
			if !errors.As(err, &refused) {
				t.Errorf("got %v", err)
			}
			if grown := after.TotalAlloc - before.TotalAlloc; grown > 6<<20 {
				t.Errorf("%d bytes were allocated", grown)
			}
		})
	}
}

func FuzzZip(f *testing.F) {
	f.Add(zipped(f, packed("a/", ""), packed("a/b", "content"), withMode(packed("c", "x"), 0o755)))
	f.Add(zipped(f, packed("../a", "")))
	f.Fuzz(func(t *testing.T, archive []byte) {
		all, err := readZip(t, archive, roomy)
		if err != nil {
			return
		}
		for _, file := range all {
			if !fs.ValidPath(file.Path) || file.Link != "" || !file.Mode.IsDir() && !file.Mode.IsRegular() || file.Size != int64(len(file.Body)) {
				t.Errorf("%+v", file)
			}
		}
	})
}
