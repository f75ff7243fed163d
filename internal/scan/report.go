package scan

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/finding"
)

// maxField bounds each text of a finding and of a failure, in bytes: people read reports, and scanners quote hostile input.
const maxField = 1000

// judge turns an answer into a report, believing nothing that can be checked.
func judge(a answer, s Subject) Report {
	r := Report{
		Scanner: a.name, Version: a.version, Findings: []finding.Finding{},
		Seen: a.result.Seen, Of: a.of, Rules: a.result.Rules,
	}
	for i, f := range a.result.Findings {
		f = printable(f)
		f.Scanner, f.Version = a.name, a.version
		if err := check(f); err != nil {
			a.err = errors.Join(a.err, fmt.Errorf("finding %d %w", i, err))
			continue
		}
		f.Fingerprint = finding.Fingerprint(f.Scanner, f.Rule, f.Target, f.Evidence)
		r.Findings = append(r.Findings, f)
	}
	r.Findings = merge(r.Findings)
	r.Failure = failure(a, r, s)
	if len(r.Findings) > MaxFindings {
		r.Findings = r.Findings[:MaxFindings]
	}
	return r
}

// failure says why the answer cannot be trusted, or nothing.
func failure(a answer, r Report, s Subject) string {
	switch {
	case a.name == "":
		return "The scanner did not say its name."
	case errors.Is(a.err, context.DeadlineExceeded):
		return fmt.Sprintf("Scanner %s did not answer in time.", a.name)
	case errors.Is(a.err, context.Canceled):
		return fmt.Sprintf("Scanner %s was cancelled.", a.name)
	case a.err != nil:
		return fmt.Sprintf("Scanner %s failed: %s.", a.name, Printable(strings.TrimSuffix(a.err.Error(), "."), maxField))
	case len(r.Findings) > MaxFindings:
		return fmt.Sprintf("Scanner %s reported %d findings; more than %d cannot be reviewed.", a.name, len(r.Findings), MaxFindings)
	case r.Seen < 0 || r.Seen > r.Of:
		return fmt.Sprintf("Scanner %s claims to have looked at %d %s of %d.", a.name, r.Seen, a.unit, r.Of)
	case r.Of > 0 && r.Seen == 0:
		return fmt.Sprintf("Scanner %s looked at none of %d %s.", a.name, r.Of, a.unit)
	case r.Of == 0 && a.unit == packages:
		return fmt.Sprintf("Scanner %s had nothing to look at: no package is known of what the artifact holds.", a.name)
	case r.Of == 0 && s.Entry.Inspect.NoTools == "" && s.Observation.Auth == nil:
		return fmt.Sprintf("Scanner %s had nothing to look at, and the entry does not say why (inspect.noTools).", a.name)
	}
	return ""
}

// check refuses a finding that a person could not act on.
func check(f finding.Finding) error {
	switch {
	case strings.TrimSpace(f.Rule) == "":
		return errors.New("names no rule")
	case strings.TrimSpace(f.Message) == "":
		return fmt.Errorf("of rule %s has no message", f.Rule)
	}
	return nil
}

// printable bounds the texts of a finding and makes them safe to show.
func printable(f finding.Finding) finding.Finding {
	for _, field := range []*string{&f.Rule, &f.Target, &f.Message, &f.Help, &f.Evidence, &f.Location.File, &f.Location.Pointer} {
		*field = Printable(*field, maxField)
	}
	return f
}

// merge sorts findings by weight and place, and keeps of those with one fingerprint the weightiest, at its first place.
func merge(all []finding.Finding) []finding.Finding {
	slices.SortStableFunc(all, func(a, b finding.Finding) int {
		return cmp.Or(
			-cmp.Compare(weight(a.Severity), weight(b.Severity)),
			cmp.Compare(a.Location.File, b.Location.File), cmp.Compare(a.Location.Line, b.Location.Line),
			cmp.Compare(a.Location.Pointer, b.Location.Pointer), cmp.Compare(a.Rule, b.Rule),
			cmp.Compare(a.Target, b.Target), cmp.Compare(a.Evidence, b.Evidence), cmp.Compare(a.Message, b.Message),
		)
	})
	seen := make(map[string]bool, len(all))
	return slices.DeleteFunc(all, func(f finding.Finding) bool {
		duplicate := seen[f.Fingerprint]
		seen[f.Fingerprint] = true
		return duplicate
	})
}

// weight orders severities for reading: what is unknown stands where it will be seen.
func weight(s finding.Severity) int {
	if s <= finding.Unknown || s > finding.Critical {
		return int(finding.Critical) + 1
	}
	return int(s)
}
