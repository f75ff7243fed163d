// Package gate makes a verdict of findings, waivers and thresholds. It fails closed: whatever is missing, broken, unknown, expired or
// left over counts against the release.
package gate

import (
	"time"

	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/finding"
	"github.com/slipway-dev/slipway/internal/scan"
)

// Policy is what a catalog demands of its entries. The zero value blocks on every finding and lets none be waived.
type Policy struct {
	// Block is the lowest severity that stops a release, Warn the lowest that is pointed out.
	Block, Warn finding.Severity
	// MaxWaivable is the highest severity that a waiver may except. Findings of unknown severity are as critical ones.
	MaxWaivable finding.Severity
	// MaxWaiverDays is how far ahead a waiver may end; 0 sets no bound.
	MaxWaiverDays int
}

// Input is everything a verdict depends on.
type Input struct {
	Reports []scan.Report
	// Required names the scanners without whose answer nothing passes.
	Required []string
	// Partial says that a required scanner was left out of Required, for there was nothing yet for it to look at. Nobody knows then which findings
	// are gone.
	Partial bool
	Waivers []entry.Waiver
	Policy  Policy
	// Today decides which waivers have ended; only its date in UTC counts.
	Today time.Time
}

// State is what becomes of a finding.
type State string

// The states of a finding.
const (
	Blocking      State = "blocking"
	Warning       State = "warning"
	Waived        State = "waived"
	Informational State = "informational"
)

// Disposition is a finding and what the gate made of it.
type Disposition struct {
	Finding finding.Finding `json:"finding"`
	State   State           `json:"state"`
	Waiver  *entry.Waiver   `json:"waiver,omitempty"` // what waived it
}

// Verdict says whether an entry may be released, and why not.
type Verdict struct {
	Pass         bool          `json:"pass"`
	Dispositions []Disposition `json:"dispositions"` // in the order of the reports
	// Problems are sentences about what is wrong with the evidence itself: scanners that did not answer, waivers that do not hold. Each
	// alone stops the release.
	Problems []string `json:"problems"`
	// Notices are sentences that stop nothing: scanners that failed although they were not required.
	Notices []string `json:"notices,omitempty"`
}

// Waivers returns the waivers that took effect by the fingerprint of their finding.
func (v Verdict) Waivers() map[string]entry.Waiver {
	used := make(map[string]entry.Waiver)
	for _, d := range v.Dispositions {
		if d.Waiver != nil {
			used[d.Finding.Fingerprint] = *d.Waiver
		}
	}
	return used
}

// Judge weighs the reports. Equal inputs give equal verdicts.
func Judge(in Input) Verdict {
	v := Verdict{Dispositions: []Disposition{}, Problems: []string{}}
	complete := v.checkReports(in)
	valid := v.checkWaivers(in)
	found := make(map[string]bool)
	for _, report := range in.Reports {
		for _, f := range report.Findings {
			found[f.Fingerprint] = true
			v.Dispositions = append(v.Dispositions, v.dispose(f, valid, in.Policy))
		}
	}
	if complete && !in.Partial {
		// After a failed scan nobody knows which findings are gone, so leftover waivers are only named after a complete one.
		v.checkLeftovers(in.Waivers, found)
	}
	v.Pass = len(v.Problems) == 0
	for _, d := range v.Dispositions {
		v.Pass = v.Pass && d.State != Blocking
	}
	return v
}

// dispose decides on one finding.
func (v *Verdict) dispose(f finding.Finding, waivers map[string]entry.Waiver, p Policy) Disposition {
	d := Disposition{Finding: f, State: Informational}
	switch {
	case f.Severity < finding.Unknown || f.Severity > finding.Critical, f.Severity.Reaches(p.Block):
		d.State = Blocking
	case f.Severity.Reaches(p.Warn):
		d.State = Warning
	}
	if w, ok := waivers[f.Fingerprint]; ok && v.applies(w, f, p) {
		d.State, d.Waiver = Waived, &w
	}
	return d
}
