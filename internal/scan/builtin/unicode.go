package builtin

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/slipway-dev/slipway/internal/finding"
)

// checkUnicode reports characters that a reviewer cannot see, or that reorder what is seen: one finding a string for each of the two.
func checkUnicode(t text, add adder) {
	if t.clean {
		return
	}
	runes := []rune(t.value)
	offset := 0
	var hidden, bidi sighting
	for i, r := range runes {
		switch {
		case isBidiControl(r):
			bidi.see("bidirectional control", offset)
		case r < ' ' || r == '\u007f' || r > '~':
			if class := hiddenClass(runes, i); class != "" {
				hidden.see(class, offset)
			}
		}
		offset += len(string(r))
	}
	if hidden.count > 0 {
		severity := finding.High
		if hidden.count >= 8 || slices.Contains(hidden.classes, "tag character") || slices.Contains(hidden.classes, "escape sequence") {
			severity = finding.Critical // enough to carry a message
		}
		message := fmt.Sprintf("The text holds %d characters that no reader sees and a model reads (%s).", hidden.count, strings.Join(hidden.classes, ", "))
		if decoded := decodeTags(runes); decoded != "" {
			message = fmt.Sprintf("The text hides the words %q in tag characters, which a model reads and no person sees.", cutText(decoded, 80))
		}
		add(t.place, finding.Finding{
			Rule: "hidden-unicode", Severity: severity, Message: message,
			Evidence: excerpt(t.value, hidden.first, hidden.last),
		})
	}
	if bidi.count > 0 {
		add(t.place, finding.Finding{
			Rule: "bidirectional-unicode", Severity: finding.High,
			Message:  fmt.Sprintf("The text holds %d characters that reorder what a reader sees, so that a model reads something else.", bidi.count),
			Evidence: excerpt(t.value, bidi.first, bidi.last),
		})
	}
}

// sighting collects where characters of some classes stand.
type sighting struct {
	classes     []string
	count       int
	first, last int // byte offsets
}

func (s *sighting) see(class string, offset int) {
	if s.count == 0 {
		s.first = offset
	}
	s.count++
	s.last = offset
	if !slices.Contains(s.classes, class) {
		s.classes = append(s.classes, class)
	}
}

// isBidiControl knows the embeddings, overrides and isolates. Marks (U+200E, U+200F, U+061C) are ordinary in right-to-left text.
func isBidiControl(r rune) bool {
	return '\u202a' <= r && r <= '\u202e' || '\u2066' <= r && r <= '\u2069'
}

// hiddenClass says what kind of hidden character stands at i, or nothing where it is visible or has its place there.
func hiddenClass(runes []rune, i int) string {
	r := runes[i]
	switch {
	case r == '\u001b' || r == '\u009b':
		return "escape sequence"
	case r == '\n' || r == '\t' || r == '\r' || r == '\u0085':
		return ""
	case unicode.Is(unicode.Cc, r):
		return "control character"
	case unicode.Is(unicode.Co, r):
		return "private-use character"
	case 0xe0000 <= r && r <= 0xe007f:
		if inFlag(runes, i) {
			return ""
		}
		return "tag character"
	case r == '\u200c' || r == '\u200d':
		if joins(runes, i) {
			return ""
		}
		return "zero-width character"
	case r == '\u200b' || r == '\u2060' || r == '\ufeff' || r == '\u180e':
		if r == '\u200b' && betweenBreakable(runes, i) || r == '\ufeff' && i == 0 {
			return ""
		}
		return "zero-width character"
	case unicode.Is(unicode.Variation_Selector, r):
		if selects(runes, i) {
			return ""
		}
		return "variation selector"
	case r == '\u200e' || r == '\u200f' || r == '\u061c':
		if nearRightToLeft(runes, i) {
			return ""
		}
		return "direction mark"
	case r == '\u00ad':
		return "soft hyphen"
	case '\u2061' <= r && r <= '\u2064', r == '\u034f', '\u206a' <= r && r <= '\u206f', '\ufff9' <= r && r <= '\ufffb':
		return "invisible operator"
	case r == '\u115f' || r == '\u1160' || r == '\u3164' || r == '\uffa0' || r == '\u2800':
		if r == '\u2800' && brailleAround(runes, i) {
			return ""
		}
		return "filler"
	case unicode.In(r, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point) && !unicode.Is(unicode.Prepended_Concatenation_Mark, r):
		return "invisible character"
	}
	return ""
}

// decodeTags returns the ASCII text that tag characters outside of flags spell.
func decodeTags(runes []rune) string {
	var b strings.Builder
	for i, r := range runes {
		if 0xe0020 <= r && r <= 0xe007e && !inFlag(runes, i) {
			b.WriteRune(r - 0xe0000)
		}
	}
	return b.String()
}

func cutText(s string, limit int) string {
	if runes := []rune(s); len(runes) > limit {
		return string(runes[:limit]) + "…"
	}
	return s
}
