package gate_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/finding"
	"github.com/slipway-dev/slipway/internal/gate"
	"github.com/slipway-dev/slipway/internal/scan"
)

const (
	printA = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	printB = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
)

var policy = gate.Policy{Block: finding.High, Warn: finding.Medium, MaxWaivable: finding.Critical, MaxWaiverDays: 90}

func today() time.Time { return time.Date(2026, 11, 21, 23, 30, 0, 0, time.UTC) }

func report(findings ...finding.Finding) scan.Report {
	return scan.Report{Scanner: "slipway", Version: "1", Seen: 1, Of: 1, Findings: findings}
}

func found(rule string, severity finding.Severity, fingerprint string) finding.Finding {
	return finding.Finding{Scanner: "slipway", Rule: rule, Severity: severity, Message: "m", Fingerprint: fingerprint}
}

func waiver(edit func(*entry.Waiver)) entry.Waiver {
	w := entry.Waiver{Fingerprint: printA, Rule: "secret", Owner: "ana", Reason: "A documented example.", Expires: "2026-12-31"}
	if edit != nil {
		edit(&w)
	}
	return w
}

func input(findings ...finding.Finding) gate.Input {
	return gate.Input{Reports: []scan.Report{report(findings...)}, Required: []string{"slipway"}, Policy: policy, Today: today()}
}

func TestStates(t *testing.T) {
	t.Parallel()
	tests := []struct {
		severity finding.Severity
		want     gate.State
		pass     bool
	}{
		{finding.Info, gate.Informational, true},
		{finding.Low, gate.Informational, true},
		{finding.Medium, gate.Warning, true},
		{finding.High, gate.Blocking, false},
		{finding.Critical, gate.Blocking, false},
		{finding.Unknown, gate.Blocking, false},
		{finding.Severity(-1), gate.Blocking, false},
		{finding.Severity(99), gate.Blocking, false},
	}
	for _, tt := range tests {
		v := gate.Judge(input(found("secret", tt.severity, printA)))
		if v.Dispositions[0].State != tt.want || v.Pass != tt.pass {
			t.Errorf("severity %d: %s, pass %v; want %s, %v", tt.severity, v.Dispositions[0].State, v.Pass, tt.want, tt.pass)
		}
	}
}

func TestZeroPolicyBlocksEverything(t *testing.T) {
	t.Parallel()
	in := input(found("secret", finding.Info, printA))
	in.Policy = gate.Policy{}
	in.Waivers = []entry.Waiver{waiver(nil)}
	if v := gate.Judge(in); v.Pass || v.Dispositions[0].State != gate.Blocking {
		t.Errorf("a policy that says nothing lets a finding pass: %+v", v)
	}
}

func TestReportsThatProveNothing(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		reports []scan.Report
		needed  []string
		want    string
	}{
		{"failed", []scan.Report{{Scanner: "slipway", Failure: "Scanner slipway panicked.", Seen: 1, Of: 1}}, []string{"slipway"}, "panicked"},
		{"missing", nil, []string{"slipway"}, "Required scanner slipway gave no report"},
		{"another", []scan.Report{{Scanner: "Slipway", Seen: 1, Of: 1}}, []string{"slipway"}, "gave no report"},
		{"saw nothing", []scan.Report{{Scanner: "slipway", Of: 4}}, []string{"slipway"}, "none of 4 definitions"},
		{"twice", []scan.Report{report(), report()}, []string{"slipway"}, "more than once"},
		{"nameless", []scan.Report{report(), {Seen: 1, Of: 1}}, []string{"slipway"}, "names no scanner"},
		{"none required", []scan.Report{report()}, nil, "No scanner is required"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			v := gate.Judge(gate.Input{Reports: tt.reports, Required: tt.needed, Policy: policy, Today: today()})
			if v.Pass || !strings.Contains(strings.Join(v.Problems, "\n"), tt.want) {
				t.Errorf("pass %v, problems %q; want a problem that says %q", v.Pass, v.Problems, tt.want)
			}
		})
	}
}

func TestOptionalScannerThatFailedIsNamed(t *testing.T) {
	t.Parallel()
	in := input()
	in.Reports = append(in.Reports, scan.Report{Scanner: "extra", Failure: "Scanner extra did not answer in time.", Of: 1})
	v := gate.Judge(in)
	if !v.Pass || len(v.Notices) != 1 || !strings.Contains(v.Notices[0], "extra") {
		t.Errorf("pass %v, notices %q", v.Pass, v.Notices)
	}
}

func TestWaivers(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		waivers []entry.Waiver
		pass    bool
		problem string
	}{
		{"holds", []entry.Waiver{waiver(nil)}, true, ""},
		{"last day", []entry.Waiver{waiver(func(w *entry.Waiver) { w.Expires = "2026-11-21" })}, true, ""},
		{"ended", []entry.Waiver{waiver(func(w *entry.Waiver) { w.Expires = "2026-11-20" })}, false, "ended on 2026-11-20"},
		{"too long", []entry.Waiver{waiver(func(w *entry.Waiver) { w.Expires = "2027-11-20" })}, false, "more than 90 days ahead"},
		{"no date", []entry.Waiver{waiver(func(w *entry.Waiver) { w.Expires = "" })}, false, "YYYY-MM-DD"},
		{"odd date", []entry.Waiver{waiver(func(w *entry.Waiver) { w.Expires = "2026-12-31T00:00:00Z" })}, false, "YYYY-MM-DD"},
		{"no owner", []entry.Waiver{waiver(func(w *entry.Waiver) { w.Owner = " " })}, false, "has no owner"},
		{"no reason", []entry.Waiver{waiver(func(w *entry.Waiver) { w.Reason = "" })}, false, "has no reason"},
		{"wrong rule", []entry.Waiver{waiver(func(w *entry.Waiver) { w.Rule = "exfiltration" })}, false, "names rule exfiltration"},
		{"no fingerprint", []entry.Waiver{waiver(func(w *entry.Waiver) { w.Fingerprint = "*" })}, false, "not 32 hex digits"},
		{"twice", []entry.Waiver{waiver(nil), waiver(nil)}, false, "more than once"},
		{"left over", []entry.Waiver{waiver(nil), waiver(func(w *entry.Waiver) { w.Fingerprint = printB })}, false, "matches no finding"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			in := input(found("secret", finding.High, printA))
			in.Waivers = tt.waivers
			v := gate.Judge(in)
			if v.Pass != tt.pass {
				t.Errorf("pass %v, want %v; problems %q", v.Pass, tt.pass, v.Problems)
			}
			if problems := strings.Join(v.Problems, "\n"); tt.problem == "" && problems != "" || !strings.Contains(problems, tt.problem) {
				t.Errorf("problems %q, want %q", problems, tt.problem)
			}
			if _, waived := v.Waivers()[printA]; waived != (v.Dispositions[0].State == gate.Waived) {
				t.Errorf("state %s, but waivers in effect: %v", v.Dispositions[0].State, v.Waivers())
			}
		})
	}
}

func TestEndedWaiverIsNotCalledLeftOver(t *testing.T) {
	t.Parallel()
	in := input(found("secret", finding.High, printA))
	in.Waivers = []entry.Waiver{waiver(func(w *entry.Waiver) { w.Expires = "2020-01-01" })}
	if v := gate.Judge(in); len(v.Problems) != 1 {
		t.Errorf("problems %q, want the end date alone", v.Problems)
	}
}

func TestWaiversAreNotCalledLeftOverAfterAFailedScan(t *testing.T) {
	t.Parallel()
	in := input()
	in.Reports[0].Failure = "Scanner slipway did not answer in time."
	in.Waivers = []entry.Waiver{waiver(nil)}
	v := gate.Judge(in)
	if v.Pass || strings.Contains(strings.Join(v.Problems, "\n"), "matches no finding") {
		t.Errorf("pass %v, problems %q", v.Pass, v.Problems)
	}
}

func TestWaiversAreNotCalledLeftOverWhereOnlyAPartWasScanned(t *testing.T) {
	t.Parallel()
	in := input()
	in.Waivers = []entry.Waiver{waiver(nil)}
	if gate.Judge(in).Pass {
		t.Error("a waiver is left over, and the gate opens")
	}
	in.Partial = true
	if v := gate.Judge(in); !v.Pass {
		t.Errorf("problems %q", v.Problems)
	}
}

func TestSeverityThatNobodyMayWaive(t *testing.T) {
	t.Parallel()
	for _, severity := range []finding.Severity{finding.Critical, finding.Unknown} {
		in := input(found("secret", severity, printA))
		in.Policy.MaxWaivable = finding.High
		in.Waivers = []entry.Waiver{waiver(nil)}
		if v := gate.Judge(in); v.Pass || v.Dispositions[0].State != gate.Blocking || len(v.Problems) != 1 {
			t.Errorf("%s: %+v", severity, v)
		}
	}
}

func TestJudgeIsDeterministic(t *testing.T) {
	t.Parallel()
	in := input(found("secret", finding.High, printA), found("padding", finding.Medium, printB))
	in.Waivers = []entry.Waiver{waiver(nil), waiver(func(w *entry.Waiver) { w.Fingerprint = strings.Repeat("c", 32) })}
	first := gate.Judge(in)
	for range 10 {
		if !reflect.DeepEqual(first, gate.Judge(in)) {
			t.Fatal("two verdicts on the same input differ")
		}
	}
}
