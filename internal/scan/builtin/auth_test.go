package builtin_test

import (
	"context"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/finding"
	"github.com/slipway-dev/slipway/internal/observation"
	"github.com/slipway-dev/slipway/internal/scan"
	"github.com/slipway-dev/slipway/internal/scan/builtin"
)

// locked wants a token of an issuer.
func locked(issuer string, scopes ...string) observation.Observation {
	return observation.Observation{Auth: &observation.Auth{
		Schemes: []string{"bearer"}, Scopes: scopes, Servers: []observation.AuthorizationServer{{Issuer: issuer, TokenEndpoint: issuer + "/token"}},
	}}
}

func TestAuthenticationOfRemotes(t *testing.T) {
	t.Parallel()
	const ours, theirs = "https://login.example.com", "https://login.example.net"
	open := observation.Observation{Tools: []observation.Definition{tool(t, reviewed())}}
	oauth := &entry.Server{OAuth: &entry.OAuth{Issuer: ours}}
	for name, tt := range map[string]struct {
		server   *entry.Server
		before   *observation.Observation
		now      observation.Observation
		expected map[string]finding.Severity
	}{
		"as promised":       {oauth, nil, locked(ours), nil},
		"any issuer":        {&entry.Server{OAuth: &entry.OAuth{}}, nil, locked(ours), nil},
		"a header":          {&entry.Server{Headers: []entry.Variable{{Name: "X-Key"}}}, nil, observation.Observation{Auth: &observation.Auth{}}, nil},
		"unchanged":         {oauth, ptr(locked(ours)), locked(ours), nil},
		"open":              {oauth, nil, open, nil},
		"undeclared":        {&entry.Server{}, nil, locked(ours), map[string]finding.Severity{"undeclared-authentication": finding.High}},
		"another issuer":    {oauth, nil, locked(theirs), map[string]finding.Severity{"undeclared-authentication": finding.High}},
		"closed":            {oauth, &open, locked(ours), map[string]finding.Severity{"changed-authentication": finding.High, "stale-observation": finding.High}},
		"opened":            {oauth, ptr(locked(ours)), open, map[string]finding.Severity{"changed-authentication": finding.Medium, "stale-observation": finding.High, "added-tool": finding.Low}},
		"moved":             {&entry.Server{OAuth: &entry.OAuth{}}, ptr(locked(ours)), locked(theirs), map[string]finding.Severity{"changed-authentication": finding.High, "stale-observation": finding.High}},
		"other permissions": {oauth, ptr(locked(ours, "read")), locked(ours, "read", "write"), map[string]finding.Severity{"changed-authentication": finding.Medium, "stale-observation": finding.High}},
		"no remote":         {nil, nil, locked(ours), nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := remoteFindings(t, entry.Entry{Kind: entry.Remote, Name: "x", Remote: tt.server}, tt.now, tt.before)
			for rule, want := range tt.expected {
				if got[rule] != want {
					t.Errorf("%s is %s, want %s", rule, got[rule], want)
				}
				delete(got, rule)
			}
			for rule, severity := range got {
				if severity > finding.Info {
					t.Errorf("%s is %s too", rule, severity)
				}
			}
		})
	}
}

func TestTheOlderTransportIsMarked(t *testing.T) {
	t.Parallel()
	open := observation.Observation{Tools: []observation.Definition{tool(t, reviewed())}}
	for transport, want := range map[entry.TransportType]finding.Severity{entry.SSE: finding.Low, entry.StreamableHTTP: finding.Unknown} {
		e := entry.Entry{Kind: entry.Remote, Name: "x", Remote: &entry.Server{}, Transport: &entry.Transport{Type: transport}}
		if got := remoteFindings(t, e, open, nil)["deprecated-transport"]; got != want {
			t.Errorf("%s: %s, want %s", transport, got, want)
		}
	}
}

func ptr(o observation.Observation) *observation.Observation { return &o }

// remoteFindings returns the highest severity of each rule. What is found must stand in a report without failure.
func remoteFindings(t *testing.T, e entry.Entry, now observation.Observation, before *observation.Observation) map[string]finding.Severity {
	t.Helper()
	subject := scan.Subject{Entry: e, File: "catalog/remote/x/tools.json", Observation: now, Baseline: before}
	report := scan.Run(context.Background(), []scan.Scanner{builtin.New(builtin.NewIndex(nil))}, subject, time.Minute)[0]
	if report.Failure != "" {
		t.Error(report.Failure)
	}
	found := map[string]finding.Severity{}
	for _, f := range report.Findings {
		found[f.Rule] = max(found[f.Rule], f.Severity)
	}
	return found
}
