package unpack

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var roomy = Limits{Entries: 100, Bytes: 1 << 20, FileBytes: 1 << 19, Links: true}

// member is an entry of a test archive; its content is Body.
type member struct {
	tar.Header
	Body string
}

func file(name, body string) member {
	return member{tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: int64(len(body))}, body}
}

func dir(name string) member {
	return member{Header: tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: 0o755}}
}

func symlink(name, target string) member {
	return member{Header: tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: target, Mode: 0o777}}
}

func hardlink(name, target string) member {
	return member{Header: tar.Header{Typeflag: tar.TypeLink, Name: name, Linkname: target, Mode: 0o644}}
}

func tarball(t testing.TB, members ...member) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, m := range members {
		if err := w.WriteHeader(&m.Header); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, m.Body); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func gzipped(t testing.TB, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// found is a visited entry with its content.
type found struct {
	File
	Body string
}

func collect(into *[]found) Visit {
	return func(f File, r io.Reader) error {
		body, err := io.ReadAll(r)
		*into = append(*into, found{f, string(body)})
		return err
	}
}

func TestTarGzip(t *testing.T) {
	t.Parallel()
	var got []found
	archive := tarball(t,
		member{Header: tar.Header{Typeflag: tar.TypeXGlobalHeader, PAXRecords: map[string]string{"comment": "a commit"}}},
		dir("package/"),
		file("package/package.json", "{}"),
		file("other//./lib/deep/a.js", "1"),
		dir("package/lib/"),
		file("loose", "dropped"),
		member{tar.Header{Typeflag: tar.TypeReg, Name: "package/bin", Mode: 0o4755, Size: 1}, "x"},
		member{tar.Header{Typeflag: tar.TypeReg, Name: "package/none", Mode: 0, Size: 1}, "y"},
		file("package/"+strings.Repeat("long/", 60)+"ü", "z"),
	)
	if err := TarGzip(t.Context(), bytes.NewReader(gzipped(t, archive)), 1, roomy, collect(&got)); err != nil {
		t.Fatal(err)
	}
	want := []found{
		{File{Path: "package.json", Mode: 0o644, Size: 2}, "{}"},
		{File{Path: "lib/deep/a.js", Mode: 0o644, Size: 1}, "1"},
		{File{Path: "lib", Mode: fs.ModeDir | 0o755}, ""},
		{File{Path: "bin", Mode: 0o755, Size: 1}, "x"},
		{File{Path: "none", Mode: 0, Size: 1}, "y"},
		{File{Path: strings.Repeat("long/", 60) + "ü", Mode: 0o644, Size: 1}, "z"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestTarLinks(t *testing.T) {
	t.Parallel()
	var got []found
	archive := tarball(t,
		member{Header: tar.Header{Typeflag: tar.TypeDir, Name: "./tmp/", Mode: 0o1777}},
		file("usr/lib/a.so.1", "so"),
		symlink("usr/lib/a.so", "a.so.1"),
		symlink("usr/share/x", "../lib/a.so.1"),
		symlink("etc/x", "/usr/lib/a.so.1"),
		hardlink("usr/lib/b.so", "usr/lib/a.so.1"),
	)
	if err := walk(t.Context(), bytes.NewReader(archive), 0, roomy, collect(&got)); err != nil {
		t.Fatal(err)
	}
	want := []found{
		{File: File{Path: "tmp", Mode: fs.ModeDir | fs.ModeSticky | 0o777}},
		{File{Path: "usr/lib/a.so.1", Mode: 0o644, Size: 2}, "so"},
		{File: File{Path: "usr/lib/a.so", Mode: fs.ModeSymlink | 0o777, Link: "a.so.1"}},
		{File: File{Path: "usr/share/x", Mode: fs.ModeSymlink | 0o777, Link: "../lib/a.so.1"}},
		{File: File{Path: "etc/x", Mode: fs.ModeSymlink | 0o777, Link: "/usr/lib/a.so.1"}},
		{File: File{Path: "usr/lib/b.so", Mode: 0o644, Link: "usr/lib/a.so.1"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	noLinks := roomy
	noLinks.Links = false
	for name, c := range map[string]struct {
		members []member
		limits  Limits
		reason  string
	}{
		"absolute":            {[]member{file("/etc/passwd", "")}, roomy, "absolute"},
		"dotdot":              {[]member{file("a/../../b", "")}, roomy, `".."`},
		"dotdot inside":       {[]member{file("a/../b", "")}, roomy, `".."`},
		"backslash":           {[]member{file(`a\..\b`, "")}, roomy, "backslash"},
		"invalid UTF-8":       {[]member{file("a\xffb", "")}, roomy, "UTF-8"},
		"long component":      {[]member{file(strings.Repeat("a", 300), "")}, roomy, "component"},
		"long path":           {[]member{file(strings.Repeat("a/", 3000)+"b", "")}, roomy, "bytes long"},
		"twice":               {[]member{file("a", ""), file("a", "")}, roomy, "twice"},
		"twice, differently":  {[]member{file("a", ""), file("./a", "")}, roomy, "twice"},
		"file over directory": {[]member{file("a/b", ""), file("a", "")}, roomy, "twice"},
		"below a file":        {[]member{file("a", ""), file("a/b", "")}, roomy, "no directory"},
		"far below a file":    {[]member{file("a", ""), file("a/b/c/d", "")}, roomy, "no directory"},
		"below a link":        {[]member{symlink("a", "b"), file("a/b", "")}, roomy, "no directory"},
		"directory is a link": {[]member{symlink("a", "b"), dir("a")}, roomy, "twice"},
		"symlink out":         {[]member{symlink("a/b", "../../c")}, roomy, "out of the tree"},
		"symlink out, root":   {[]member{symlink("a/b", "/../c")}, roomy, "out of the tree"},
		"symlink by a link":   {[]member{symlink("d/l", ".."), symlink("m", "d/l/../..")}, roomy, "out of the tree"},
		"symlink to nothing":  {[]member{symlink("a", "")}, roomy, "nothing"},
		"symlink backslash":   {[]member{symlink("a", `..\b`)}, roomy, "backslash"},
		"symlink, none may":   {[]member{symlink("a", "b")}, noLinks, "not allowed"},
		"hard link, none may": {[]member{file("b", ""), hardlink("a", "b")}, noLinks, "not allowed"},
		"hard link out":       {[]member{hardlink("a", "../b")}, roomy, `".."`},
		"hard link absolute":  {[]member{hardlink("a", "/b")}, roomy, "absolute"},
		"hard link forward":   {[]member{hardlink("a", "b"), file("b", "")}, roomy, "no earlier file"},
		"hard link to a link": {[]member{symlink("b", "c"), hardlink("a", "b")}, roomy, "no earlier file"},
		"character device":    {[]member{{Header: tar.Header{Typeflag: tar.TypeChar, Name: "a"}}}, roomy, "neither"},
		"block device":        {[]member{{Header: tar.Header{Typeflag: tar.TypeBlock, Name: "a"}}}, roomy, "neither"},
		"pipe":                {[]member{{Header: tar.Header{Typeflag: tar.TypeFifo, Name: "a"}}}, roomy, "neither"},
		"too many entries":    {[]member{file("a", ""), file("b", "")}, Limits{Entries: 1, Bytes: 1, FileBytes: 1}, "too many"},
		"file too large":      {[]member{file("a", "123")}, Limits{Entries: 1, Bytes: 9, FileBytes: 2}, "in a file"},
		"all too large":       {[]member{file("a", "12"), file("b", "12")}, Limits{Entries: 9, Bytes: 3, FileBytes: 2}, "allowed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []found
			err := walk(t.Context(), bytes.NewReader(tarball(t, c.members...)), 0, c.limits, collect(&got))
			var refused *Error
			if !errors.As(err, &refused) || !strings.Contains(err.Error(), c.reason) {
				t.Fatalf("got %v, want an *Error about %q", err, c.reason)
			}
			if last := c.members[len(c.members)-1].Name; refused.Path == "" && last != "" {
				t.Errorf("%v does not name the entry", err)
			}
			if len(refused.Error()) > 1000 {
				t.Errorf("the message has %d bytes", len(refused.Error()))
			}
		})
	}
}

// Stripping must not merge what the archive keeps apart.
func TestStrippedDuplicateIsRefused(t *testing.T) {
	t.Parallel()
	archive := gzipped(t, tarball(t, file("a/x", "1"), file("b/x", "2")))
	var refused *Error
	if err := TarGzip(t.Context(), bytes.NewReader(archive), 1, roomy, collect(new([]found))); !errors.As(err, &refused) {
		t.Errorf("got %v", err)
	}
}

func TestNULInName(t *testing.T) {
	t.Parallel()
	// A pax record can carry what the header cannot.
	header := func(flag byte, name string, body string) []byte {
		var b [512]byte
		copy(b[:], name)
		copy(b[100:], "0000644\x000000000\x000000000\x00")
		copy(b[124:], fmt.Sprintf("%011o\x0000000000000\x00        ", len(body)))
		b[156] = flag
		copy(b[257:], "ustar\x0000")
		sum := 0
		for _, c := range b {
			sum += int(c)
		}
		copy(b[148:], fmt.Sprintf("%06o\x00 ", sum))
		padded := make([]byte, (len(body)+511)/512*512)
		copy(padded, body)
		return append(b[:], padded...)
	}
	archive := append(header('x', "pax", "14 path=a\x00../b\n"), header('0', "a", "")...)
	archive = append(archive, make([]byte, 1024)...)
	var refused *Error
	if err := walk(t.Context(), bytes.NewReader(archive), 0, roomy, collect(new([]found))); !errors.As(err, &refused) {
		t.Errorf("got %v", err)
	}
}

func TestWhatFollows(t *testing.T) {
	t.Parallel()
	plain := tarball(t, file("a/b", "content"))
	packed := gzipped(t, plain)
	flipped := bytes.Clone(packed)
	flipped[len(flipped)-6] ^= 1 // in the checksum
	half := len(plain) / 2
	for name, c := range map[string]struct {
		archive []byte
		ok      bool
	}{
		"nothing":            {packed, true},
		"zeros":              {append(bytes.Clone(packed), make([]byte, 5000)...), true},
		"zeros in the tar":   {gzipped(t, append(bytes.Clone(plain), make([]byte, 9000)...)), true},
		"two members":        {append(gzipped(t, plain[:half]), gzipped(t, plain[half:])...), true},
		"garbage":            {append(bytes.Clone(packed), "garbage"...), false},
		"zeros, garbage":     {append(bytes.Clone(packed), "\x00\x00garbage"...), false},
		"garbage in the tar": {gzipped(t, append(bytes.Clone(plain), "garbage"...)), false},
		"a second archive":   {gzipped(t, append(bytes.Clone(plain), plain...)), false},
		"wrong checksum":     {flipped, false},
		"cut in the gzip":    {packed[:len(packed)-4], false},
		"cut in the tar":     {gzipped(t, plain[:515]), false},
		"no gzip":            {plain, false},
		"empty":              {nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := TarGzip(t.Context(), bytes.NewReader(c.archive), 1, roomy, collect(new([]found)))
			var refused *Error
			if c.ok && err != nil || !c.ok && !errors.As(err, &refused) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestCallersErrorIsReturned(t *testing.T) {
	t.Parallel()
	mine := errors.New("mine")
	archive := tarball(t, file("a", "x"))
	err := walk(t.Context(), bytes.NewReader(archive), 0, roomy, func(File, io.Reader) error { return mine })
	if err != mine { //nolint:errorlint // as it is, not wrapped
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := walk(ctx, bytes.NewReader(archive), 0, roomy, collect(new([]found))); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if err := walk(t.Context(), bytes.NewReader(archive), 0, Limits{}, collect(new([]found))); err == nil {
		t.Error("no limits were taken for limits")
	}
}
