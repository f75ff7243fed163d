// Package comment writes what a pull request is told about the entries that it affects, as Markdown.
//
// What servers, packages and contributors wrote stands in it as code and nowhere else, so that none of it becomes a link, an image or a
// mention. Equal reports give equal text.
package comment

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/change"
	"github.com/slipway-dev/slipway/internal/gate"
)

// Report is everything that is told.
type Report struct {
	Entries []Entry
	Removed []change.Name
	Renamed []change.Renamed
	Base    string // the commit that was compared with; empty if none was
	// Problems are what else keeps the pull request from passing, such as a check that failed.
	Problems []string
}

// Entry is what is told of one entry.
type Entry struct {
	ID      string
	New     bool   // it was not there before
	Missing string // why there is no verdict; empty if there is one
	Verdict gate.Verdict
	// Fresh are the fingerprints of findings that came with this change.
	Fresh     map[string]bool
	Digest    string // of the index that was built; empty if none was
	Platforms []Platform
	Tools     int
	Diff      []Difference
}

// Platform is one platform's image.
type Platform struct {
	Name   string
	Digest string
	Size   int64 // compressed bytes
	Before int64 // the same of what was published before; 0 if unknown
}

// passed reports whether the entry may be released.
func (e Entry) passed() bool { return e.Missing == "" && e.Verdict.Pass }

// fresh counts the findings that came with the change.
func (e Entry) fresh() int {
	n := 0
	for _, d := range e.Verdict.Dispositions {
		if e.Fresh[d.Finding.Fingerprint] {
			n++
		}
	}
	return n
}

// Markdown writes the report, in at most size bytes, of which it needs a thousand. What does not fit is left out from the end, which is said;
// entries that did not pass come first.
func Markdown(r Report, size int) string {
	entries := slices.Clone(r.Entries)
	slices.SortStableFunc(entries, func(a, b Entry) int {
		if a.passed() != b.passed() {
			if b.passed() {
				return -1
			}
			return 1
		}
		return cmp.Compare(a.ID, b.ID)
	})
	p := &page{size: size}
	p.line("## Slipway")
	p.line("")
	p.summary(r, entries)
	for _, e := range entries {
		p.entry(e)
	}
	return p.end()
}

// summary is a sentence and a table with a line an entry.
func (p *page) summary(r Report, entries []Entry) {
	failed := 0
	for _, e := range entries {
		if !e.passed() {
			failed++
		}
	}
	for _, problem := range r.Problems {
		p.line("**Failed**: " + code(problem))
		p.line("")
	}
	switch {
	case len(entries) == 0 && len(r.Problems) > 0:
	case len(entries) == 0:
		p.line("No entry is affected.")
	case failed == 0:
		p.line(fmt.Sprintf("**Passed**: all of %d affected entries may be released.", len(entries)))
	default:
		p.line(fmt.Sprintf("**Failed**: %d of %d affected entries may not be released.", failed, len(entries)))
	}
	for _, n := range r.Removed {
		p.line("")
		p.line("Removed: " + code(n.ID()) + ". What was published of it stays where it is.")
	}
	for _, n := range r.Renamed {
		p.line("")
		p.line("Renamed: " + code(n.From.ID()) + " to " + code(n.To.ID()) + ", which is published under its new name from now on.")
	}
	if len(entries) == 0 {
		return
	}
	p.line("")
	p.line("| Entry | Verdict | New findings | Blocking | Warnings | Waived | What it says of itself |")
	p.line("|---|---|--:|--:|--:|--:|---|")
	for _, e := range entries {
		counts := map[gate.State]int{}
		for _, d := range e.Verdict.Dispositions {
			counts[d.State]++
		}
		p.line(fmt.Sprintf("| `%s` | %s | %d | %d | %d | %d | %s |", plain(e.ID), word(e), e.fresh(),
			counts[gate.Blocking]+len(e.Verdict.Problems), counts[gate.Warning], counts[gate.Waived], told(e)))
	}
	if r.Base != "" {
		p.line("")
		p.line("Compared with " + code(r.Base) + ".")
	}
}

func word(e Entry) string {
	switch {
	case e.Missing != "":
		return "**not judged**"
	case !e.Verdict.Pass:
		return "**fail**"
	}
	return "pass"
}

// told is what became of the definitions, in a few words.
func told(e Entry) string {
	counts := map[Status]int{}
	for _, d := range e.Diff {
		counts[d.Status]++
	}
	switch {
	case e.Missing != "":
		return ""
	case e.New:
		return fmt.Sprintf("new, %d tools", e.Tools)
	case len(e.Diff) == 0:
		return "unchanged"
	}
	var parts []string
	for _, s := range []Status{Added, Removed, Changed} {
		if counts[s] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", counts[s], s))
		}
	}
	return strings.Join(parts, ", ")
}
