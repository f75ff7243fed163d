// Package wording makes what strangers have written about their software fit for an entry.
package wording

import (
	"net/url"
	"regexp"
	"strings"
	"unicode"
)

// fillers are letters and marks by Unicode's classes that show nothing.
var fillers = &unicode.RangeTable{
	R16: []unicode.Range16{
		{0x034F, 0x034F, 1},
		{0x115F, 0x1160, 1},
		{0x17B4, 0x17B5, 1},
		{0x180B, 0x180F, 1},
		{0x2800, 0x2800, 1},
		{0x3164, 0x3164, 1},
		{0xFE00, 0xFE0F, 1},
		{0xFFA0, 0xFFA0, 1},
	},
	R32: []unicode.Range32{{0xE0000, 0xE0FFF, 1}},
}

// Line makes one visible line of a text, cut at the end of a word to at most limit characters.
func Line(text string, limit int) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r) || unicode.Is(fillers, r) || r == unicode.ReplacementChar:
			return -1
		}
		return r
	}, text)
	text = strings.Join(strings.Fields(text), " ")
	runes := []rune(text)
	if len(runes) <= limit {
		return text
	}
	cut := string(runes[:limit-1])
	if space := strings.LastIndexByte(cut, ' '); space > 0 && runes[limit-1] != ' ' {
		cut = cut[:space]
	}
	return strings.TrimRight(cut, " ,;:.-–(") + "…"
}

var publicHost = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9](:[1-9][0-9]{0,4})?$`)

// WebAddress returns an https address without user, query and fragment, or nothing.
func WebAddress(address string) string {
	u, err := url.Parse(strings.TrimSpace(address))
	if err != nil || u.Scheme != "https" || u.User != nil || len(address) > 500 {
		return ""
	}
	u.Host = strings.ToLower(u.Host)
	if !publicHost.MatchString(u.Host) {
		return ""
	}
	return "https://" + u.Host + strings.TrimSuffix(u.EscapedPath(), "/")
}
