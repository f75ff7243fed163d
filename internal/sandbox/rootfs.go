package sandbox

import (
	"archive/tar"
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/slipway-dev/slipway/internal/bounded"
	"github.com/slipway-dev/slipway/internal/layer"
)

// Bounds of an image's root file system, all layers together.
const (
	maxEntries = 500_000
	maxUnpack  = 8 << 30 // bytes
	maxLinks   = 40      // symbolic links on the way to one file, as in Linux
)

// Whiteouts, see the OCI image layer specification, "Whiteouts".
const (
	whiteout       = ".wh."
	opaqueWhiteout = ".wh..wh..opq"
)

// ExtractRootFS unpacks the layers of img, lowest first, into the existing folder dir. Permissions and modification times are kept, set-user-ID and
// owners are not: all files belong to this user, and where the image names another owner than root, everybody gets the owner's permissions.
// Devices and pipes are left out. Nothing is written outside dir; an entry that asks for it is an error.
func ExtractRootFS(ctx context.Context, img v1.Image, dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("unpack image: %w", err)
	}
	defer root.Close()
	layers, err := img.Layers()
	if err != nil {
		return fmt.Errorf("unpack image: %w", err)
	}
	x := &extraction{root: root, entries: maxEntries, bytes: maxUnpack}
	for i, l := range layers {
		if err := x.layer(ctx, l); err != nil {
			return fmt.Errorf("unpack layer %d of the image: %w", i+1, err)
		}
	}
	return nil
}

// extraction is the state of one unpacking.
type extraction struct {
	root    *os.Root
	entries int   // left
	bytes   int64 // left
	// folders are those known to be real folders of the root, to look each up once.
	folders map[string]bool
	// fresh are the paths that the current layer has written, which its own whiteouts do not hide.
	fresh map[string]bool
}

func (x *extraction) layer(ctx context.Context, l v1.Layer) error {
	compressed, err := l.Compressed()
	if err != nil {
		return err
	}
	defer compressed.Close()
	content, err := layer.Decompress(bounded.Reader(ctx, compressed))
	if err != nil {
		return err
	}
	defer content.Close()
	x.folders, x.fresh = map[string]bool{".": true}, map[string]bool{}
	// The tar reader asks for 512 bytes at a time.
	archive := tar.NewReader(bufio.NewReaderSize(content, 256<<10))
	for {
		h, err := archive.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if x.entries--; x.entries < 0 {
			return fmt.Errorf("more than %d entries", maxEntries)
		}
		if err := x.entry(h, archive); err != nil {
			return fmt.Errorf("%q: %w", h.Name, err)
		}
	}
}

func (x *extraction) entry(h *tar.Header, content io.Reader) error {
	name, err := clean(h.Name)
	if err != nil {
		return err
	}
	if name == "." {
		return nil
	}
	dir, base := path.Split(name)
	parent, err := x.parent(path.Clean("./" + dir))
	if err != nil {
		return err
	}
	if base == opaqueWhiteout {
		return x.hideAll(parent)
	}
	target := path.Join(parent, base)
	if hidden, ok := strings.CutPrefix(base, whiteout); ok {
		if hidden == "" || hidden == "." || hidden == ".." {
			return errors.New("the whiteout names no file")
		}
		return x.hide(path.Join(parent, hidden))
	}
	x.fresh[target] = true
	switch h.Typeflag {
	case tar.TypeDir:
		return x.writeDir(target, h)
	case tar.TypeReg:
		return x.writeFile(target, h, content)
	case tar.TypeSymlink:
		if err := x.clear(target); err != nil {
			return err
		}
		return x.root.Symlink(h.Linkname, target)
	case tar.TypeLink:
		return x.writeLink(target, h.Linkname)
	default:
		return nil
	}
}

func (x *extraction) writeDir(name string, h *tar.Header) error {
	if info, err := x.root.Lstat(name); err != nil || !info.IsDir() {
		if err := x.clear(name); err != nil {
			return err
		}
		if err := x.root.Mkdir(name, 0o755); err != nil {
			return err
		}
	}
	x.folders[name] = true
	// This user must be able to remove it again.
	return x.root.Chmod(name, permissions(h)|0o700)
}

func (x *extraction) writeFile(name string, h *tar.Header, content io.Reader) error {
	if x.bytes -= h.Size; x.bytes < 0 {
		return fmt.Errorf("more than %d bytes in all", int64(maxUnpack))
	}
	create := func() (*os.File, error) { return x.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) }
	file, err := create()
	if errors.Is(err, fs.ErrExist) {
		if err := x.clear(name); err != nil {
			return err
		}
		file, err = create()
	}
	if err != nil {
		return err
	}
	_, err = io.Copy(file, content)
	err = errors.Join(err, file.Chmod(permissions(h)), file.Close())
	if err != nil {
		return err
	}
	return x.root.Chtimes(name, h.ModTime, h.ModTime)
}

func (x *extraction) writeLink(name, to string) error {
	to, err := clean(to)
	if err != nil {
		return fmt.Errorf("link to %q: %w", to, err)
	}
	parent, err := x.parent(path.Dir(to))
	if err != nil {
		return err
	}
	if err := x.clear(name); err != nil {
		return err
	}
	return x.root.Link(path.Join(parent, path.Base(to)), name)
}

// permissions are those that everybody has to this user's copy.
func permissions(h *tar.Header) fs.FileMode {
	mode := fs.FileMode(h.Mode & 0o777)
	if h.Uid != 0 {
		mode |= mode >> 6
	}
	return mode
}
