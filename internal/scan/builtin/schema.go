package builtin

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/finding"
	"github.com/slipway-dev/slipway/internal/scan"
)

// schemaChange says how a tool's input schema changed: what it newly takes is what a model may newly be led to send.
func schemaChange(old, now json.RawMessage) change {
	type schema struct {
		Properties map[string]json.RawMessage `json:"properties"`
		Required   []string                   `json:"required"`
	}
	var before, after schema
	c := change{finding.Medium, "The tool's input schema is not the reviewed one.", "inputSchema: " + difference(string(old), string(now))}
	if json.Unmarshal(old, &before) != nil || json.Unmarshal(now, &after) != nil {
		return c
	}
	var added, changed, removed []string
	for _, parameter := range sortedUnion(before.Properties, after.Properties) {
		was, had := before.Properties[parameter]
		is, has := after.Properties[parameter]
		switch {
		case !had:
			added = append(added, scan.Printable(parameter, 60))
		case !has:
			removed = append(removed, scan.Printable(parameter, 60))
		case string(was) != string(is):
			changed = append(changed, scan.Printable(parameter, 60))
		}
	}
	var parts []string
	for _, part := range []struct {
		verb  string
		names []string
	}{{"takes", added}, {"takes differently", changed}, {"no longer takes", removed}} {
		if len(part.names) > 0 {
			parts = append(parts, part.verb+" "+strings.Join(part.names[:min(5, len(part.names))], ", "))
		}
	}
	if len(parts) > 0 {
		c.message = fmt.Sprintf("The tool's input schema is not the reviewed one: it now %s.", strings.Join(parts, "; "))
	}
	return c
}

// sortedUnion returns the keys of both maps in order.
func sortedUnion(a, b map[string]json.RawMessage) []string {
	keys := slices.AppendSeq(slices.Collect(maps.Keys(a)), maps.Keys(b))
	slices.Sort(keys)
	return slices.Compact(keys)
}
