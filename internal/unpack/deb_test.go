package unpack

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

type part struct {
	name string
	data []byte
}

func ar(parts ...part) []byte {
	var b bytes.Buffer
	b.WriteString("!<arch>\n")
	for _, p := range parts {
		fmt.Fprintf(&b, "%-16s%-12d%-6d%-6d%-8s%-10d`\n", p.name, 0, 0, 0, "100644", len(p.data))
		b.Write(p.data)
		if len(p.data)%2 == 1 {
			b.WriteByte('\n')
		}
	}
	return b.Bytes()
}

func xzipped(t testing.TB, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := xz.NewWriter(&b)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zstandard(t testing.TB, data []byte) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	return w.EncodeAll(data, nil)
}

const control = "Package: x\nVersion: 1\n"

func sampleDeb(t testing.TB, pack func(testing.TB, []byte) []byte, extension string) []byte {
	t.Helper()
	return ar(
		part{"debian-binary", []byte("2.0\n")},
		part{"_ignored", []byte("odd")},
		part{"control.tar" + extension + "/", pack(t, tarball(t, file("./postinst", "#!/bin/sh"), file("./control", control)))},
		part{"data.tar" + extension, pack(t, tarball(t, dir("./"), dir("./usr/"), file("./usr/a", "content"), symlink("./b", "/usr/a")))},
	)
}

func TestDeb(t *testing.T) {
	t.Parallel()
	for extension, pack := range map[string]func(testing.TB, []byte) []byte{
		".xz": xzipped, ".gz": gzipped, ".zst": zstandard, "": func(_ testing.TB, data []byte) []byte { return data },
	} {
		var got []found
		limits := roomy
		limits.Links = false // packages have them all the same
		text, err := Deb(t.Context(), bytes.NewReader(sampleDeb(t, pack, extension)), limits, collect(&got))
		if err != nil || string(text) != control {
			t.Errorf("%q: %q, %v", extension, text, err)
		}
		var names []string
		for _, f := range got {
			names = append(names, f.Path+"="+f.Link+f.Body)
		}
		if diff := cmp.Diff([]string{"usr=", "usr/a=content", "b=/usr/a"}, names); diff != "" {
			t.Errorf("%q: %s", extension, diff)
		}
	}
}

func TestDebRefusals(t *testing.T) {
	t.Parallel()
	version := part{"debian-binary", []byte("2.0\n")}
	info := part{"control.tar", tarball(t, file("control", control))}
	data := part{"data.tar", tarball(t, file("a", ""))}
	good := ar(version, info, data)
	for name, archive := range map[string][]byte{
		"empty":                nil,
		"no ar":                []byte("!<arch>!"),
		"no members":           ar(),
		"no data":              ar(version, info),
		"no version":           ar(info, data),
		"another order":        ar(version, data, info),
		"another version":      ar(part{"debian-binary", []byte("3.0\n")}, info, data),
		"no control file":      ar(version, part{"control.tar", tarball(t, file("x", ""))}, data),
		"a huge control file":  ar(version, part{"control.tar", tarball(t, file("control", strings.Repeat("x", maxControl+1)))}, data),
		"unknown compression":  ar(version, info, part{"data.tar.lzma", data.data}),
		"wrong compression":    ar(version, info, part{"data.tar.xz", data.data}),
		"broken xz":            ar(version, info, part{"data.tar.xz", xzipped(t, data.data)[:60]}),
		"data after xz":        ar(version, info, part{"data.tar.xz", append(xzipped(t, data.data), "garbage!"...)}),
		"a way out":            ar(version, info, part{"data.tar", tarball(t, file("../a", ""))}),
		"a device":             ar(version, info, part{"data.tar", tarball(t, member{Header: tar.Header{Typeflag: tar.TypeBlock, Name: "a"}})}),
		"cut":                  good[:len(good)-1500],
		"cut in a header":      good[:100],
		"a negative size":      bytes.Replace(good, []byte("4         `"), []byte("-4        `"), 1),
		"a size that is none":  bytes.Replace(good, []byte("4         `"), []byte("x         `"), 1),
		"a size without end":   bytes.Replace(good, []byte("4         `"), []byte("9999999999`"), 1),
		"a header without end": bytes.Replace(good, []byte("`\n"), []byte("''"), 1),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var refused *Error
			if text, err := Deb(t.Context(), bytes.NewReader(archive), roomy, collect(new([]found))); !errors.As(err, &refused) {
				t.Errorf("got %q, %v", text, err)
			}
		})
	}
}

func FuzzDeb(f *testing.F) {
	f.Add(sampleDeb(f, xzipped, ".xz"))
	f.Add(sampleDeb(f, zstandard, ".zst"))
	f.Add(sampleDeb(f, gzipped, ".gz"))
	f.Fuzz(func(t *testing.T, data []byte) {
		checkVisited(t, func(visit Visit) error {
			_, err := Deb(t.Context(), bytes.NewReader(data), fuzzLimits, visit)
			return err
		})
	})
}

func FuzzTarGzip(f *testing.F) {
	plain := tarball(f, file("package/a", "1"), dir("package/b/"), symlink("package/c", "a"), hardlink("package/d", "package/a"))
	f.Add(gzipped(f, plain), 1)
	f.Add(append(gzipped(f, plain), 0, 0), 0)
	f.Fuzz(func(t *testing.T, data []byte, strip int) {
		strip = max(0, min(strip, 5))
		checkVisited(t, func(visit Visit) error { return TarGzip(t.Context(), bytes.NewReader(data), strip, fuzzLimits, visit) })
	})
}

func FuzzTar(f *testing.F) {
	f.Add(tarball(f, file("a", "1"), dir("b/"), symlink("c", "../a"), file(strings.Repeat("long/", 60)+"ü", "z")))
	f.Add(tarball(f, member{Header: tar.Header{Typeflag: tar.TypeXGlobalHeader, PAXRecords: map[string]string{"comment": "x"}}}, file("a", "")))
	f.Fuzz(func(t *testing.T, data []byte) {
		checkVisited(t, func(visit Visit) error { return walk(t.Context(), bytes.NewReader(data), 0, fuzzLimits, visit) })
	})
}

var fuzzLimits = Limits{Entries: 50, Bytes: 1 << 16, FileBytes: 1 << 14, Links: true}

// checkVisited holds what the caller gets against the promises of the package.
func checkVisited(t *testing.T, unpack func(Visit) error) {
	t.Helper()
	seen := map[string]File{}
	entries, total := 0, int64(0)
	err := unpack(func(f File, r io.Reader) error {
		if entries++; entries > fuzzLimits.Entries {
			t.Errorf("%d entries", entries)
		}
		if cleaned, reason := clean(f.Path); cleaned != f.Path || reason != "" || f.Path == "" {
			t.Errorf("%q is no clean path: %s", f.Path, reason)
		}
		if before, ok := seen[f.Path]; ok && (!before.Mode.IsDir() || !f.Mode.IsDir()) {
			t.Errorf("%q came twice", f.Path)
		}
		for parent := range seen {
			if strings.HasPrefix(f.Path, parent+"/") && !seen[parent].Mode.IsDir() {
				t.Errorf("%q lies in %q", f.Path, parent)
			}
		}
		seen[f.Path] = f
		n, err := io.Copy(io.Discard, r)
		if total += n; total > fuzzLimits.Bytes || n > fuzzLimits.FileBytes || err == nil && f.Link == "" && n != f.Size {
			t.Errorf("%q has %d bytes, said %d", f.Path, n, f.Size)
		}
		return err
	})
	var refused *Error
	if err != nil && !errors.As(err, &refused) {
		t.Errorf("%v is no *Error", err)
	}
}
