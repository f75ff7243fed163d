package gate

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/finding"
)

var fingerprint = regexp.MustCompile(`^[0-9a-f]{32}$`)

// checkWaivers names what is wrong with the waivers themselves, and returns by fingerprint those that hold today.
func (v *Verdict) checkWaivers(in Input) map[string]entry.Waiver {
	valid := make(map[string]entry.Waiver)
	listed := make(map[string]bool)
	for _, w := range in.Waivers {
		switch {
		case !fingerprint.MatchString(w.Fingerprint):
			v.problem("Waiver %q: the fingerprint is not 32 hex digits; copy it from the report.", bounded(w.Fingerprint))
			continue
		case listed[w.Fingerprint]:
			delete(valid, w.Fingerprint)
			v.problem("Waiver %s is given more than once; keep one.", w.Fingerprint)
			continue
		}
		listed[w.Fingerprint] = true
		if fault := fault(w, in.Today, in.Policy.MaxWaiverDays); fault != "" {
			v.problem("Waiver %s of rule %s %s", w.Fingerprint, bounded(w.Rule), fault)
			continue
		}
		valid[w.Fingerprint] = w
	}
	return valid
}

// fault says why a waiver does not count, or nothing.
func fault(w entry.Waiver, now time.Time, maxDays int) string {
	switch {
	case strings.TrimSpace(w.Owner) == "":
		return "has no owner; say who answers for it."
	case strings.TrimSpace(w.Reason) == "":
		return "has no reason; say why the finding is harmless."
	}
	end, err := time.Parse(time.DateOnly, w.Expires)
	if err != nil {
		return fmt.Sprintf("has the end date %q; write it as YYYY-MM-DD.", bounded(w.Expires))
	}
	today := now.UTC().Truncate(24 * time.Hour)
	switch {
	case end.Before(today):
		return fmt.Sprintf("ended on %s; mend the finding, or let %s review and renew the waiver.", w.Expires, bounded(w.Owner))
	case maxDays > 0 && end.After(today.AddDate(0, 0, maxDays)):
		return fmt.Sprintf("ends on %s, more than %d days ahead; choose a nearer date.", w.Expires, maxDays)
	}
	return ""
}

// applies reports whether a waiver that holds today excepts the finding that bears its fingerprint.
func (v *Verdict) applies(w entry.Waiver, f finding.Finding, p Policy) bool {
	severity := f.Severity
	if severity <= finding.Unknown || severity > finding.Critical {
		severity = finding.Critical
	}
	switch {
	case w.Rule != f.Rule:
		v.problem("Waiver %s names rule %s, but its finding is of rule %s; check that it waives what was meant.",
			w.Fingerprint, bounded(w.Rule), bounded(f.Rule))
	case severity > p.MaxWaivable:
		v.problem("Waiver %s: a finding of severity %s cannot be waived in this catalog, at most %s.", w.Fingerprint, f.Severity, p.MaxWaivable)
	default:
		return true
	}
	return false
}

// checkLeftovers names the waivers whose finding is gone. They stop the release, because an exception that nobody needs today would
// silently except whatever brings the finding back.
func (v *Verdict) checkLeftovers(waivers []entry.Waiver, found map[string]bool) {
	for _, w := range waivers {
		if fingerprint.MatchString(w.Fingerprint) && !found[w.Fingerprint] {
			found[w.Fingerprint] = true // say it once
			v.problem("Waiver %s of rule %s matches no finding; remove it.", w.Fingerprint, bounded(w.Rule))
		}
	}
}

// bounded keeps hand-written text from flooding a message.
func bounded(text string) string {
	if runes := []rune(text); len(runes) > 80 {
		return string(runes[:80]) + "…"
	}
	return text
}
