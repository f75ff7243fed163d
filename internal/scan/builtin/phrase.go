package builtin

import (
	"regexp"
	"strings"

	"github.com/slipway-dev/slipway/internal/finding"
)

// phrase is a wording that a rule seeks in folded text.
type phrase struct {
	rule     string
	severity finding.Severity
	message  string
	// words of which one must occur before the expression is tried, and one of also where that is given: an inexpensive test that ordinary
	// text fails.
	words, also []string
	expr        *regexp.Regexp
	// negatable wording means the opposite right behind a "not".
	negatable bool
}

// The building blocks of expressions over folded text. Every gap is bounded, so that a match says something about one sentence.
var blocks = strings.NewReplacer(
	// A space stands between two words that belong together, however they are broken up or decorated.
	" ", `[^a-z0-9]{1,6}`,
	"{not}", `(?:do not|don'?t|never|must not|mustn'?t|should not|shouldn'?t|may not|cannot|can'?t|avoid|refrain from|without)`,
	"{user}", `(?:the |your |an?y? |this )?(?:end )?(?:users?|humans?|person|operator|developer|customer)`,
	// {near} and {far} stay within one sentence.
	"{near}", `[^\n]{0,40}?`,
	"{far}", `[^\n]{0,90}?`,
)

func expression(source string) *regexp.Regexp {
	// A block may hold others: two passes resolve them.
	return regexp.MustCompile(blocks.Replace(blocks.Replace(source)))
}

// checkPhrases reports the weightiest match of each rule in a string.
func checkPhrases(t text, add adder) {
	if len(t.value) < 8 {
		return
	}
	folded := fold(t.value)
	best := make(map[string]phrase)
	for _, p := range phrases {
		if found, ok := best[p.rule]; ok && found.severity >= p.severity {
			continue
		}
		if p.matches(folded) != nil {
			best[p.rule] = p
		}
	}
	if len(best) == 0 {
		return
	}
	folded, origins := foldOrigins(t.value)
	for _, rule := range []string{"model-instruction", "exfiltration"} {
		p, ok := best[rule]
		if !ok {
			continue
		}
		at := p.matches(folded)
		add(t.place, finding.Finding{
			Rule: rule, Severity: p.severity, Message: p.message,
			Evidence: excerpt(t.value, origins[at[0]], origins[at[1]-1]+1),
		})
	}
}

// matches returns where the phrase stands first, or nil.
func (p phrase) matches(folded string) []int {
	if !containsAny(folded, p.words) || len(p.also) > 0 && !containsAny(folded, p.also) {
		return nil
	}
	if !p.negatable {
		return p.expr.FindStringIndex(folded)
	}
	for _, at := range p.expr.FindAllStringIndex(folded, -1) {
		if !negation.MatchString(folded[max(0, at[0]-12):at[0]]) {
			return at
		}
	}
	return nil
}

var negation = regexp.MustCompile(`(?:\bnot|n't|\bnever)[\s"'\x60*]{1,3}$`)

func containsAny(s string, words []string) bool {
	for _, word := range words {
		if strings.Contains(s, word) {
			return true
		}
	}
	return false
}

// phrases are all wordings of all rules.
var phrases = append(instructionPhrases, exfiltrationPhrases...)
