package sandbox

import (
	"archive/tar"
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
	maxUnpack = 8 << 30 // bytes
	maxLinks  = 40      // symbolic links on the way to one file, as in Linux
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
	x := &extraction{root: root, bytes: maxUnpack, buffer: make([]byte, 256<<10)}
	defer x.leave()
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
	entries layer.Entries
	bytes   int64 // left
	buffer  []byte
	// folders are those known to be real folders of the root, to look each up once.
	folders map[string]bool
	// inside is the folder that the last entry went to, its path in root being folder: from the root, each part of a path would be opened again.
	inside *os.Root
	folder string
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
	return x.entries.Each(content, x.entry)
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
	if base == layer.OpaqueWhiteout {
		return x.hideAll(parent)
	}
	target := path.Join(parent, base)
	if hidden, ok := strings.CutPrefix(base, layer.Whiteout); ok {
		if hidden == "" || hidden == "." || hidden == ".." {
			return errors.New("the whiteout names no file")
		}
		return x.hide(path.Join(parent, hidden))
	}
	x.fresh[target] = true
	switch h.Typeflag {
	case tar.TypeDir:
		return x.writeDir(parent, base, h)
	case tar.TypeReg:
		return x.writeFile(parent, base, h, content)
	case tar.TypeSymlink:
		if err := x.clear(target); err != nil {
			return err
		}
		in, err := x.enter(parent)
		if err != nil {
			return err
		}
		return in.Symlink(h.Linkname, base)
	case tar.TypeLink:
		return x.writeLink(target, h.Linkname)
	default:
		return nil
	}
}

// enter returns a folder of the root, which is a real one.
func (x *extraction) enter(folder string) (*os.Root, error) {
	if x.inside != nil && x.folder == folder {
		return x.inside, nil
	}
	x.leave()
	inside, err := x.root.OpenRoot(folder)
	if err != nil {
		return nil, err
	}
	x.inside, x.folder = inside, folder
	return inside, nil
}

// leave forgets the folder that was entered, which may be removed then.
func (x *extraction) leave() {
	if x.inside != nil {
		_ = x.inside.Close() // nothing was written by it
		x.inside = nil
	}
}

func (x *extraction) writeDir(parent, base string, h *tar.Header) error {
	in, err := x.enter(parent)
	if err != nil {
		return err
	}
	name := path.Join(parent, base)
	err = in.Mkdir(base, 0o755)
	if errors.Is(err, fs.ErrExist) {
		if info, err := in.Lstat(base); err != nil || !info.IsDir() {
			if err := x.clear(name); err != nil {
				return err
			}
			if in, err = x.enter(parent); err != nil {
				return err
			}
			if err := in.Mkdir(base, 0o755); err != nil {
				return err
			}
		}
	} else if err != nil {
		return err
	}
	x.folders[name] = true
	// This user must be able to remove it again.
	return in.Chmod(base, permissions(h)|0o700)
}

func (x *extraction) writeFile(parent, base string, h *tar.Header, content io.Reader) error {
	if x.bytes -= h.Size; x.bytes < 0 {
		return fmt.Errorf("more than %d bytes in all", int64(maxUnpack))
	}
	create := func() (*os.File, error) {
		in, err := x.enter(parent)
		if err != nil {
			return nil, err
		}
		return in.OpenFile(base, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	}
	file, err := create()
	if errors.Is(err, fs.ErrExist) {
		if err := x.clear(path.Join(parent, base)); err != nil {
			return err
		}
		file, err = create()
	}
	if err != nil {
		return err
	}
	_, err = io.CopyBuffer(struct{ io.Writer }{file}, content, x.buffer) // the file's own ReadFrom makes a buffer each time
	err = errors.Join(err, file.Chmod(permissions(h)), file.Close())
	if err != nil {
		return err
	}
	return x.inside.Chtimes(base, h.ModTime, h.ModTime)
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
