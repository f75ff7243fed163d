package builtin_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/finding"
	"github.com/slipway-dev/slipway/internal/observation"
	"github.com/slipway-dev/slipway/internal/scan"
	"github.com/slipway-dev/slipway/internal/scan/builtin"
)

// sample is a text of testdata, and what the scanner must make of it.
type sample struct {
	Rule  string           `json:"rule"`
	Least finding.Severity `json:"least"`
	Role  string           `json:"role"`
	Text  string           `json:"text"`
}

func samples(t *testing.T, file string) []sample {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	var all []sample
	if err := json.Unmarshal(data, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// tool makes a definition of members.
func tool(t testing.TB, members map[string]any) observation.Definition {
	t.Helper()
	data, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	key := "name"
	for _, other := range []string{"uri", "uriTemplate"} {
		if members[other] != nil {
			key = other
		}
	}
	d, err := observation.Define(data, key)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// carrying returns an observation with the text where its role says.
func carrying(t testing.TB, role, text string) observation.Observation {
	t.Helper()
	members := map[string]any{"name": "sum", "annotations": map[string]any{"readOnlyHint": true}}
	switch role {
	case "name":
		members["name"] = text
	case "parameter":
		members["inputSchema"] = map[string]any{"type": "object", "properties": map[string]any{text: map[string]any{"type": "string"}}}
	default:
		members["description"] = text
	}
	return observation.Observation{Server: observation.Implementation{Name: "calc", Version: "1"}, Tools: []observation.Definition{tool(t, members)}}
}

func scanned(t testing.TB, o observation.Observation, baseline *observation.Observation, catalog map[string]observation.Observation) []finding.Finding {
	t.Helper()
	s := builtin.New(builtin.NewIndex(catalog))
	subject := scan.Subject{
		Entry: entry.Entry{Kind: entry.NPX, Name: "calc"}, File: "catalog/npx/calc/tools.json", Observation: o, Baseline: baseline,
	}
	result, err := s.Scan(context.Background(), subject)
	if err != nil {
		t.Fatal(err)
	}
	if result.Seen != subject.Definitions() {
		t.Errorf("saw %d of %d definitions", result.Seen, subject.Definitions())
	}
	return result.Findings
}

func TestAttacksAreFound(t *testing.T) {
	t.Parallel()
	for _, s := range samples(t, "attacks.json") {
		found := finding.Unknown
		for _, f := range scanned(t, carrying(t, s.Role, s.Text), nil, nil) {
			if f.Rule == s.Rule && f.Severity > found {
				found = f.Severity
			}
		}
		if found < s.Least {
			t.Errorf("%s: %+q: found %s, want at least %s", s.Rule, s.Text, found, s.Least)
		}
	}
}

func TestBenignTextIsLeftAlone(t *testing.T) {
	t.Parallel()
	for _, s := range samples(t, "benign.json") {
		for _, f := range scanned(t, carrying(t, s.Role, s.Text), nil, nil) {
			if f.Severity > finding.Info {
				t.Errorf("%+q: %s %s: %s (%s)", s.Text, f.Severity, f.Rule, f.Message, f.Evidence)
			}
		}
	}
}
