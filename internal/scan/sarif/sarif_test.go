package sarif_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	log "github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"

	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/finding"
	"github.com/slipway-dev/slipway/internal/scan"
	"github.com/slipway-dev/slipway/internal/scan/sarif"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func reports() []scan.Report {
	return []scan.Report{
		{
			Scanner: "slipway", Version: "1.0.0", Seen: 2, Of: 2,
			Rules: []scan.Rule{
				{ID: "secret", Severity: finding.Critical, Summary: "Text holds a credential.", Help: "Revoke it.", Taxonomy: []string{"MCP01:2025"}},
				{ID: "model-instruction", Severity: finding.Critical, Summary: "Text gives orders.", Help: "Read it."},
			},
			Findings: []finding.Finding{
				{
					Scanner: "slipway", Version: "1.0.0", Rule: "model-instruction", Severity: finding.Critical, Target: "tool/sum",
					Location: finding.Location{File: "catalog/npx/a b/tools.json", Pointer: "/tools/0/description", Line: 12},
					Message:  "The text gives orders.", Help: "Read it.", Evidence: `say \u{200b}`, Fingerprint: "0123456789abcdef0123456789abcdef",
				},
				{
					Scanner: "slipway", Version: "1.0.0", Rule: "secret", Severity: finding.Medium, Target: "tool/sum",
					Location: finding.Location{File: "catalog/npx/a b/tools.json", Pointer: "/tools/0/description"},
					Message:  "The text holds a token.", Fingerprint: "11111111111111111111111111111111",
				},
			},
		},
		{
			Scanner: "other", Version: "2", Seen: 0, Of: 2, Failure: "Scanner other did not answer in time.",
			Findings: []finding.Finding{{
				Scanner: "other", Version: "2", Rule: "unheard-of", Severity: finding.Unknown, Message: "Something is odd.",
				Fingerprint: "22222222222222222222222222222222",
			}},
		},
	}
}

func encode(t *testing.T) []byte {
	t.Helper()
	waivers := map[string]entry.Waiver{"11111111111111111111111111111111": {Owner: "ana", Reason: "A documented example.", Expires: "2027-01-31"}}
	data, err := sarif.Encode("npx/a", reports(), waivers)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestGolden(t *testing.T) {
	t.Parallel()
	golden := filepath.Join("testdata", "reports.sarif")
	got := encode(t)
	if *update {
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("the log differs from %s; if it should, run go test -update:\n%s", golden, got)
	}
}

func TestSchemaAccepts(t *testing.T) {
	t.Parallel()
	for name, data := range map[string][]byte{"reports": encode(t), "none": empty(t)} {
		report, err := log.FromBytes(data, log.WithStrictValidation())
		if err != nil {
			t.Fatal(err)
		}
		if err := report.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func empty(t *testing.T) []byte {
	t.Helper()
	data, err := sarif.Encode("npx/a", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestEncodingIsDeterministic(t *testing.T) {
	t.Parallel()
	first := encode(t)
	for range 20 {
		if !bytes.Equal(first, encode(t)) {
			t.Fatal("two encodings of the same reports differ")
		}
	}
}

func TestFailureWaiverAndUnknownSeverityAreToldApart(t *testing.T) {
	t.Parallel()
	var out struct {
		Runs []struct {
			Invocations []struct {
				ExecutionSuccessful        bool
				ToolExecutionNotifications []struct{ Message struct{ Text string } }
			}
			Results []struct {
				RuleID       string
				Level        string
				Suppressions []struct{ Kind, Status, Justification string }
			}
		}
	}
	if err := json.Unmarshal(encode(t), &out); err != nil {
		t.Fatal(err)
	}
	if !out.Runs[0].Invocations[0].ExecutionSuccessful {
		t.Error("the successful scanner is told as failed")
	}
	failed := out.Runs[1]
	if failed.Invocations[0].ExecutionSuccessful || failed.Invocations[0].ToolExecutionNotifications[0].Message.Text == "" {
		t.Error("the failed scanner is told as successful, or without a reason")
	}
	if failed.Results[0].Level != "error" {
		t.Errorf("a finding of unknown severity has level %s, want error", failed.Results[0].Level)
	}
	if n := len(out.Runs[0].Results[0].Suppressions); n != 0 {
		t.Errorf("a finding without a waiver has %d suppressions", n)
	}
	want := struct{ Kind, Status, Justification string }{"external", "accepted", "A documented example. (owner ana, until 2027-01-31)"}
	if got := out.Runs[0].Results[1].Suppressions; len(got) != 1 || got[0] != want {
		t.Errorf("suppressions %+v, want %+v", got, want)
	}
}
