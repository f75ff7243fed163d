package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/catalog"
	"github.com/slipway-dev/slipway/internal/flow"
	"github.com/slipway-dev/slipway/internal/gate"
)

func (a *app) scanCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "scan [NAME...]",
		Short: "Run the scanners over the committed tools.json of entries",
		Long: `Scan runs the scanners over what each server said of itself when it was last inspected, and asks the gate: findings, waivers and the
thresholds of catalog.cue make a verdict. SARIF 2.1.0 and JSON are written below <out>/reports/<kind>/<name>. Without NAME it scans all entries.
The command exits with 1 if the gate stays closed for one of them.`,
		RunE: func(cmd *cobra.Command, names []string) error {
			line, items, stop, err := a.work(cmd.Context(), flow.Checks{Observations: true}, names)
			if err != nil {
				return err
			}
			if len(names) == 0 {
				items = line.Buildable()
			}
			err = a.each(cmd.Context(), line, items, func(ctx context.Context, item catalog.Item) (*result, error) {
				scanned, err := line.ScanCommitted(ctx, item)
				if err != nil {
					return &result{}, err
				}
				r := &result{Verdict: verdictPass}
				r.setScanned(scanned)
				r.human = fmt.Sprintf("%s  %s\n%s", item.Entry.ID(), verdictText(scanned), findings(scanned))
				if !scanned.Verdict.Pass {
					return r, flow.ErrGate
				}
				return r, nil
			})
			stop()
			return err
		},
	}
}

func (r *result) setScanned(s *flow.Scanned) {
	r.Findings = &counts{
		Blocking: s.Count(gate.Blocking), Warning: s.Count(gate.Warning),
		Waived: s.Count(gate.Waived), Informational: s.Count(gate.Informational),
	}
}

// verdictText is the verdict in a few words.
func verdictText(s *flow.Scanned) string {
	word := "pass"
	if !s.Verdict.Pass {
		word = "FAIL"
	}
	return fmt.Sprintf("%s  %d blocking, %d warnings, %d waived, %d informational", word,
		s.Count(gate.Blocking), s.Count(gate.Warning), s.Count(gate.Waived), s.Count(gate.Informational))
}

// findings are lines for everything that a person must look at: what blocks, what warns, what was waived, and what is wrong with the
// evidence itself.
func findings(s *flow.Scanned) string {
	var out strings.Builder
	for _, problem := range s.Verdict.Problems {
		fmt.Fprintf(&out, "  blocking  %s\n", problem)
	}
	for _, state := range []gate.State{gate.Blocking, gate.Warning, gate.Waived} {
		for _, d := range s.Verdict.Dispositions {
			if d.State != state {
				continue
			}
			f := d.Finding
			fmt.Fprintf(&out, "  %-8s  %s %s (%s)  %s\n", state, f.Severity, f.Rule, f.Target, f.Message)
			if f.Evidence != "" {
				fmt.Fprintf(&out, "            found: %s\n", f.Evidence)
			}
			switch {
			case d.Waiver != nil:
				fmt.Fprintf(&out, "            waived by %s until %s: %s\n", d.Waiver.Owner, d.Waiver.Expires, d.Waiver.Reason)
			case state == gate.Blocking:
				fmt.Fprintf(&out, "            %s\n            fingerprint for a waiver: %s\n", f.Help, f.Fingerprint)
			}
		}
	}
	for _, notice := range s.Verdict.Notices {
		fmt.Fprintf(&out, "  note      %s\n", notice)
	}
	return out.String()
}
