package wording

import (
	"regexp"
	"strings"
)

var notInName = regexp.MustCompile(`[^a-z0-9]+`)

// Name shortens what a package is called to what its server is called: context7-mcp is context7. Where only words such as mcp-server are left,
// the owner of the package is the name.
func Name(name, owner string) string {
	name, owner = Clean(name), Clean(owner)
	words := strings.Split(name, "-")
	for len(words) > 0 && (words[0] == "mcp" || words[0] == "server") {
		words = words[1:]
	}
	for len(words) > 0 && (words[len(words)-1] == "mcp" || words[len(words)-1] == "server") {
		words = words[:len(words)-1]
	}
	for _, candidate := range []string{strings.Join(words, "-"), owner, name} {
		if len(candidate) >= 2 {
			return strings.Trim(candidate[:min(len(candidate), 64)], "-")
		}
	}
	return name
}

// Clean makes lower-case letters, digits and single hyphens of a name.
func Clean(name string) string {
	return strings.Trim(notInName.ReplaceAllString(strings.ToLower(name), "-"), "-")
}

// Title writes an entry's name as a title.
func Title(name string) string {
	words := strings.Split(name, "-")
	for i, word := range words {
		if word != "" {
			words[i] = strings.ToUpper(word[:1]) + word[1:]
		}
	}
	return strings.Join(words, " ")
}
