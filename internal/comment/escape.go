package comment

import (
	"strings"

	"github.com/slipway-dev/slipway/internal/scan"
)

// maxText bounds each text that others wrote, in bytes.
const maxText = 300

// code writes a text of others as a code span (CommonMark 0.31.2, section 6.1), on one line and bounded, with what a reader could not see
// made visible. Nothing in a code span is a link, an image, HTML, a mention or a reference, and only its fence ends it: so that is made
// longer than any run of backticks in the text.
func code(text string) string {
	text = scan.Printable(text, maxText)
	if text == "" {
		return "(empty)"
	}
	fence := strings.Repeat("`", longestRun(text)+1)
	// One space on both sides is taken away again by the reader: it keeps the text's own backticks and spaces.
	if strings.Trim(text, " ") != "" && strings.Trim(text, "` ") != text {
		text = " " + text + " "
	}
	return fence + text + fence
}

// longestRun returns how many backticks stand next to each other at most.
func longestRun(text string) int {
	longest, run := 0, 0
	for i := range len(text) {
		if text[i] != '`' {
			run = 0
			continue
		}
		run++
		longest = max(longest, run)
	}
	return longest
}

// plain keeps the characters of which entries' names consist, for places where even code could end: HTML and tables.
func plain(id string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' || r == '/' {
			return r
		}
		return -1
	}, id)
}
