package git

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// mode is what an element of a tree is.
type mode string

const (
	plainMode      mode = "100644"
	groupMode      mode = "100664" // of old repositories; Git treats it as plain
	executableMode mode = "100755"
	folderMode     mode = "40000"
	linkMode       mode = "120000"
	submoduleMode  mode = "160000"
)

// element is one line of a tree.
type element struct {
	mode mode
	name string
	hash string
}

// maxName is what file systems take, in bytes.
const maxName = 255

// parseTree takes a tree object apart. Names that would leave the folder, or reach into Git's own, are errors, and so are two that are equal
// and an order that is not Git's.
func parseTree(raw []byte) ([]element, error) {
	var all []element
	seen := map[string]bool{}
	before := ""
	for len(raw) > 0 {
		head, rest, ok := bytes.Cut(raw, []byte{0})
		if !ok || len(rest) < 20 {
			return nil, errors.New("the tree ends in the middle of an element")
		}
		kind, name, ok := strings.Cut(string(head), " ")
		e := element{mode(kind), name, hex.EncodeToString(rest[:20])}
		raw = rest[20:]
		if !ok {
			return nil, fmt.Errorf("the tree has an element %.60q without a mode", head)
		}
		switch e.mode {
		case plainMode, groupMode, executableMode, folderMode, linkMode, submoduleMode:
		default:
			return nil, fmt.Errorf("%q has the mode %.20q, which Git does not write", abbreviate(name), kind)
		}
		if reason := checkName(name); reason != "" {
			return nil, fmt.Errorf("%q %s", abbreviate(name), reason)
		}
		order := name
		if e.mode == folderMode {
			order += "/"
		}
		if seen[name] || order <= before {
			return nil, fmt.Errorf("%q stands in its tree twice, or in the wrong place", abbreviate(name))
		}
		seen[name], before = true, order
		all = append(all, e)
	}
	return all, nil
}

// checkName says why a name in a tree is refused.
func checkName(name string) string {
	lower := strings.ToLower(name)
	switch {
	case name == "" || name == "." || name == "..":
		return "is no name of a file"
	case len(name) > maxName:
		return fmt.Sprintf("has more than %d bytes", maxName)
	case !utf8.ValidString(name):
		return "is not UTF-8"
	case strings.ContainsAny(name, "/\\\x00"):
		return "holds a separator of paths"
	case lower == ".git" || lower == "git~1":
		return "is the name of Git's own folder"
	}
	return ""
}

func abbreviate(s string) string {
	if len(s) > 60 {
		s = s[:60] + "…"
	}
	return strings.ToValidUTF8(s, "?")
}
