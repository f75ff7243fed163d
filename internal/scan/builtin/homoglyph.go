package builtin

// homoglyphs maps letters to the ASCII letter that a reader takes them for. Capitals stand in it where their form differs from the small
// letter's (Greek Ν looks like N, its small ν like v). Compatibility forms (full width, mathematical, Roman numerals) are absent: NFKD
// resolves those.
var homoglyphs = makeHomoglyphs(map[rune]string{
	'a': "аАαΑɑ", 'b': "ВΒЬьƅ", 'c': "сСϲϹ", 'd': "ԁɗ", 'e': "еЕΕҽ", 'f': "Ϝƒ", 'g': "ɡցԍ", 'h': "НΗһհ",
	'i': "іІΙıɩιɪ", 'j': "јЈϳ", 'k': "кКκΚ", 'l': "ӏӀł", 'm': "мМΜⅿ", 'n': "Νոռ", 'o': "оОοΟօՕס", 'p': "рРρΡ",
	'q': "ԛԚգ", 'r': "гᴦ", 's': "ѕЅꜱ", 't': "ТтΤτ", 'u': "υսʋᴜ", 'v': "ѵνᴠ", 'w': "ԝԜաѡᴡ", 'x': "хХχΧ", 'y': "уУγΥүҮ", 'z': "Ζᴢ",
})

func makeHomoglyphs(alike map[rune]string) map[rune]rune {
	table := make(map[rune]rune)
	for plain, letters := range alike {
		for _, letter := range letters {
			table[letter] = plain
		}
	}
	return table
}
