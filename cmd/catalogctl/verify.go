package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/attest"
	"github.com/slipway-dev/slipway/internal/flow"
	"github.com/slipway-dev/slipway/internal/verify"
)

// The modes of verify.
const (
	modeDisabled = "disabled"
	modeWarn     = "warn"
	modeEnabled  = "enabled"
)

// verification is what verify prints.
type verification struct {
	Reference string         `json:"reference"`
	Digest    string         `json:"digest"`
	Entry     string         `json:"entry,omitempty"` // whose promises were checked
	Verdict   string         `json:"verdict"`
	Checks    []verify.Check `json:"checks"`
}

func (a *app) verifyCommand() *cobra.Command {
	var key, mode string
	cmd := &cobra.Command{
		Use:   "verify REF",
		Short: "Check a published artifact against what the catalog promises",
		Long: `Verify resolves REF once and checks what it stands for, trusting nothing but the public key: the signature and each statement, for the index
and for every platform, in both forms in which they are kept; that they speak of exactly these digests; that the gate's verdict was a pass. If
REF is an entry of this catalog, its digest must be the one that the catalog recorded, and its name that of the entry.

Each check is verified, not present, or failed; none is left out. With --mode warn the exit code is 0 whatever is found.`,
		Args: cobra.ExactArgs(1),
	}
	cmd.Flags().StringVar(&key, "key", "", "public key in `FILE`; the one of the key pair in <out>/keys if empty")
	cmd.Flags().StringVar(&mode, "mode", modeEnabled, "what a failed check means: disabled, warn or enabled")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		switch mode {
		case modeEnabled, modeWarn:
		case modeDisabled:
			fmt.Fprintln(a.stderr, "nothing was verified: --mode disabled")
			return nil
		default:
			return fmt.Errorf("--mode %s: want %s, %s or %s", mode, modeDisabled, modeWarn, modeEnabled)
		}
		line, stop, err := a.open(cmd.Context(), flow.Checks{})
		if err != nil {
			return err
		}
		defer stop()
		report, entry, err := line.Verify(cmd.Context(), args[0], key)
		if err != nil {
			return err
		}
		v := verification{Reference: args[0], Digest: report.Digest, Entry: entry, Verdict: verdictPass, Checks: report.Checks}
		if !report.OK() {
			v.Verdict = verdictFail
		}
		if err := a.print(v, v.text); err != nil {
			return err
		}
		if !report.OK() && mode == modeEnabled {
			return errFindings
		}
		return nil
	}
	return cmd
}

// predicateNames are what people call the statements.
var predicateNames = map[string]string{attest.SPDXType: "SPDX SBOM", attest.ProvenanceType: "SLSA provenance", attest.SCAIType: "SCAI report"}

// text is a line a subject with all that is verified about it, a line for each check that is not, and one for the whole.
func (v verification) text() string {
	var subjects, faults []string
	names := map[string][]string{}
	for _, c := range v.Checks {
		name := cmp.Or(predicateNames[c.Name], c.Name)
		if !slices.Contains(subjects, c.Subject) {
			subjects = append(subjects, c.Subject)
		}
		switch {
		case c.State != verify.Verified && c.Form != "":
			faults = append(faults, fmt.Sprintf("  %-12s %-12s %s (%s): %s\n", c.State, c.Subject, name, c.Form, c.Detail))
		case c.State != verify.Verified:
			faults = append(faults, fmt.Sprintf("  %-12s %-12s %s: %s\n", c.State, c.Subject, name, c.Detail))
		case !slices.Contains(names[c.Subject], name):
			names[c.Subject] = append(names[c.Subject], name)
		}
	}
	var out strings.Builder
	for _, subject := range subjects {
		if len(names[subject]) > 0 {
			fmt.Fprintf(&out, "  %-12s %-12s %s\n", verify.Verified, subject, strings.Join(names[subject], ", "))
		}
	}
	out.WriteString(strings.Join(faults, ""))
	if v.Verdict == verdictPass {
		fmt.Fprintf(&out, "verified  %s", v.Reference)
	} else {
		fmt.Fprintf(&out, "NOT verified  %s", v.Reference)
	}
	if v.Entry != "" {
		fmt.Fprintf(&out, "  as %s of this catalog", v.Entry)
	}
	out.WriteByte('\n')
	return out.String()
}
