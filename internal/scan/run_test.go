package scan_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/finding"
	"github.com/slipway-dev/slipway/internal/observation"
	"github.com/slipway-dev/slipway/internal/scan"
)

// script is a scanner that does what the test says.
type script struct {
	name string
	scan func(context.Context, scan.Subject) (scan.Result, error)
}

func (s script) Name() string    { return s.name }
func (s script) Version() string { return "1" }
func (s script) Scan(ctx context.Context, subject scan.Subject) (scan.Result, error) {
	return s.scan(ctx, subject)
}

func subject(definitions int) scan.Subject {
	s := scan.Subject{Entry: entry.Entry{Kind: entry.NPX, Name: "a"}, File: "catalog/npx/a/tools.json"}
	for i := range definitions {
		key := fmt.Sprintf("tool%d", i)
		s.Observation.Tools = append(s.Observation.Tools, observation.Definition{Key: key, JSON: fmt.Appendf(nil, `{"name":%q}`, key)})
	}
	return s
}

func one(t *testing.T, s scan.Subject, f func(context.Context, scan.Subject) (scan.Result, error)) scan.Report {
	t.Helper()
	reports := scan.Run(context.Background(), []scan.Scanner{script{"probe", f}}, s, time.Minute)
	if len(reports) != 1 {
		t.Fatalf("%d reports of one scanner", len(reports))
	}
	return reports[0]
}

func TestRunFailsClosed(t *testing.T) {
	t.Parallel()
	many := make([]finding.Finding, scan.MaxFindings+1)
	for i := range many {
		many[i] = finding.Finding{Rule: "r", Message: "m", Evidence: strconv.Itoa(i)}
	}
	tests := []struct {
		name   string
		of     int
		result scan.Result
		err    error
		panics any
		want   string
	}{
		{name: "error", of: 1, result: scan.Result{Seen: 1}, err: errors.New("the file is torn"), want: "the file is torn"},
		{name: "panic", of: 1, panics: "index out of range", want: "it panicked: index out of range"},
		{name: "saw nothing", of: 3, want: "none of 3 definitions"},
		{name: "nothing to see", of: 0, want: "nothing to look at"},
		{name: "saw too much", of: 1, result: scan.Result{Seen: 2}, want: "claims to have looked at 2 definitions of 1"},
		{name: "finding without rule", of: 1, result: scan.Result{Seen: 1, Findings: []finding.Finding{{Message: "m"}}}, want: "names no rule"},
		{name: "finding without message", of: 1, result: scan.Result{Seen: 1, Findings: []finding.Finding{{Rule: "r"}}}, want: "has no message"},
		{name: "too many findings", of: 1, result: scan.Result{Seen: 1, Findings: many}, want: "reported 1001 findings"},
		{name: "own deadline", of: 1, result: scan.Result{Seen: 1}, err: fmt.Errorf("ask: %w", context.DeadlineExceeded), want: "did not answer in time"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := one(t, subject(tt.of), func(context.Context, scan.Subject) (scan.Result, error) {
				if tt.panics != nil {
					panic(tt.panics)
				}
				return tt.result, tt.err
			})
			if !strings.Contains(r.Failure, tt.want) {
				t.Errorf("failure %q, want it to say %q", r.Failure, tt.want)
			}
			if len(r.Findings) > scan.MaxFindings {
				t.Errorf("%d findings in the report", len(r.Findings))
			}
		})
	}
}

func TestRunLeavesHangingScannersBehind(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		hanging := script{"hanging", func(context.Context, scan.Subject) (scan.Result, error) {
			<-release // deaf to its context
			return scan.Result{Seen: 1}, nil
		}}
		quick := script{"quick", func(context.Context, scan.Subject) (scan.Result, error) { return scan.Result{Seen: 1}, nil }}
		start := time.Now()
		reports := scan.Run(context.Background(), []scan.Scanner{hanging, quick}, subject(1), 10*time.Second)
		if took := time.Since(start); took != 10*time.Second {
			t.Errorf("took %s, want the limit", took)
		}
		if !strings.Contains(reports[0].Failure, "hanging did not answer in time") {
			t.Errorf("hanging scanner: failure %q", reports[0].Failure)
		}
		if reports[1].Scanner != "quick" || reports[1].Failure != "" {
			t.Errorf("the other scanner's report: %+v", reports[1])
		}
		close(release)
	})
}

func TestRunCancelled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	reports := scan.Run(ctx, []scan.Scanner{script{"probe", func(ctx context.Context, _ scan.Subject) (scan.Result, error) {
		<-ctx.Done()
		return scan.Result{}, ctx.Err()
	}}}, subject(1), time.Minute)
	if reports[0].Failure == "" {
		t.Error("a cancelled scan counts as done")
	}
}

// packageScript is a scanner of packages.
type packageScript struct {
	script
	packages int
}

func (p packageScript) Packages(scan.Subject) int { return p.packages }

func TestPackageScanners(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		of, seen int
		want     string
	}{
		{of: 3, seen: 2},
		{of: 3, seen: 0, want: "looked at none of 3 packages"},
		{of: 3, seen: 4, want: "claims to have looked at 4 packages of 3"},
		{of: 0, seen: 0, want: "had nothing to look at"},
	} {
		scanner := packageScript{packages: tt.of, script: script{"probe", func(context.Context, scan.Subject) (scan.Result, error) {
			return scan.Result{Seen: tt.seen}, nil
		}}}
		s := subject(9)
		s.Entry.Inspect.NoTools = "It offers tools only after a sign-in."
		r := scan.Run(t.Context(), []scan.Scanner{scanner}, s, time.Minute)[0]
		if r.Of != tt.of || tt.want == "" && r.Failure != "" || !strings.Contains(r.Failure, tt.want) {
			t.Errorf("%d of %d: failure %q of %d, want it to say %q", tt.seen, tt.of, r.Failure, r.Of, tt.want)
		}
	}
}

func TestRunFillsSortsAndMerges(t *testing.T) {
	t.Parallel()
	at := func(line int) finding.Location { return finding.Location{File: "f", Line: line} }
	r := one(t, subject(1), func(context.Context, scan.Subject) (scan.Result, error) {
		return scan.Result{Seen: 1, Findings: []finding.Finding{
			{Scanner: "liar", Rule: "b", Severity: finding.Low, Message: "m", Location: at(9)},
			{Rule: "a", Severity: finding.High, Message: "m", Location: at(5), Evidence: "x"},
			{Rule: "a", Severity: finding.Low, Message: "m", Location: at(2), Evidence: "x"},
			{Rule: "c", Severity: finding.Severity(77), Message: "m", Location: at(7), Evidence: "bell\a and \u202e"},
		}}, nil
	})
	if r.Failure != "" || len(r.Findings) != 3 {
		t.Fatalf("failure %q, findings %+v", r.Failure, r.Findings)
	}
	for i, want := range []string{"c", "a", "b"} {
		f := r.Findings[i]
		if f.Rule != want || f.Scanner != "probe" || f.Version != "1" || f.Fingerprint != finding.Fingerprint("probe", f.Rule, f.Target, f.Evidence) {
			t.Errorf("finding %d is %+v, want rule %s with the scanner's name and a fingerprint", i, f, want)
		}
	}
	if got := r.Findings[1].Severity; got != finding.High {
		t.Errorf("merged severity %s, want high", got)
	}
	if got, want := r.Findings[0].Evidence, `bell\u{0007} and \u{202e}`; got != want {
		t.Errorf("evidence %q, want %q", got, want)
	}
}

func TestNoToolsWithAReason(t *testing.T) {
	t.Parallel()
	s := subject(0)
	s.Entry.Inspect.NoTools = "It offers tools only after a sign-in."
	if r := one(t, s, func(context.Context, scan.Subject) (scan.Result, error) { return scan.Result{}, nil }); r.Failure != "" {
		t.Errorf("failure %q", r.Failure)
	}
}

func FuzzPrintable(f *testing.F) {
	f.Add("plain", 3)
	f.Add("\x00\xff\u202e\U000e0041", 100)
	f.Fuzz(func(t *testing.T, text string, limit int) {
		limit = max(0, min(limit, 4096))
		got := scan.Printable(text, limit)
		if len(got) > limit+80 {
			t.Errorf("%d bytes for a limit of %d", len(got), limit)
		}
		if again := scan.Printable(got, len(got)); again != got {
			t.Errorf("%q is not printable: %q", got, again)
		}
	})
}
