package unpack

import (
	"archive/tar"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"unicode/utf8"
)

// What Linux takes, in bytes (limits.h: NAME_MAX, PATH_MAX).
const (
	maxName = 255
	maxPath = 4095
)

// tree is what an archive has named so far.
type tree struct {
	seen    map[string]fs.FileMode // type of every path after stripping, parents included
	limits  Limits
	entries int
	bytes   int64
}

// admit checks one entry against everything before it. It returns false for an entry that stripping removes and for a pax global header.
func (t *tree) admit(h *tar.Header, strip int) (File, bool, error) {
	refuse := func(format string, args ...any) (File, bool, error) {
		return File{}, false, &Error{Path: abbreviate(h.Name), Reason: fmt.Sprintf(format, args...)}
	}
	if t.entries++; t.entries > t.limits.Entries {
		return refuse("is one entry too many: at most %d are allowed", t.limits.Entries)
	}
	if h.Typeflag == tar.TypeXGlobalHeader {
		return File{}, false, nil
	}
	name, reason := clean(h.Name)
	if reason != "" {
		return refuse("%s", reason)
	}
	// Sizes count for entries that stripping removes too: they have to be unpacked all the same.
	if h.Size > t.limits.FileBytes {
		return refuse("has %d bytes: at most %d are allowed in a file", h.Size, t.limits.FileBytes)
	}
	if t.bytes += h.Size; t.bytes > t.limits.Bytes {
		return refuse("brings the archive to %d bytes: at most %d are allowed", t.bytes, t.limits.Bytes)
	}
	name = stripped(name, strip)
	if name == "" {
		return File{}, false, nil
	}

	file := File{Path: name, Mode: fs.FileMode(h.Mode & 0o777)}
	switch h.Typeflag {
	case tar.TypeReg:
		file.Size = h.Size
	case tar.TypeDir:
		file.Mode |= fs.ModeDir
		if h.Mode&0o1000 != 0 {
			file.Mode |= fs.ModeSticky
		}
	case tar.TypeSymlink:
		file.Mode |= fs.ModeSymlink
		file.Link = h.Linkname
	case tar.TypeLink:
		target, reason := clean(h.Linkname)
		if reason != "" {
			return refuse("is a hard link whose target %s", reason)
		}
		file.Link = stripped(target, strip)
	default:
		return refuse("is neither a file, a directory nor a link (tar type %q)", h.Typeflag)
	}
	if file.Link != "" || h.Typeflag == tar.TypeSymlink || h.Typeflag == tar.TypeLink {
		if reason := t.checkLink(file); reason != "" {
			return refuse("%s", reason)
		}
	}
	if reason := t.add(file); reason != "" {
		return refuse("%s", reason)
	}
	return file, true, nil
}

func (t *tree) checkLink(file File) (reason string) {
	if !t.limits.Links {
		return "is a link: links are not allowed here"
	}
	if file.Mode.Type() == fs.ModeSymlink {
		return CheckTarget(file.Path, file.Link)
	}
	if mode, ok := t.seen[file.Link]; !ok || !mode.IsRegular() {
		return fmt.Sprintf("is a hard link to %q, which is no earlier file of the archive", abbreviate(file.Link))
	}
	return ""
}

// add enters the file and the directories above it.
func (t *tree) add(file File) (reason string) {
	for parent := path.Dir(file.Path); parent != "."; parent = path.Dir(parent) {
		mode, ok := t.seen[parent]
		if ok && !mode.IsDir() {
			return fmt.Sprintf("lies in %q, which is no directory", abbreviate(parent))
		}
		if ok {
			break // its parents were checked when it was added
		}
		t.seen[parent] = fs.ModeDir
	}
	mode, ok := t.seen[file.Path]
	if ok && (!mode.IsDir() || !file.Mode.IsDir()) {
		return "is in the archive twice"
	}
	t.seen[file.Path] = file.Mode.Type()
	return ""
}

// clean returns the path without empty and "." components, or why it is refused. The root itself is "".
func clean(name string) (cleaned, reason string) {
	switch {
	case len(name) > maxPath:
		return "", fmt.Sprintf("is %d bytes long: at most %d are allowed", len(name), maxPath)
	case !utf8.ValidString(name):
		return "", "is not valid UTF-8"
	case strings.ContainsRune(name, 0):
		return "", "contains a NUL"
	case strings.Contains(name, `\`):
		return "", "contains a backslash"
	case strings.HasPrefix(name, "/"):
		return "", "is an absolute path"
	}
	for component := range strings.SplitSeq(name, "/") {
		if component == ".." {
			return "", `contains ".."`
		}
		if len(component) > maxName {
			return "", fmt.Sprintf("has a component of %d bytes: at most %d are allowed", len(component), maxName)
		}
	}
	if name = path.Clean(name); name == "." {
		name = ""
	}
	return name, ""
}

// stripped removes the first n components of a clean path.
func stripped(name string, n int) string {
	for range n {
		_, name, _ = strings.Cut(name, "/")
	}
	return name
}

// CheckTarget says why the target of a symbolic link, which lies at the path link of a tree, may lead out of that tree, and nothing where
// it cannot. An absolute target is taken to begin at the root of the tree, as it does where the tree becomes the root file system.
//
// ".." is accepted only at the beginning, where it climbs through the real directories above the link. Further on it could climb from
// wherever another link leads, and no check of the text would know how far.
func CheckTarget(link, target string) (reason string) {
	switch {
	case target == "":
		return "is a link to nothing"
	case len(target) > maxPath:
		return fmt.Sprintf("is a link to a path of %d bytes: at most %d are allowed", len(target), maxPath)
	case !utf8.ValidString(target), strings.ContainsRune(target, 0), strings.Contains(target, `\`):
		return "is a link to a path with invalid UTF-8, a NUL or a backslash"
	}
	depth := strings.Count(link, "/")
	rest, absolute := strings.CutPrefix(target, "/")
	if absolute {
		depth = 0
	}
	climbing := true
	for component := range strings.SplitSeq(rest, "/") {
		switch {
		case component == "" || component == ".":
		case component != "..":
			climbing = false
		case !climbing || depth == 0:
			return fmt.Sprintf("is a link to %q, which may lead out of the tree", abbreviate(target))
		default:
			depth--
		}
	}
	return ""
}

// abbreviate keeps messages short whatever an archive calls its entries.
func abbreviate(name string) string {
	if len(name) <= 200 {
		return name
	}
	return name[:200] + "…"
}
