package catalog

import "strings"

// confusable folds what looks alike in the characters that names may hold, after the idea of skeletons in Unicode TS 39 section 4; longer
// sequences come first.
var confusable = strings.NewReplacer(
	"rn", "m", "vv", "w", "cl", "d",
	"0", "o", "1", "l", "i", "l", "I", "l", "5", "s", "2", "z",
	"-", "", "_", "", ".", "", "/", "", "@", "",
)

// skeleton is equal for two names that a reader may take for each other.
func skeleton(name string) string { return strings.ToLower(confusable.Replace(name)) }

// oneEdit reports whether one insertion, deletion, substitution or swap of neighbours turns a into b.
func oneEdit(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	if len(b)-len(a) > 1 {
		return false
	}
	i := 0
	for i < len(a) && a[i] == b[i] {
		i++
	}
	if len(a) < len(b) {
		return a[i:] == b[i+1:]
	}
	if i == len(a) {
		return false // equal
	}
	return a[i+1:] == b[i+1:] || i+1 < len(a) && a[i] == b[i+1] && a[i+1] == b[i] && a[i+2:] == b[i+2:]
}

// maxAlike bounds how many names that all look the same are compared with each other.
const maxAlike = 16

// likeness finds names that look like each other in time linear in their number: names that are one edit apart share a text that is one
// of them, or that is left when one character is deleted.
type likeness struct {
	known map[string]bool
	edits map[string][]string
	looks map[string][]string
}

// alike is a name that looks like another one, and how.
type alike struct{ name, why string }

func newLikeness() *likeness {
	return &likeness{known: map[string]bool{}, edits: map[string][]string{}, looks: map[string][]string{}}
}

// add remembers a name and returns the others before it that look like it.
func (l *likeness) add(name string) []alike {
	if l.known[name] {
		return nil
	}
	l.known[name] = true
	var found []alike
	seen := map[string]bool{}
	note := func(other, why string) {
		if !seen[other] {
			seen[other] = true
			found = append(found, alike{other, why})
		}
	}
	keys := []string{name}
	for i := range len(name) {
		if i == 0 || name[i] != name[i-1] { // deleting either of two equal neighbours leaves the same
			keys = append(keys, name[:i]+name[i+1:])
		}
	}
	for _, key := range keys {
		for _, other := range l.edits[key] {
			if oneEdit(other, name) {
				note(other, "is one character away from")
			}
		}
	}
	look := skeleton(name)
	for _, other := range l.looks[look] {
		note(other, "can be taken for")
	}
	for _, key := range keys {
		l.edits[key] = append(l.edits[key], name)
	}
	if len(l.looks[look]) < maxAlike {
		l.looks[look] = append(l.looks[look], name)
	}
	return found
}
