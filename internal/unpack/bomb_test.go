package unpack

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/ulikunitz/xz"
)

// zeros is an endless file.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// A file of ten gigabytes is refused by what its header says; an archive that swells elsewhere stops at the limit. The archives themselves
// are cut off long after that point, and read by nobody.
func TestBombs(t *testing.T) {
	const size, limit = 10 << 30, 1 << 20
	limits := Limits{Entries: 100, Bytes: limit, FileBytes: limit}
	announce := func(w io.Writer) error {
		return tar.NewWriter(w).WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "a/bomb", Size: size})
	}
	for name, write := range map[string]func(io.Writer) error{
		"one file": func(w io.Writer) error {
			if err := announce(w); err != nil {
				return err
			}
			_, err := io.CopyN(w, zeros{}, 1<<20)
			return err
		},
		"padding": func(w io.Writer) error {
			_, err := io.CopyN(w, zeros{}, 4<<20)
			return err
		},
		"many files": func(w io.Writer) error {
			archive := tar.NewWriter(w)
			for i := range 1000 {
				if err := archive.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: fmt.Sprint("a/", i)}); err != nil {
					return err
				}
			}
			return archive.Close()
		},
		"names": func(w io.Writer) error {
			archive := tar.NewWriter(w)
			for i := range 8 {
				name := fmt.Sprint("a/", i, strings.Repeat("/n", 200_000))
				if err := archive.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name}); err != nil {
					return err
				}
			}
			return archive.Close()
		},
	} {
		for method, unpack := range map[string]func(*bytes.Buffer) error{
			"gzip": func(b *bytes.Buffer) error {
				return TarGzip(t.Context(), b, 1, limits, func(File, io.Reader) error { return nil })
			},
			"xz": func(b *bytes.Buffer) error {
				archive := ar(part{"debian-binary", []byte("2.0\n")}, part{"control.tar", tarball(t, file("control", control))}, part{"data.tar.xz", b.Bytes()})
				_, err := Deb(t.Context(), bytes.NewReader(archive), limits, func(File, io.Reader) error { return nil })
				return err
			},
		} {
			var packed bytes.Buffer
			var w io.WriteCloser = gzip.NewWriter(&packed)
			if method == "xz" {
				if name != "one file" {
					continue // packing them takes longer than it tells
				}
				var err error
				if w, err = xz.NewWriter(&packed); err != nil {
					t.Fatal(err)
				}
			}
			if err := errors.Join(write(w), w.Close()); err != nil {
				t.Fatal(err)
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			err := unpack(&packed)
			runtime.ReadMemStats(&after)
			var refused *Error
			if !errors.As(err, &refused) {
				t.Errorf("%s, %s: got %v", method, name, err)
			}
			if used := after.TotalAlloc - before.TotalAlloc; used > 48<<20 {
				t.Errorf("%s, %s: took %d MB of memory", method, name, used>>20)
			}
		}
	}
}

func BenchmarkTarGzip(b *testing.B) {
	var members []member
	for i := range 200 {
		members = append(members, file(fmt.Sprint("package/", i), string(bytes.Repeat([]byte("some text "), 1000))))
	}
	packed := gzipped(b, tarball(b, members...))
	b.SetBytes(200 * 10_000)
	limits := Limits{Entries: 1000, Bytes: 1 << 30, FileBytes: 1 << 30}
	for b.Loop() {
		err := TarGzip(b.Context(), bytes.NewReader(packed), 1, limits, func(_ File, r io.Reader) error {
			_, err := io.Copy(io.Discard, r)
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}
