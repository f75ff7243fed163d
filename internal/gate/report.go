package gate

import (
	"fmt"
	"slices"

	"github.com/slipway-dev/slipway/internal/scan"
)

// checkReports names the scanners that did not do their part, and reports whether all that answered at all were successful and none
// of the required is missing.
func (v *Verdict) checkReports(in Input) bool {
	complete := true
	if len(in.Required) == 0 {
		v.problem("No scanner is required, so nothing would be known about the entry; require at least one in catalog.cue.")
	}
	answers := make(map[string]int)
	for _, r := range in.Reports {
		if answers[r.Scanner]++; answers[r.Scanner] == 2 {
			v.problem("Scanner %s reported more than once; one of the reports cannot be trusted.", bounded(r.Scanner))
		}
		failure := failure(r)
		if failure == "" {
			continue
		}
		complete = false
		if slices.Contains(in.Required, r.Scanner) || r.Scanner == "" {
			v.problem("%s", failure)
		} else {
			v.Notices = append(v.Notices, failure)
		}
	}
	for _, name := range in.Required {
		if answers[name] == 0 {
			complete = false
			v.problem("Required scanner %s gave no report.", bounded(name))
		}
	}
	return complete
}

// failure returns the report's own failure, or says what is impossible about it.
func failure(r scan.Report) string {
	switch {
	case r.Failure != "":
		return r.Failure
	case r.Scanner == "":
		return "A report names no scanner."
	case r.Of > 0 && r.Seen <= 0:
		return fmt.Sprintf("Scanner %s looked at none of %d definitions.", bounded(r.Scanner), r.Of)
	}
	return ""
}

func (v *Verdict) problem(format string, args ...any) {
	v.Problems = append(v.Problems, fmt.Sprintf(format, args...))
}
