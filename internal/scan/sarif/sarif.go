// Package sarif writes scan reports as SARIF 2.1.0 (OASIS, Static Analysis Results Interchange Format), in the form that code scanning
// services read: one run a scanner, severities as numbers beside the levels, and waived findings as suppressed results.
package sarif

import (
	"bytes"
	"fmt"
	"slices"

	log "github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"

	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/finding"
	"github.com/slipway-dev/slipway/internal/scan"
)

// schema is where SARIF 2.1.0 with errata 01 says that its JSON schema lies.
const schema = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

// Encode returns the reports about one entry, named by its identifier, as an indented SARIF log. Waivers are those that took effect, by the
// fingerprint of their finding. Equal arguments encode to equal bytes.
func Encode(id string, reports []scan.Report, waivers map[string]entry.Waiver) ([]byte, error) {
	out := log.NewReport()
	out.Schema = schema
	for _, r := range reports {
		out.AddRun(run(id, r, waivers))
	}
	var buffer bytes.Buffer
	if err := out.PrettyWrite(&buffer); err != nil {
		return nil, fmt.Errorf("encode SARIF of %s: %w", id, err)
	}
	buffer.WriteByte('\n')
	return buffer.Bytes(), nil
}

// run tells what one scanner did. A failed one says so in its invocation, so that no reader takes few results for a clean bill.
func run(id string, r scan.Report, waivers map[string]entry.Waiver) *log.Run {
	driver := log.NewToolComponent().WithName(r.Scanner).WithVersion(r.Version)
	rules := rulesOf(r)
	index := make(map[string]int, len(rules))
	for i, rule := range rules {
		index[rule.ID] = i
		driver.AddRule(descriptor(rule))
	}
	invocation := log.NewInvocation().WithExecutionSuccessful(r.Failure == "")
	if r.Failure != "" {
		invocation.AddToolExecutionNotification(log.NewNotification().WithLevel("error").WithMessage(log.NewTextMessage(r.Failure)))
	}
	out := log.NewRun().WithTool(log.NewTool().WithDriver(driver)).
		WithAutomationDetails(log.NewRunAutomationDetails().WithID(id + "/" + r.Scanner + "/")).
		AddInvocation(invocation)
	out.WithColumnKind("utf16CodeUnits")
	out.WithProperties(properties(map[string]any{"definitions": r.Of, "definitionsSeen": r.Seen}))
	for _, f := range r.Findings {
		out.AddResult(result(f, index[f.Rule], waivers))
	}
	return out
}

// rulesOf returns the scanner's rules by identifier, with those added that only its findings name.
func rulesOf(r scan.Report) []scan.Rule {
	rules := slices.Clone(r.Rules)
	known := make(map[string]int, len(rules))
	for i, rule := range rules {
		known[rule.ID] = i
	}
	described := len(rules)
	for _, f := range r.Findings {
		i, ok := known[f.Rule]
		if !ok {
			i = len(rules)
			known[f.Rule] = i
			rules = append(rules, scan.Rule{ID: f.Rule, Summary: f.Rule, Help: f.Help, Severity: f.Severity, Taxonomy: f.Taxonomy})
		}
		if i >= described && f.Severity != finding.Unknown {
			rules[i].Severity = max(rules[i].Severity, f.Severity)
		}
	}
	return rules
}

func descriptor(rule scan.Rule) *log.ReportingDescriptor {
	bag := properties(map[string]any{"security-severity": score(rule.Severity)}).WithTags(append([]string{"security"}, rule.Taxonomy...))
	d := log.NewReportingDescriptor().WithID(rule.ID).WithName(rule.ID).
		WithShortDescription(log.NewMultiformatMessageString().WithText(rule.Summary)).
		WithDefaultConfiguration(log.NewReportingConfiguration().WithLevel(level(rule.Severity))).
		WithProperties(bag)
	if rule.Help != "" {
		d.WithHelp(log.NewMultiformatMessageString().WithText(rule.Help))
	}
	return d
}

func result(f finding.Finding, rule int, waivers map[string]entry.Waiver) *log.Result {
	r := log.NewResult().WithRuleID(f.Rule).WithRuleIndex(rule).WithKind("fail").WithLevel(level(f.Severity)).
		WithMessage(log.NewTextMessage(f.Message)).
		WithPartialFingerprints(map[string]string{"slipway/v1": f.Fingerprint}).
		AddLocation(location(f)).
		WithProperties(properties(map[string]any{
			"severity": f.Severity.String(), "security-severity": score(f.Severity), "evidence": f.Evidence, "help": f.Help, "pointer": f.Location.Pointer,
		}))
	if w, ok := waivers[f.Fingerprint]; ok {
		r.AddSuppression(log.NewSuppression().WithKind("external").WithStatus("accepted").
			WithJustification(fmt.Sprintf("%s (owner %s, until %s)", w.Reason, w.Owner, w.Expires)))
	}
	return r
}

// location points into the file, and names the tool for readers without it. A finding about a file as a whole is shown at its top.
func location(f finding.Finding) *log.Location {
	at := log.NewLocation()
	if f.Location.File != "" {
		at.WithPhysicalLocation(log.NewPhysicalLocation().
			WithArtifactLocation(log.NewArtifactLocation().WithURI(reference(f.Location.File))).
			WithRegion(log.NewRegion().WithStartLine(max(1, f.Location.Line))))
	}
	if f.Target != "" {
		at.AddLogicalLocation(log.NewLogicalLocation().WithFullyQualifiedName(f.Target))
	}
	return at
}

func properties(values map[string]any) *log.PropertyBag {
	bag := log.NewPropertyBag()
	for name, value := range values {
		if value != "" {
			bag.Add(name, value)
		}
	}
	return bag
}
