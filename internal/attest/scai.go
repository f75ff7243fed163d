package attest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	scaipb "github.com/in-toto/attestation/go/predicates/scai/v0"
	intoto "github.com/in-toto/attestation/go/v1"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/finding"
)

// SCAIType is the predicate type of an SCAI attribute report v0.3.
const SCAIType = "https://in-toto.io/attestation/scai/v0.3"

// The attributes of a report, in the order in which they stand: one of the first two, then how the server was observed, then the findings.
const (
	ScanPassed = "MCP_SECURITY_SCAN_PASSED"
	ScanFailed = "MCP_SECURITY_SCAN_FAILED"
	Observed   = "MCP_SERVER_OBSERVED"
	Found      = "MCP_SECURITY_FINDING"
)

// conditionRun holds what changes from run to run, so that [Statement.Identity] can leave it out.
const conditionRun = "run"

// Assessment is what is known of an image's security when it is published.
type Assessment struct {
	Pass     bool // the gate's verdict
	Scanners []Scanner
	Findings []Judged // every finding, whatever became of it

	Platforms     []Platform
	FirstToolList time.Duration // from the start of the server to its first tool list; 0 where none was booted
	Finished      time.Time     // end of the last scan

	Report Evidence // SARIF
	Tools  Evidence // tools.json

	Producer Builder
}

// Scanner is a scanner that answered.
type Scanner struct{ Name, Version string }

// Judged is a finding and what the gate made of it.
type Judged struct {
	finding.Finding
	Disposition string        // the gate's word, such as "waived"
	Waiver      *entry.Waiver // the exception, if there is one
}

// Platform is one platform's image.
type Platform struct {
	Name   string // such as "linux/amd64"
	Digest string // "sha256:…" of the manifest
	Size   int64  // compressed bytes of all layers
	Booted bool   // whether this image was run; the others were only built
}

// Evidence is a file that a report rests on.
type Evidence struct {
	Name      string
	MediaType string
	Digest    string // "sha256:…"; empty where there is none
}

func (e Evidence) descriptor() *intoto.ResourceDescriptor {
	if e.Digest == "" {
		return nil
	}
	algorithm, hex, _ := strings.Cut(e.Digest, ":")
	return &intoto.ResourceDescriptor{Name: e.Name, MediaType: e.MediaType, Digest: map[string]string{algorithm: hex}}
}

// SCAI states what was found out about the subject, finding by finding, in an SCAI attribute report v0.3.
func SCAI(about Subject, a Assessment) (Statement, error) {
	summary, err := a.summary()
	if err != nil {
		return Statement{}, fmt.Errorf("SCAI report: %w", err)
	}
	observed, err := a.observed()
	if err != nil {
		return Statement{}, fmt.Errorf("SCAI report: %w", err)
	}
	attributes := []*scaipb.AttributeAssertion{summary, observed}
	findings := slices.Clone(a.Findings)
	slices.SortStableFunc(findings, func(x, y Judged) int { return strings.Compare(x.key(), y.key()) })
	for _, f := range findings {
		attribute, err := f.attribute()
		if err != nil {
			return Statement{}, fmt.Errorf("SCAI report: finding %s: %w", f.Fingerprint, err)
		}
		attributes = append(attributes, attribute)
	}
	return buildProto(about, SCAIType, &scaipb.AttributeReport{
		Attributes: attributes,
		Producer: &intoto.ResourceDescriptor{
			Uri: a.Producer.ID, Name: "slipway", Annotations: text(map[string]string{"version": a.Producer.Version}),
		},
	})
}

func (a Assessment) summary() (*scaipb.AttributeAssertion, error) {
	scanners := make([]any, 0, len(a.Scanners))
	for _, s := range slices.SortedFunc(slices.Values(a.Scanners), func(x, y Scanner) int { return strings.Compare(x.Name, y.Name) }) {
		scanners = append(scanners, map[string]any{"name": s.Name, "version": s.Version})
	}
	dispositions := map[string]any{}
	for _, f := range a.Findings {
		n, _ := dispositions[f.Disposition].(int)
		dispositions[f.Disposition] = n + 1
	}
	name, verdict := ScanFailed, "fail"
	if a.Pass {
		name, verdict = ScanPassed, "pass"
	}
	conditions, err := structpb.NewStruct(map[string]any{
		"verdict":    verdict,
		"scanners":   scanners,
		"findings":   dispositions,
		conditionRun: map[string]any{"finishedOn": a.Finished.UTC().Format(time.RFC3339)},
	})
	if err != nil {
		return nil, err
	}
	return &scaipb.AttributeAssertion{Attribute: name, Conditions: conditions, Evidence: a.Report.descriptor()}, nil
}

func (a Assessment) observed() (*scaipb.AttributeAssertion, error) {
	platforms := make([]any, 0, len(a.Platforms))
	for _, p := range slices.SortedFunc(slices.Values(a.Platforms), func(x, y Platform) int { return strings.Compare(x.Name, y.Name) }) {
		how := "built"
		if p.Booted {
			how = "booted"
		}
		platforms = append(platforms, map[string]any{"platform": p.Name, "digest": p.Digest, "compressedBytes": p.Size, "checked": how})
	}
	run := map[string]any{}
	if a.FirstToolList > 0 {
		run["firstToolListMilliseconds"] = a.FirstToolList.Milliseconds()
	}
	conditions, err := structpb.NewStruct(map[string]any{"platforms": platforms, conditionRun: run})
	if err != nil {
		return nil, err
	}
	return &scaipb.AttributeAssertion{Attribute: Observed, Conditions: conditions, Evidence: a.Tools.descriptor()}, nil
}

func (f Judged) key() string {
	return f.Scanner + "\x00" + f.Rule + "\x00" + f.Target + "\x00" + f.Fingerprint
}

func (f Judged) attribute() (*scaipb.AttributeAssertion, error) {
	conditions := map[string]any{
		"scanner": f.Scanner, "version": f.Version, "rule": f.Rule, "severity": f.Severity.String(),
		"message": f.Message, "fingerprint": f.Fingerprint, "disposition": f.Disposition,
	}
	if f.Waiver != nil {
		conditions["waiver"] = map[string]any{"owner": f.Waiver.Owner, "reason": f.Waiver.Reason, "expires": f.Waiver.Expires}
	}
	encoded, err := structpb.NewStruct(conditions)
	if err != nil {
		return nil, err
	}
	attribute := &scaipb.AttributeAssertion{Attribute: Found, Conditions: encoded}
	if f.Target != "" {
		attribute.Target = &intoto.ResourceDescriptor{Name: f.Target}
	}
	return attribute, nil
}

func text(m map[string]string) *structpb.Struct {
	out := &structpb.Struct{Fields: map[string]*structpb.Value{}}
	for k, v := range m {
		out.Fields[k] = structpb.NewStringValue(v)
	}
	return out
}
