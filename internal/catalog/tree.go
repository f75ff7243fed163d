package catalog

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/entry"
)

// maxEntries bounds the folders of one kind.
const maxEntries = 100_000

// Folders below catalog/ that hold something other than entries; other packages read them.
var otherFolders = []string{"bases", "scanners"}

// definitions names, for each kind of entry, the definition that it embeds.
var definitions = map[entry.Kind]string{
	entry.Container: "#Container",
	entry.Remote:    "#Remote",
	entry.NPX:       "#NPX",
	entry.UVX:       "#UVX",
	entry.Go:        "#Go",
	entry.Skill:     "#Skill",
}

// folder is where one entry lies.
type folder struct {
	kind entry.Kind
	dir  string // relative to the root
}

// tree finds the folders of all entries, and whatever lies where an entry should.
func tree(root *os.Root) (folders []folder, problems Problems, err error) {
	top, err := list(root, "catalog")
	if err != nil {
		return nil, nil, fmt.Errorf("this is no catalog: %w", err)
	}
	for _, d := range top {
		name := path.Join("catalog", d.Name())
		_, isKind := definitions[entry.Kind(d.Name())]
		switch {
		case isKind && d.Name() != string(entry.Skill) && d.IsDir():
			found, wrong, err := kindFolders(root, name, entry.Kind(d.Name()))
			if err != nil {
				return nil, nil, err
			}
			folders, problems = append(folders, found...), append(problems, wrong...)
		case d.IsDir() && slices.Contains(otherFolders, d.Name()), name == SettingsFile, isNote(d):
		default:
			problems = append(problems, &Problem{File: name, Message: "is neither a kind of entry nor a part of a catalog; move it out of catalog/"})
		}
	}
	found, wrong, err := kindFolders(root, "skills", entry.Skill)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, err
	}
	return append(folders, found...), append(problems, wrong...), nil
}

func kindFolders(root *os.Root, dir string, kind entry.Kind) (folders []folder, problems Problems, err error) {
	all, err := list(root, dir)
	if err != nil {
		return nil, nil, err
	}
	for _, d := range all {
		name := path.Join(dir, d.Name())
		switch {
		case d.IsDir():
			folders = append(folders, folder{kind, name})
		case isNote(d):
		default:
			problems = append(problems, &Problem{File: name, Message: fmt.Sprintf("lies where only folders of entries should; move it to %s/<name>/ or remove it", dir)})
		}
	}
	return folders, problems, nil
}

// isNote reports files that people keep beside anything.
func isNote(d fs.DirEntry) bool {
	return d.Type().IsRegular() && slices.Contains([]string{"README.md", ".gitkeep", ".gitignore", ".gitattributes"}, d.Name())
}

// list reads a folder that is no link, sorted by name and bounded.
func list(root *os.Root, dir string) ([]fs.DirEntry, error) {
	info, err := root.Lstat(dir)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("%s is no folder", dir)
	}
	f, err := root.Open(dir)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	all, err := f.ReadDir(maxEntries + 1)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("list %s: %w", dir, err)
	}
	if len(all) > maxEntries {
		return nil, fmt.Errorf("%s holds more than %d files and folders", dir, maxEntries)
	}
	slices.SortFunc(all, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return all, nil
}

// read returns a regular file of at most limit bytes. Its errors say what to do, but not which file.
func read(root *os.Root, name string, limit int64) ([]byte, error) {
	info, err := root.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("is missing: %w", fs.ErrNotExist)
	case err != nil:
		return nil, fmt.Errorf("can't be read: %w", err)
	case !info.Mode().IsRegular():
		return nil, errors.New("is not a regular file; links and devices are refused")
	}
	f, err := root.Open(name)
	if err != nil {
		return nil, fmt.Errorf("can't be read: %w", err)
	}
	defer f.Close()
	body, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, fmt.Errorf("can't be read: %w", err)
	}
	if int64(len(body)) > limit {
		return nil, fmt.Errorf("is larger than %d KiB; shorten it", limit>>10)
	}
	return body, nil
}
