package builtin

import "unicode"

// The functions here tell where an invisible character has its ordinary place in a script or an emoji (Unicode Standard, section 23.2, and
// Unicode Technical Standard 51), so that real languages raise no alarm.

// cursive are the scripts whose spelling needs joiners.
var cursive = []*unicode.RangeTable{
	unicode.Arabic, unicode.Syriac, unicode.Mongolian, unicode.Nko, unicode.Mandaic, unicode.Devanagari, unicode.Bengali, unicode.Gurmukhi,
	unicode.Gujarati, unicode.Oriya, unicode.Tamil, unicode.Telugu, unicode.Kannada, unicode.Malayalam, unicode.Sinhala, unicode.Khmer,
	unicode.Myanmar, unicode.Tibetan, unicode.Balinese, unicode.Javanese,
}

// joins reports whether the joiner at i stands within a word of a cursive script, or in an emoji sequence.
func joins(runes []rune, i int) bool {
	if i == 0 {
		return false
	}
	before := runes[i-1]
	if i+1 == len(runes) {
		return unicode.In(before, cursive...)
	}
	after := runes[i+1]
	if unicode.In(before, cursive...) && (unicode.In(after, cursive...) || unicode.IsSpace(after) || unicode.IsPunct(after)) {
		return true
	}
	return runes[i] == '\u200d' && endsEmoji(runes, i) && pictograph(after)
}

// endsEmoji reports whether an emoji ends right before i, perhaps with a variation selector or a skin tone.
func endsEmoji(runes []rune, i int) bool {
	for i--; i >= 0 && (runes[i] == '\ufe0f' || 0x1f3fb <= runes[i] && runes[i] <= 0x1f3ff); i-- {
	}
	return i >= 0 && pictograph(runes[i])
}

// pictograph reports whether r can be a part of an emoji sequence: symbols, by and large.
func pictograph(r rune) bool {
	return r >= 0x2000 && unicode.In(r, unicode.So, unicode.Sm) || r == 'ℹ' || 0x1f000 <= r && r <= 0x1faff
}

// selects reports whether the variation selector at i follows a character that has variants. Two in a row carry data.
func selects(runes []rune, i int) bool {
	if i == 0 {
		return false
	}
	before := runes[i-1]
	switch r := runes[i]; {
	case r == '\ufe0f' || r == '\ufe0e': // emoji or text style
		return pictograph(before) || unicode.In(before, unicode.Po, unicode.Pd) && before > '~' || isKeycap(before) || before == '©' || before == '®' ||
			0x1f3fb <= before && before <= 0x1f3ff || 0x3030 <= before && before <= 0x303d
	case 0xe0100 <= r && r <= 0xe01ef: // ideographic variants
		return unicode.Is(unicode.Han, before)
	case '\u180b' <= r && r <= '\u180f':
		return unicode.Is(unicode.Mongolian, before)
	}
	return unicode.In(before, unicode.Han, unicode.Sm, unicode.Myanmar, unicode.Phags_Pa)
}

// isKeycap knows the ASCII characters that U+FE0F turns into emoji.
func isKeycap(r rune) bool { return '0' <= r && r <= '9' || r == '#' || r == '*' }

// inFlag reports whether the tag character at i belongs to a flag: a black flag, two to six tags, and the closing tag.
func inFlag(runes []rune, i int) bool {
	start := i
	for start > 0 && i-start < 8 && 0xe0020 <= runes[start] && runes[start] <= 0xe007f {
		start--
	}
	if runes[start] != 0x1f3f4 {
		return false
	}
	for end := start + 1; end < len(runes) && end-start <= 7; end++ {
		if runes[end] == 0xe007f {
			return end >= i
		}
	}
	return false
}

// betweenBreakable knows the scripts that write no spaces and mark where a line may break.
func betweenBreakable(runes []rune, i int) bool {
	spaceless := []*unicode.RangeTable{unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar, unicode.Tibetan}
	return i > 0 && i+1 < len(runes) && unicode.In(runes[i-1], spaceless...) && unicode.In(runes[i+1], spaceless...)
}

// nearRightToLeft reports whether right-to-left letters stand within a few characters of i.
func nearRightToLeft(runes []rune, i int) bool {
	for j := max(0, i-8); j < min(len(runes), i+9); j++ {
		if unicode.In(runes[j], unicode.Arabic, unicode.Hebrew, unicode.Syriac, unicode.Thaana, unicode.Nko) && unicode.IsLetter(runes[j]) {
			return true
		}
	}
	return false
}

func brailleAround(runes []rune, i int) bool {
	return i > 0 && unicode.Is(unicode.Braille, runes[i-1]) && runes[i-1] != '\u2800' ||
		i+1 < len(runes) && unicode.Is(unicode.Braille, runes[i+1]) && runes[i+1] != '\u2800'
}
