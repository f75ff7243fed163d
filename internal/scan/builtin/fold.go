package builtin

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// fold rewrites text as the phrase rules read it: compatibility forms decomposed (NFKD), marks and invisible characters dropped, lower case,
// look-alikes of Latin letters replaced by them, quotes and dashes made plain, white space collapsed to one space. A line end stands
// only where a sentence, a list item or a paragraph ends, so that a pattern can stay within one. Time and memory are linear.
func fold(s string) string {
	f := folder{}
	f.out.Grow(len(s))
	f.run(s)
	return f.out.String()
}

// foldOrigins is fold with, for each byte of the result, the offset in s of the character that it came from.
func foldOrigins(s string) (string, []int) {
	f := folder{origins: make([]int, 0, len(s)), track: true}
	f.run(s)
	return f.out.String(), f.origins
}

type folder struct {
	out     strings.Builder
	track   bool
	origins []int
	last    rune // written
	space   bool // white space is due before the next character
	lines   int  // line ends in it
}

func (f *folder) run(s string) {
	for i := 0; i < len(s); {
		if c := s[i]; c < utf8.RuneSelf {
			f.emit(rune(c), i)
			i++
			continue
		}
		_, size := utf8.DecodeRuneInString(s[i:])
		if parts := norm.NFKD.PropertiesString(s[i:]).Decomposition(); parts != nil {
			for _, r := range string(parts) {
				f.emit(r, i)
			}
		} else {
			r, _ := utf8.DecodeRuneInString(s[i:])
			f.emit(r, i)
		}
		i += size
	}
}

func (f *folder) emit(r rune, origin int) {
	if unicode.IsSpace(r) || r == '\u2800' { // the blank Braille pattern looks like a space
		f.space = true
		if r == '\n' || r == '\u2028' || r == '\u2029' {
			f.lines++
		}
		return
	}
	if r >= utf8.RuneSelf {
		if unicode.In(r, unicode.Mn, unicode.Me) || invisible(r) {
			return
		}
		r = plainForm(r)
	} else if 'A' <= r && r <= 'Z' {
		r += 'a' - 'A'
	}
	if f.space {
		f.write(f.separator(r), origin)
		f.space, f.lines = false, 0
	}
	f.write(r, origin)
}

// separator is a line end where a thought ends, else a space.
func (f *folder) separator(next rune) rune {
	switch f.last {
	case '.', '!', '?', ';':
		written := f.out.String()
		if !strings.HasSuffix(written, "e.g.") && !strings.HasSuffix(written, "i.e.") {
			return '\n'
		}
	}
	if f.lines > 1 || f.lines == 1 && strings.ContainsRune("-*+#0123456789", next) {
		return '\n'
	}
	return ' '
}

func (f *folder) write(r rune, origin int) {
	before := f.out.Len()
	f.out.WriteRune(r)
	f.last = r
	if f.track {
		for range f.out.Len() - before {
			f.origins = append(f.origins, origin)
		}
	}
}

// invisible reports whether r takes no room: a format or variation character, a filler, a tag.
func invisible(r rune) bool {
	return unicode.In(r, unicode.Cf, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point)
}

// plainForm replaces what stands for an ASCII character.
func plainForm(r rune) rune {
	switch r {
	case '‘', '’', '‚', '‛', 'ʼ', '′', '＇', '´':
		return '\''
	case '“', '”', '„', '‟', '«', '»':
		return '"'
	case '‐', '‑', '‒', '–', '—', '―', '−':
		return '-'
	}
	if plain, ok := homoglyphs[r]; ok {
		return plain
	}
	return unicode.ToLower(r)
}
