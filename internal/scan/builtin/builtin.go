// Package builtin is Slipway's own scanner of what an MCP server says of itself, and of the texts of a skill.
//
// It reads every string of an observation, wherever in a schema it stands, and every line of a document, and gives the same answer for the same input on every machine:
// no model, no network, no clock. Text is folded before phrases are sought in it (see fold), so that invisible, look-alike or accented
// letters hide nothing. A rule reports what a reviewer must see and keeps quiet about ordinary prose; docs/rules.md lists them all.
package builtin

import (
	"bytes"
	"cmp"
	"context"
	"fmt"

	"github.com/slipway-dev/slipway/internal/finding"
	"github.com/slipway-dev/slipway/internal/observation"
	"github.com/slipway-dev/slipway/internal/scan"
)

// Name is the scanner's name in findings and in the catalog's list of required scanners.
const Name = "slipway"

// Version changes with every change of a rule.
const Version = "1.1.0"

// MaxText bounds one string of an observation and one document, in bytes. What is longer cannot be scanned, and so cannot pass.
const MaxText = 2 << 20

// Scanner applies the built-in rules.
type Scanner struct {
	index *Index
}

// New returns a scanner that compares names with those in index, which may hold the scanned entry itself.
func New(index *Index) *Scanner { return &Scanner{index: index} }

// Name returns [Name].
func (*Scanner) Name() string { return Name }

// Version returns [Version].
func (*Scanner) Version() string { return Version }

// Scan applies every rule to the observation, and those that look at one text alone to the documents. It fails if one of these exceeds [MaxText] or the observation [observation.MaxSize].
func (s *Scanner) Scan(ctx context.Context, subject scan.Subject) (scan.Result, error) {
	result := scan.Result{Rules: Rules()}
	doc, canonical, err := open(subject.Observation)
	if err != nil {
		return result, err
	}
	add := func(at place, f finding.Finding) {
		rule := rules[f.Rule]
		f.Target, f.Help, f.Taxonomy = at.target, rule.Help, rule.Taxonomy
		f.Location = finding.Location{File: cmp.Or(at.file, subject.File), Pointer: at.pointer, Line: at.line}
		result.Findings = append(result.Findings, f)
	}
	for _, t := range doc.texts {
		if err := ctx.Err(); err != nil {
			return result, err
		}
		for _, check := range textChecks {
			check(t, add)
		}
	}
	checkShape(doc, add)
	checkEntry(subject.Entry, doc.observation, add)
	s.index.check(subject.Entry.ID(), doc, add)
	if subject.Baseline != nil {
		if err := checkChanges(*subject.Baseline, doc, canonical, add); err != nil {
			return result, err
		}
	}
	if err := checkFiles(ctx, subject, add); err != nil {
		return result, err
	}
	result.Seen = len(doc.definitions) + len(subject.Documents)
	return result, ctx.Err()
}

// adder takes a finding's rule, severity, message and evidence, and the place it is about.
type adder func(place, finding.Finding)

// textChecks are the rules that look at one string alone.
var textChecks = []func(text, adder){
	checkUnicode, checkScript, checkPhrases, checkParameter, checkSecrets, checkURLs, checkLength, checkPadding,
}

// open takes an observation apart, in its canonical form.
func open(o observation.Observation) (*document, []byte, error) {
	canonical, err := observation.Encode(o)
	if err != nil {
		return nil, nil, err
	}
	if len(canonical) > observation.MaxSize {
		return nil, nil, fmt.Errorf("the observation has %d bytes; at most %d can be scanned", len(canonical), observation.MaxSize)
	}
	sorted, err := observation.Decode(bytes.NewReader(canonical))
	if err != nil {
		return nil, nil, err
	}
	doc, err := read(sorted, canonical)
	return doc, canonical, err
}
