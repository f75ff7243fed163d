package builtin

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/finding"
	"github.com/slipway-dev/slipway/internal/scan"
)

// check compares the tools of entry id with those of all other entries.
func (x *Index) check(id string, doc *document, add adder) {
	own := make(map[string]bool)
	for _, d := range doc.definitions {
		if d.kind == "tool" {
			own[skeletonOf(d.key)] = true
		}
	}
	for _, d := range doc.definitions {
		if d.kind == "tool" && d.key != "" {
			x.checkName(id, d, add)
		}
	}
	for _, t := range doc.texts {
		if t.role == prose && len(t.value) > 12 {
			x.checkMentions(id, own, t, add)
		}
	}
}

// checkName reports a tool whose name is another entry's, or passes for it.
func (x *Index) checkName(id string, d definition, add adder) {
	same := conventional(strings.ToLower(d.key))
	for _, o := range x.skeletons[skeletonOf(d.key)] {
		// A name in plain letters is the one that is imitated, not the imitation.
		if o.entry == id || conventional(strings.ToLower(o.tool)) == same || plain(d.key) && !plain(o.tool) {
			continue
		}
		add(d.place, finding.Finding{
			Rule: "name-shadowing", Severity: finding.High,
			Message: fmt.Sprintf("The tool's name passes for %s of %s without being equal: a person or a model that sees both may take one for the other.",
				scan.Printable(o.tool, 80), o.entry),
			Evidence: fmt.Sprintf("%s looks like %s of %s", scan.Printable(d.key, 80), scan.Printable(o.tool, 80), o.entry),
		})
		return
	}
	var others []string
	for _, o := range x.names[same] {
		if o.entry != id && !slices.Contains(others, o.entry) && len(others) <= 3 {
			others = append(others, o.entry)
		}
	}
	if len(others) == 0 {
		return
	}
	list := strings.Join(others[:min(3, len(others))], ", ")
	if len(others) > 3 {
		list += " and others"
	}
	add(d.place, finding.Finding{
		Rule: "name-shadowing", Severity: finding.Info,
		Message:  fmt.Sprintf("A tool of this name is also offered by %s: clients that use both must tell them apart.", list),
		Evidence: scan.Printable(d.key, maxEvidence),
	})
}

var (
	// identifier is a name of several words, as prose hardly ever has one by chance.
	identifier = regexp.MustCompile(`[A-Za-z][A-Za-z0-9]*(?:[_-][A-Za-z0-9]+)+|[a-z]+(?:[A-Z][a-z0-9]+)+`)
	// mentioned is a server spoken of as a server.
	mentioned = regexp.MustCompile(`(?i)\b([a-z0-9][a-z0-9-]{3,60})(?:['’]s)?[ \x60"*]{1,3}(?:MCP|server|connector|tools?)\b`)

	// diversion is wording around a name, which § stands for, that turns a model away from it or meddles with its use.
	diversion = expression(`\b(?:{not} (?:ever )?(?:use|using|call|calling|invoke|invoking|trust|trusting|rely on|run)|instead of|rather than|replaces?|supersedes?|disables?|overrides?|stop using|stop calling)(?: \w+){0,3}?[^a-z0-9\n]{1,6}§` +
		`|§(?:[^a-z0-9\n]{1,6}\w+){0,2}?[^a-z0-9\n]{1,6}(?:is|are|has been|have been|was|were)(?: now| no longer)? (?:deprecated|broken|unsafe|insecure|disabled|obsolete|removed|unreliable|replaced|compromised|malicious|available)` +
		`|\b(?:before|after|when|whenever|each time|every time)(?: you)?(?: use| using| call| calling| invoke| invoking)?(?: \w+){0,2}?[^a-z0-9\n]{1,6}§[^\n]{0,60}\b(?:must|always|first|never)\b`)
)

// checkMentions reports wording that turns a model away from another entry's tool or server, or meddles with its use.
func (x *Index) checkMentions(id string, own map[string]bool, t text, add adder) {
	for _, at := range identifier.FindAllStringIndex(t.value, 500) {
		token := t.value[at[0]:at[1]]
		owners := x.names[conventional(strings.ToLower(token))]
		if len(owners) == 0 || own[skeletonOf(token)] || owns(owners, id) || !diverts(t.value, at[0], at[1]) {
			continue
		}
		x.addMention(t, "tool "+scan.Printable(token, 80)+" of "+owners[0].entry, at, add)
		return
	}
	for _, at := range mentioned.FindAllStringSubmatchIndex(t.value, 200) {
		server := strings.ToLower(t.value[at[2]:at[3]])
		owners := x.servers[server]
		if len(owners) == 0 || server == serverOf(id) || !diverts(t.value, at[2], at[3]) {
			continue
		}
		x.addMention(t, "server "+owners[0], at[2:4], add)
		return
	}
}

func (x *Index) addMention(t text, whose string, at []int, add adder) {
	add(t.place, finding.Finding{
		Rule: "name-shadowing", Severity: finding.High,
		Message:  "The text turns the model away from, or meddles with the use of, " + whose + ", which is another entry of this catalog.",
		Evidence: excerpt(t.value, max(0, at[0]-margin), min(len(t.value), at[1]+margin)),
	})
}

func owns(owners []owned, id string) bool {
	return slices.ContainsFunc(owners, func(o owned) bool { return o.entry == id })
}

// diverts looks at the words around value[from:to].
func diverts(value string, from, to int) bool {
	before, after := value[max(0, from-120):from], value[to:min(len(value), to+120)]
	return diversion.MatchString(fold(before) + gap(before, true) + "§" + gap(after, false) + fold(after))
}

// gap restores the white space that folding took from the end or the start of s.
func gap(s string, end bool) string {
	if end && strings.HasSuffix(s, " ") || !end && strings.HasPrefix(s, " ") {
		return " "
	}
	return ""
}
