package builtin_test

import (
	"testing"

	"github.com/slipway-dev/slipway/internal/finding"
	"github.com/slipway-dev/slipway/internal/observation"
)

type members = map[string]any

func reviewed() members {
	return members{
		"name": "sum", "title": "Sum", "description": "Adds two numbers.",
		"annotations": members{"readOnlyHint": true, "destructiveHint": false, "openWorldHint": false},
		"inputSchema": members{"type": "object", "properties": members{"a": members{"type": "number"}}, "required": []any{"a"}},
	}
}

func TestChangesAgainstTheReviewedFile(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		edit func(o *observation.Observation, m members)
		rule string
		want finding.Severity
	}{
		{"description", func(_ *observation.Observation, m members) { m["description"] = "Adds numbers." }, "changed-tool", finding.Medium},
		{"description gone", func(_ *observation.Observation, m members) { delete(m, "description") }, "changed-tool", finding.Medium},
		{"title", func(_ *observation.Observation, m members) { m["title"] = "Other" }, "changed-tool", finding.Medium},
		{"output schema", func(_ *observation.Observation, m members) { m["outputSchema"] = members{"type": "object"} }, "changed-tool", finding.Medium},
		{"new parameter", func(_ *observation.Observation, m members) {
			m["inputSchema"].(members)["properties"].(members)["context"] = members{"type": "string"}
		}, "changed-tool", finding.Medium},
		{"parameter text", func(_ *observation.Observation, m members) {
			m["inputSchema"].(members)["properties"].(members)["a"].(members)["description"] = "first"
		}, "changed-tool", finding.Medium},
		{"no longer read-only", func(_ *observation.Observation, m members) { m["annotations"].(members)["readOnlyHint"] = false }, "changed-tool", finding.High},
		{"read-only unsaid", func(_ *observation.Observation, m members) { delete(m["annotations"].(members), "readOnlyHint") }, "changed-tool", finding.High},
		{"destructive unsaid", func(_ *observation.Observation, m members) { delete(m["annotations"].(members), "destructiveHint") }, "changed-tool", finding.High},
		{"annotations gone", func(_ *observation.Observation, m members) { delete(m, "annotations") }, "changed-tool", finding.High},
		{"annotation title", func(_ *observation.Observation, m members) { m["annotations"].(members)["title"] = "Sums" }, "changed-tool", finding.Low},
		{"annotations odd", func(_ *observation.Observation, m members) { m["annotations"] = "all fine" }, "changed-tool", finding.High},
		{"added", func(o *observation.Observation, _ members) { o.Tools = append(o.Tools, named(t, "extra").Tools...) }, "added-tool", finding.Low},
		{"added prompt", func(o *observation.Observation, _ members) { o.Prompts = named(t, "extra").Tools }, "added-tool", finding.Low},
		{"renamed", func(_ *observation.Observation, m members) { m["name"] = "total" }, "removed-tool", finding.Low},
		{"instructions", func(o *observation.Observation, _ members) { o.Instructions = "Be kind." }, "changed-instructions", finding.Medium},
		{"server version", func(o *observation.Observation, _ members) { o.Server.Version = "2" }, "stale-observation", finding.High},
		{"capabilities", func(o *observation.Observation, _ members) { o.Capabilities = []byte(`{"sampling":{}}`) }, "stale-observation", finding.High},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			baseline := observation.Observation{Tools: []observation.Definition{tool(t, reviewed())}}
			m := reviewed()
			var now observation.Observation
			tt.edit(&now, m)
			now.Tools = append([]observation.Definition{tool(t, m)}, now.Tools...)
			found, stale := finding.Unknown, false
			for _, f := range scanned(t, now, &baseline, nil) {
				if f.Rule == tt.rule {
					found = max(found, f.Severity)
				}
				stale = stale || f.Rule == "stale-observation"
			}
			if found != tt.want {
				t.Errorf("%s is %s, want %s", tt.rule, found, tt.want)
			}
			if !stale {
				t.Error("the committed file is not called stale")
			}
		})
	}
}

func TestSameObservationIsNoChange(t *testing.T) {
	t.Parallel()
	o := observation.Observation{Tools: []observation.Definition{tool(t, reviewed()), named(t, "alpha").Tools[0]}}
	swapped := observation.Observation{Tools: []observation.Definition{o.Tools[1], o.Tools[0]}}
	for _, baseline := range []observation.Observation{o, swapped} {
		for _, f := range scanned(t, o, &baseline, nil) {
			if f.Severity > finding.Info {
				t.Errorf("%+v", f)
			}
		}
	}
}
