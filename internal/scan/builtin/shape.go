package builtin

import (
	"encoding/json"
	"fmt"
	"unicode"
	"unicode/utf8"

	"github.com/slipway-dev/slipway/internal/finding"
)

const (
	// longText is how many characters of one text are unusual: of 7,795 texts of public servers one has more.
	longText = 6000
	// largeList is how many bytes of definitions are unusual, about 15,000 tokens.
	largeList = 60_000
)

// checkLength reports long texts.
func checkLength(t text, add adder) {
	if n := utf8.RuneCountInString(t.value); n > longText {
		add(t.place, finding.Finding{
			Rule: "oversized", Severity: finding.Low,
			Message:  fmt.Sprintf("The text has %d characters, which every conversation pays for.", n),
			Evidence: fmt.Sprintf("%s, %d characters", t.pointer, n),
		})
	}
}

// checkPadding reports texts that white space pushes out of sight.
func checkPadding(t text, add adder) {
	if at := blankAt(t.value); at >= 0 {
		add(t.place, finding.Finding{
			Rule: "padding", Severity: finding.Medium,
			Message:  "White space in the text pushes what follows out of sight.",
			Evidence: excerpt(t.value, at, at) + " … " + digest(t.value),
		})
	}
}

// blankAt returns where white space begins that fills a screen: 25 line ends, or 200 characters. It returns -1 where none does.
func blankAt(s string) int {
	start, length, lines := 0, 0, 0
	for i, r := range s {
		if !unicode.IsSpace(r) {
			start, length, lines = i+utf8.RuneLen(r), 0, 0
			continue
		}
		length++
		if r == '\n' || r == '\u2028' || r == '\u2029' {
			lines++
		}
		if length >= 200 || lines >= 25 {
			return min(start, len(s))
		}
	}
	return -1
}

// checkShape reports what concerns all definitions together.
func checkShape(doc *document, add adder) {
	total, tools, silent := 0, 0, 0
	for _, d := range doc.definitions {
		total += len(d.json)
		if d.kind != "tool" {
			continue
		}
		tools++
		var t struct {
			Annotations map[string]any `json:"annotations"`
		}
		if json.Unmarshal(d.json, &t) != nil || t.Annotations["readOnlyHint"] == nil && t.Annotations["destructiveHint"] == nil {
			silent++
		}
	}
	at := place{target: "tools", pointer: "/tools", line: 1}
	if total > largeList {
		add(at, finding.Finding{
			Rule: "oversized", Severity: finding.Info,
			Message:  fmt.Sprintf("All definitions together have %d bytes, some %d tokens, which every conversation pays for.", total, total/4),
			Evidence: fmt.Sprintf("%d bytes", total),
		})
	}
	if silent > 0 {
		add(at, finding.Finding{
			Rule: "missing-annotations", Severity: finding.Info,
			Message:  fmt.Sprintf("%d of %d tools do not say whether they only read, or destroy.", silent, tools),
			Evidence: fmt.Sprintf("%d of %d tools", silent, tools),
		})
	}
}
