package sandbox

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"syscall"
)

// clean makes a name of a layer relative to the root. Names that climb are refused, not folded: no tool writes them.
func clean(name string) (string, error) {
	if strings.ContainsRune(name, 0) {
		return "", errors.New("the name has a null byte")
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == ".." {
			return "", errors.New("the name climbs out of the root")
		}
	}
	return path.Clean("./" + strings.TrimLeft(name, "/")), nil
}

// hide removes what lower layers put at name.
func (x *extraction) hide(name string) error {
	if x.fresh[name] {
		return nil
	}
	return x.clear(name)
}

// hideAll removes what lower layers put into a folder.
func (x *extraction) hideAll(dir string) error {
	entries, err := fs.ReadDir(x.root.FS(), dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := x.hide(path.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// clear makes room at name.
func (x *extraction) clear(name string) error {
	info, err := x.root.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return x.root.Remove(name)
	}
	x.folders = map[string]bool{".": true}
	x.leave()
	return x.root.RemoveAll(name)
}

// parent returns the folder that dir means inside the root, following symbolic links as the program in the sandbox would, and makes it where it
// is missing.
func (x *extraction) parent(dir string) (string, error) {
	if x.folders[dir] {
		return dir, nil
	}
	folder, rest, links := ".", dir, 0
	for rest != "" {
		var part string
		part, rest, _ = strings.Cut(rest, "/")
		switch part {
		case "", ".":
			continue
		case "..":
			folder = path.Dir(folder) // the parent of the root is the root
			continue
		}
		next := path.Join(folder, part)
		if x.folders[next] {
			folder = next
			continue
		}
		info, err := x.root.Lstat(next)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			if err := x.root.Mkdir(next, 0o755); err != nil {
				return "", err
			}
			if err := x.root.Chmod(next, 0o755); err != nil {
				return "", err
			}
		case err != nil:
			return "", err
		case info.Mode()&fs.ModeSymlink != 0:
			if links++; links > maxLinks {
				return "", syscall.ELOOP
			}
			target, err := x.root.Readlink(next)
			if err != nil {
				return "", err
			}
			if path.IsAbs(target) {
				folder = "."
			}
			rest = target + "/" + rest
			continue
		case !info.IsDir():
			return "", fmt.Errorf("%s is not a folder", next)
		}
		x.folders[next] = true
		folder = next
	}
	return folder, nil
}
