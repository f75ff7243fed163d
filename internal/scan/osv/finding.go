package osv

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/catalog"
	"github.com/slipway-dev/slipway/internal/finding"
	"github.com/slipway-dev/slipway/internal/scan"
)

// unknownRule is the rule of findings about packages that were not looked up.
const unknownRule = "package-unknown"

// maxSummary and maxNamed bound what a message quotes: bytes of a record's summary, and names.
const (
	maxSummary = 200
	maxNamed   = 8
)

// result returns what an answer says about the packages that were asked about. A package that was not asked about is an error.
func (a asked) result(answered *answer, s scan.Subject) (scan.Result, error) {
	byKey := map[key][]*query{}
	byName := map[string][]*query{}
	for _, q := range a.queries {
		byKey[q.key] = append(byKey[q.key], q)
		byName[q.name] = append(byName[q.name], q)
	}
	at := finding.Location{File: path.Join(path.Dir(s.File), catalog.EntryFile)}
	var result scan.Result
	seen := map[*query]bool{}
	for _, r := range answered.Results {
		for _, p := range r.Packages {
			about := byKey[key{p.Package.Name, p.Package.Version}]
			if len(about) == 0 { // of Go 1.20 and older it takes the last patch release
				about = byName[p.Package.Name]
			}
			if len(about) == 0 {
				return scan.Result{}, fmt.Errorf("the answer of %s is about %.100q, which it was not asked about", Name, p.Package.Name)
			}
			if p.Package.Ecosystem == "" {
				continue
			}
			for _, q := range about {
				seen[q] = true
				for _, g := range p.Groups {
					f := q.vulnerability(p, g)
					f.Location = at
					result.Findings = append(result.Findings, f)
				}
			}
		}
	}
	result.Seen = len(seen)
	for _, f := range a.unlooked(seen) {
		f.Location = at
		result.Findings = append(result.Findings, f)
	}
	return result, nil
}

// vulnerability is the finding about one vulnerability of a package.
func (q *query) vulnerability(p packageAnswer, g group) finding.Finding {
	severity, _ := g.severity() // it was checked when it was read
	id := slices.Min(g.IDs)
	f := finding.Finding{
		Rule: id, Severity: severity, Target: "package/" + q.purl,
		Evidence: id + " " + q.purl,
	}
	var about strings.Builder
	fmt.Fprintf(&about, "%s %s", q.name, q.version)
	if !slices.Equal(q.from, []string{q.name}) {
		fmt.Fprintf(&about, ", of which %s was built,", some(q.from))
	}
	fmt.Fprintf(&about, " has the known vulnerability %s", names(g))
	for _, r := range p.Records {
		if slices.Contains(g.IDs, r.ID) && r.Summary != "" {
			about.WriteString(" (" + scan.Printable(strings.TrimSuffix(r.Summary, "."), maxSummary) + ")")
			break
		}
	}
	fixed := p.fixed(g)
	switch {
	case g.unimportant():
		about.WriteString(", which its distribution holds for unimportant.")
		f.Help = "Nothing has to be done."
	case len(fixed) > 0:
		about.WriteString(", which is fixed in " + some(fixed) + ".")
		f.Help = "Take a version in which it is fixed: by a newer release of what the entry names, a new lock of it or of its base, or an override."
	default:
		about.WriteString(", and no fix is known.")
		f.Help = "Find out whether the server can be hit by it: if not, waive it until a date; else wait for a fix, or leave the package out."
	}
	f.Message = about.String()
	return f
}

// names returns what a vulnerability is called, with its CVE first.
func names(g group) string {
	all := slices.Concat(g.IDs, g.Aliases)
	slices.Sort(all)
	all = slices.Compact(all)
	if i := slices.IndexFunc(all, func(name string) bool { return strings.HasPrefix(name, "CVE-") }); i > 0 {
		all = slices.Insert(slices.Delete(slices.Clone(all), i, i+1), 0, all[i])
	}
	if len(all) == 1 {
		return some(all)
	}
	return some(all[:1]) + ", also called " + some(all[1:])
}

// fixed returns the versions in which a vulnerability of the package is fixed, in the order of the records.
func (p packageAnswer) fixed(g group) []string {
	var all []string
	for _, r := range p.Records {
		if !slices.Contains(g.IDs, r.ID) {
			continue
		}
		for _, affected := range r.Affected {
			if affected.Package.Name != p.Package.Name || affected.Package.Ecosystem != p.Package.Ecosystem {
				continue
			}
			for _, versions := range affected.Ranges {
				for _, event := range versions.Events {
					if event.Fixed != "" && versions.Type != "GIT" && !slices.Contains(all, event.Fixed) {
						all = append(all, event.Fixed)
					}
				}
			}
		}
	}
	return all
}

// unlooked returns a finding for each sort of packages of which some were not looked up: nobody would hear of their vulnerabilities here.
func (a asked) unlooked(seen map[*query]bool) []finding.Finding {
	var sorts []string
	bySort := map[string][]string{}
	for _, q := range slices.Concat(a.queries, a.unknown) {
		if seen[q] {
			continue
		}
		sort := q.sort()
		if bySort[sort] == nil {
			sorts = append(sorts, sort)
		}
		bySort[sort] = append(bySort[sort], q.name+" "+q.version)
	}
	var all []finding.Finding
	for _, sort := range sorts {
		all = append(all, finding.Finding{
			Rule: unknownRule, Severity: finding.Low, Target: "packages/" + sort,
			Message: fmt.Sprintf("%s cannot look up %s (%s), so nothing is known of their vulnerabilities.", Name, some(bySort[sort]), sort),
			Help:    "Look for vulnerabilities of these packages where their makers publish them.",
			// Which they are is no part of the identity: they change with each version.
			Evidence: sort,
		})
	}
	return all
}

// sort is where a package comes from: the type of its package URL.
func (q *query) sort() string {
	sort, _, _ := strings.Cut(q.purl, "/")
	return sort
}

// some lists the first few of many texts of strangers.
func some(all []string) string {
	var shown []string
	for _, one := range all[:min(len(all), maxNamed)] {
		shown = append(shown, scan.Printable(one, maxSummary))
	}
	text := strings.Join(shown, ", ")
	if more := len(all) - len(shown); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}
