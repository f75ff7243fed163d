package attest

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Verdict is what a reader needs of an SCAI report that we made.
type Verdict struct {
	Pass     bool
	Finished time.Time
}

// ReadVerdict reads the summary of an SCAI report made by [SCAI]. Exactly one summary must stand in it, first.
func ReadVerdict(s Statement) (Verdict, error) {
	if s.PredicateType != SCAIType {
		return Verdict{}, fmt.Errorf("SCAI report: the predicate type is %q, expected %q", s.PredicateType, SCAIType)
	}
	var report struct {
		Predicate struct {
			Attributes []struct {
				Attribute  string `json:"attribute"`
				Conditions struct {
					Verdict string `json:"verdict"`
					Run     struct {
						FinishedOn time.Time `json:"finishedOn"`
					} `json:"run"`
				} `json:"conditions"`
			} `json:"attributes"`
		} `json:"predicate"`
	}
	if err := json.Unmarshal(s.JSON, &report); err != nil {
		return Verdict{}, fmt.Errorf("SCAI report: %w", err)
	}
	var v Verdict
	for i, a := range report.Predicate.Attributes {
		summary := a.Attribute == ScanPassed || a.Attribute == ScanFailed
		switch {
		case summary != (i == 0):
			return Verdict{}, errors.New("SCAI report: exactly one summary attribute is expected, and as the first")
		case summary:
			v.Pass = a.Attribute == ScanPassed && a.Conditions.Verdict == "pass"
			v.Finished = a.Conditions.Run.FinishedOn
		}
	}
	if len(report.Predicate.Attributes) == 0 {
		return Verdict{}, errors.New("SCAI report: it has no attributes")
	}
	return v, nil
}
