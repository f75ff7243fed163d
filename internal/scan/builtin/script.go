package builtin

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/slipway-dev/slipway/internal/finding"
	"github.com/slipway-dev/slipway/internal/scan"
)

// checkScript reports names that are not what they look like, and words in prose that swap single letters for look-alikes.
func checkScript(t text, add adder) {
	if t.clean {
		return
	}
	if t.role == name || t.role == parameter {
		checkName(t, add)
		return
	}
	from := -1
	for i, r := range t.value + " " {
		switch {
		case unicode.IsLetter(r) && from < 0:
			from = i
		case !unicode.IsLetter(r) && from >= 0:
			if word := t.value[from:i]; disguised(word) {
				add(t.place, finding.Finding{
					Rule: "mixed-script", Severity: finding.Medium,
					Message: fmt.Sprintf("The word %s swaps Latin letters for look-alikes of another script and reads as %q.",
						scan.Printable(word, 80), cutText(fold(word), 80)),
					Evidence: excerpt(t.value, from, i),
				})
				return // one such word is enough to read the whole text with care
			}
			from = -1
		}
	}
}

// checkName judges a tool's, prompt's, server's or parameter's name.
func checkName(t text, add adder) {
	folded := fold(t.value)
	f := finding.Finding{Rule: "mixed-script", Evidence: scan.Printable(t.value, maxEvidence)}
	switch {
	case disguised(t.value) || plain(folded) && allHomoglyphs(t.value):
		f.Severity = finding.High
		f.Message = fmt.Sprintf("The name is written with look-alike letters of another script and reads as %q.", cutText(folded, 80))
	case len(scripts(t.value)) > 1:
		f.Severity = finding.Medium
		f.Message = "The name mixes scripts: " + strings.Join(scripts(t.value), ", ") + "."
	default:
		return
	}
	add(t.place, f)
}

// disguised reports whether a word has ASCII letters together with look-alikes of them from another script.
func disguised(word string) bool {
	ascii, alike := false, false
	for _, r := range word {
		if r < unicode.MaxASCII {
			ascii = ascii || unicode.IsLetter(r)
			continue
		}
		alike = alike || foreignHomoglyph(r)
	}
	return ascii && alike
}

// allHomoglyphs reports whether every letter beyond ASCII is a look-alike from another script, as in a Cyrillic "сору".
func allHomoglyphs(word string) bool {
	found := false
	for _, r := range word {
		if r > unicode.MaxASCII && unicode.IsLetter(r) {
			if !foreignHomoglyph(r) {
				return false
			}
			found = true
		}
	}
	return found
}

func foreignHomoglyph(r rune) bool {
	_, ok := homoglyphs[r]
	return ok && !unicode.Is(unicode.Latin, r)
}

// alphabets are the scripts that a name is taken to be written in.
var alphabets = map[string]*unicode.RangeTable{
	"Latin": unicode.Latin, "Cyrillic": unicode.Cyrillic, "Greek": unicode.Greek, "Armenian": unicode.Armenian, "Hebrew": unicode.Hebrew,
	"Arabic": unicode.Arabic, "Cherokee": unicode.Cherokee, "Georgian": unicode.Georgian, "Coptic": unicode.Coptic,
}

// scripts names the alphabets in a name, in the order in which they appear.
func scripts(word string) []string {
	var found []string
	seen := make(map[string]bool)
	for _, r := range word {
		for label, table := range alphabets {
			if unicode.Is(table, r) && !seen[label] {
				seen[label] = true
				found = append(found, label)
			}
		}
	}
	return found
}
