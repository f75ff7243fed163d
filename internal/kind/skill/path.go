package skill

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Bounds of paths that every file system takes, in bytes and in names.
const (
	maxName  = 255
	maxPath  = 1024
	maxDepth = 16
)

// devices are names that Windows takes for something else than a file, whatever follows after a dot.
var devices = []string{
	"con", "prn", "aux", "nul", "com1", "com2", "com3", "com4", "com5", "com6", "com7", "com8", "com9",
	"lpt1", "lpt2", "lpt3", "lpt4", "lpt5", "lpt6", "lpt7", "lpt8", "lpt9",
}

// checkPath says why a path inside a skill is refused: it must mean the same file on every system that a skill is installed on.
func checkPath(name string) string {
	names := strings.Split(name, "/")
	if len(name) > maxPath || len(names) > maxDepth {
		return fmt.Sprintf("has a path of more than %d bytes or %d names", maxPath, maxDepth)
	}
	for _, part := range names {
		if reason := checkName(part); reason != "" {
			return reason
		}
	}
	return ""
}

func checkName(name string) string {
	base, _, _ := strings.Cut(strings.ToLower(name), ".")
	switch {
	case name == "" || name == "." || name == "..":
		return "has a path that is not clean"
	case len(name) > maxName:
		return fmt.Sprintf("has a name of more than %d bytes", maxName)
	case !utf8.ValidString(name) || strings.ContainsFunc(name, func(r rune) bool { return r != ' ' && !unicode.IsGraphic(r) || r != ' ' && unicode.IsSpace(r) }):
		return "has a name with characters that no reader sees"
	case strings.ContainsAny(name, `\:*?"<>|`):
		return `has a name with one of \ : * ? " < > |, which some systems do not take`
	case strings.HasSuffix(name, ".") || strings.HasSuffix(name, " ") || strings.HasPrefix(name, " "):
		return "has a name with a dot or a space at its end, which some systems drop"
	case slices.Contains(devices, base):
		return "has a name that Windows keeps for a device"
	case strings.EqualFold(name, ".git") || strings.EqualFold(name, "git~1"):
		return "lies where Git keeps its own files"
	}
	return ""
}

// isHidden reports whether a path has a name that begins with a dot: such files are easily overlooked.
func isHidden(name string) bool {
	return slices.ContainsFunc(strings.Split(name, "/"), func(part string) bool { return strings.HasPrefix(part, ".") })
}

// spellings notices names that are one on systems that do not tell capitals apart.
type spellings map[string]string

// add returns another spelling of the path, or of a folder above it, that came before.
func (s spellings) add(name string) string {
	for ; name != "."; name = path.Dir(name) {
		folded := norm.NFC.String(cases.Fold().String(norm.NFD.String(name)))
		if before, ok := s[folded]; ok && before != name {
			return before
		}
		s[folded] = name
	}
	return ""
}
