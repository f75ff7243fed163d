package layer

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/bounded"
	"github.com/slipway-dev/slipway/internal/unpack"
)

// Writer writes the files of a layer in the order in which it is called. Paths are relative to the root of the image, clean and
// slash-separated (fs.ValidPath). Directories above a path are made on the way; every entry belongs to root and bears the Unix epoch.
//
// A path is written once: a second file or link there is an error, as is a file below something that is no directory. A directory may be
// written again. The first error stays: all later calls return it.
type Writer struct {
	ctx     context.Context
	tar     *tar.Writer
	written map[string]fs.FileMode
	err     error
}

func newWriter(ctx context.Context, w io.Writer) *Writer {
	return &Writer{ctx: ctx, tar: tar.NewWriter(w), written: map[string]fs.FileMode{".": fs.ModeDir | 0o755}}
}

// WriteDir writes a directory with mode 0755, or 1777 if mode has the sticky bit. It does nothing if the directory is there with that mode.
func (w *Writer) WriteDir(name string, mode fs.FileMode) error {
	return w.enter(name, normalDir(mode), func() error { return nil })
}

// WriteFile writes a file of exactly size bytes from r, with mode 0755 if mode lets anybody execute it and else 0644.
func (w *Writer) WriteFile(name string, mode fs.FileMode, size int64, r io.Reader) error {
	normal := fs.FileMode(0o644)
	if mode&0o111 != 0 {
		normal = 0o755
	}
	return w.enter(name, normal, func() error {
		header := &tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: int64(normal), Size: size, ModTime: time.Unix(0, 0)}
		if err := w.tar.WriteHeader(header); err != nil {
			return err
		}
		n, err := io.Copy(w.tar, bounded.Reader(w.ctx, io.LimitReader(r, size)))
		if err != nil {
			return err
		}
		if n != size {
			return fmt.Errorf("its content ends after %d of %d bytes: %w", n, size, io.ErrUnexpectedEOF)
		}
		if extra, err := io.CopyN(io.Discard, r, 1); extra > 0 {
			return fmt.Errorf("its content is longer than the %d bytes announced", size)
		} else if err != io.EOF {
			return err
		}
		return nil
	})
}

// WriteSymlink writes a symbolic link. The target may begin with "/", for the root of the image; it must not climb out of that.
func (w *Writer) WriteSymlink(name, target string) error {
	return w.enter(name, fs.ModeSymlink|0o777, func() error {
		if reason := unpack.CheckTarget(name, target); reason != "" {
			return errors.New("it " + reason)
		}
		return w.tar.WriteHeader(&tar.Header{
			Typeflag: tar.TypeSymlink, Name: name, Linkname: target, Mode: 0o777, ModTime: time.Unix(0, 0),
		})
	})
}

// enter checks a path, makes the directories above it, and writes it.
func (w *Writer) enter(name string, mode fs.FileMode, write func() error) error {
	if w.err == nil {
		w.err = w.ctx.Err()
	}
	if w.err != nil {
		return w.err
	}
	if err := w.place(name, mode, write); err != nil {
		w.err = fmt.Errorf("cannot write %q to the layer: %w", name, err)
	}
	return w.err
}

func (w *Writer) place(name string, mode fs.FileMode, write func() error) error {
	if !fs.ValidPath(name) || strings.ContainsAny(name, "\x00\\") {
		return errors.New("the path must be relative and clean, without \"..\", backslashes and NUL")
	}
	if parent := path.Dir(name); w.written[parent] == 0 {
		if err := w.place(parent, normalDir(0), nil); err != nil {
			return err
		}
	} else if !w.written[parent].IsDir() {
		return fmt.Errorf("%q is no directory", parent)
	}
	switch before := w.written[name]; {
	case before == 0:
	case before == mode && mode.IsDir():
		return nil
	default:
		return errors.New("there is something at that path already")
	}
	w.written[name] = mode
	if !mode.IsDir() {
		return write()
	}
	bits := int64(mode.Perm())
	if mode&fs.ModeSticky != 0 {
		bits |= 0o1000
	}
	return w.tar.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: name + "/", Mode: bits, ModTime: time.Unix(0, 0)})
}

func normalDir(mode fs.FileMode) fs.FileMode {
	if mode&fs.ModeSticky != 0 {
		return fs.ModeDir | fs.ModeSticky | 0o777
	}
	return fs.ModeDir | 0o755
}
