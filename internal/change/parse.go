package change

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
)

// maxFiles bounds how many files may differ.
const maxFiles = 500_000

// renamedPattern is how git diff --name-status calls a renamed file, with how alike the two are in per cent.
var renamedPattern = regexp.MustCompile(`^R[0-9]{1,3}$`)

// parseStatus reads what 'git diff --name-status -z' writes: a status letter and a path, or for a renamed file its old and its new path,
// each ended by a zero byte.
func parseStatus(out []byte) ([]File, error) {
	fields, err := split(out)
	if err != nil {
		return nil, err
	}
	var files []File
	for len(fields) > 0 {
		status := fields[0]
		size := 2
		if renamedPattern.MatchString(status) {
			size = 3
		}
		if len(fields) < size {
			return nil, fmt.Errorf("git ended after %q, where a path should stand", status)
		}
		for _, path := range fields[1:size] {
			if err := checkPath(path); err != nil {
				return nil, err
			}
		}
		switch {
		case size == 3:
			files = append(files, File{Path: fields[1], Status: Removed}, File{Path: fields[2], Status: Added, From: fields[1]})
		case status == "A":
			files = append(files, File{Path: fields[1], Status: Added})
		case status == "D":
			files = append(files, File{Path: fields[1], Status: Removed})
		case status == "M", status == "T": // content or mode; a link in place of a file
			files = append(files, File{Path: fields[1], Status: Modified})
		case status == "U":
			return nil, fmt.Errorf("%s has a conflict that is not resolved yet", fields[1])
		default:
			return nil, fmt.Errorf("git says %q of %s, which is no status that is known", status, fields[1])
		}
		fields = fields[size:]
	}
	return files, nil
}

// parsePaths reads paths that are each ended by a zero byte.
func parsePaths(out []byte) ([]string, error) {
	paths, err := split(out)
	if err != nil {
		return nil, err
	}
	for i, path := range paths {
		// Git ends a folder that is a repository of its own with a slash.
		if n := len(path) - 1; n > 0 && path[n] == '/' {
			paths[i] = path[:n]
		}
		if err := checkPath(paths[i]); err != nil {
			return nil, err
		}
	}
	return paths, nil
}

func split(out []byte) ([]string, error) {
	if len(out) == 0 {
		return nil, nil
	}
	if out[len(out)-1] != 0 {
		return nil, errors.New("git's answer breaks off")
	}
	n := bytes.Count(out, []byte{0})
	if n > 3*maxFiles {
		return nil, fmt.Errorf("more than %d files differ", maxFiles)
	}
	fields := make([]string, 0, n)
	for field := range bytes.SplitSeq(out[:len(out)-1], []byte{0}) {
		fields = append(fields, string(field))
	}
	return fields, nil
}

// checkPath refuses what is no path inside of a folder. Paths that are not UTF-8 are refused as well: no file of a catalog has one.
func checkPath(path string) error {
	if path == "." || !fs.ValidPath(path) {
		return fmt.Errorf("git names %q, which is no path inside of the catalog", path)
	}
	return nil
}
