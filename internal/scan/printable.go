package scan

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Printable returns text on one line with every character that a reader could not see or that could move the cursor written as \u{XXXX},
// and invalid bytes as \x{XX}. What would grow beyond limit bytes is cut, and the whole text's length and hash stand in for the rest, so
// that two texts stay distinct. The result may exceed limit by that note.
func Printable(text string, limit int) string {
	var b strings.Builder
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x{%02x}`, text[i])
		case unicode.IsPrint(r):
			b.WriteRune(r)
		default:
			fmt.Fprintf(&b, `\u{%04x}`, r)
		}
		i += size
		if b.Len() > limit {
			sum := sha256.Sum256([]byte(text))
			return fmt.Sprintf("%s… (%d bytes, sha256 %s)", cut(b.String(), limit), len(text), hex.EncodeToString(sum[:8]))
		}
	}
	return b.String()
}

// cut returns at most limit bytes of valid text, whole characters only.
func cut(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	for limit > 0 && !utf8.RuneStart(text[limit]) {
		limit--
	}
	return text[:limit]
}
