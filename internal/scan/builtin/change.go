package builtin

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/slipway-dev/slipway/internal/finding"
	"github.com/slipway-dev/slipway/internal/observation"
	"github.com/slipway-dev/slipway/internal/scan"
)

// checkChanges compares an observation with the reviewed one. Any difference at all makes the committed file stale; the further findings
// say what it means.
func checkChanges(baseline observation.Observation, doc *document, canonical []byte, add adder) error {
	reviewed, err := observation.Encode(baseline)
	if err == nil && bytes.Equal(canonical, reviewed) {
		return nil
	}
	before, _, err := open(baseline)
	if err != nil {
		return fmt.Errorf("the committed tools.json: %w", err)
	}
	add(place{target: "observation", pointer: "", line: 1}, finding.Finding{
		Rule: "stale-observation", Severity: finding.High,
		Message:  "The server says something else of itself than the committed tools.json, which is what was reviewed.",
		Evidence: "reviewed " + digest(string(reviewed)) + ", now " + digest(string(canonical)),
	})
	if was, is := before.observation.Instructions, doc.observation.Instructions; was != is {
		add(doc.find("/instructions", "instructions"), finding.Finding{
			Rule: "changed-instructions", Severity: finding.Medium,
			Message:  "The server's instructions to the model are not the reviewed ones.",
			Evidence: difference(was, is),
		})
	}
	checkAuthChange(before.observation.Auth, doc.observation.Auth, add)
	checkDefinitions(before, doc, add)
	return nil
}

// find returns the place of a text, or the top of the file where there is none.
func (doc *document) find(pointer, target string) place {
	for _, t := range doc.texts {
		if t.pointer == pointer {
			return t.place
		}
	}
	return place{target: target, line: 1}
}

// checkDefinitions pairs definitions by kind and key.
func checkDefinitions(before, now *document, add adder) {
	type identity struct{ kind, key string }
	reviewed := make(map[identity]definition, len(before.definitions))
	for _, d := range before.definitions {
		reviewed[identity{d.kind, d.key}] = d
	}
	for _, d := range now.definitions {
		was, ok := reviewed[identity{d.kind, d.key}]
		if !ok {
			add(d.place, finding.Finding{
				Rule: "added-tool", Severity: finding.Low,
				Message:  fmt.Sprintf("The %s was not there when tools.json was reviewed.", d.kind),
				Evidence: "sha256 " + digest(string(d.json)),
			})
			continue
		}
		delete(reviewed, identity{d.kind, d.key})
		if !bytes.Equal(was.json, d.json) {
			for _, c := range changes(was, d) {
				add(d.place, finding.Finding{Rule: "changed-tool", Severity: c.severity, Message: c.message, Evidence: c.evidence})
			}
		}
	}
	if before.observation.Auth == nil && now.observation.Auth != nil {
		return // nothing is known to be gone: it is only out of sight
	}
	for _, d := range before.definitions {
		if _, gone := reviewed[identity{d.kind, d.key}]; gone {
			add(place{target: d.target, pointer: "", line: 1}, finding.Finding{
				Rule: "removed-tool", Severity: finding.Low,
				Message:  fmt.Sprintf("The %s that was reviewed is gone.", d.kind),
				Evidence: "sha256 " + digest(string(d.json)),
			})
		}
	}
}

// change is one difference between two versions of a definition.
type change struct {
	severity          finding.Severity
	message, evidence string
}

// changes compares member by member.
func changes(was, is definition) []change {
	var before, after map[string]json.RawMessage
	if json.Unmarshal(was.json, &before) != nil || json.Unmarshal(is.json, &after) != nil {
		return []change{{finding.High, "The definition changed and is not an object that can be compared.", difference(string(was.json), string(is.json))}}
	}
	var found []change
	for _, member := range sortedUnion(before, after) {
		old, now := before[member], after[member]
		if bytes.Equal(old, now) {
			continue
		}
		switch member {
		case "annotations":
			found = append(found, annotationChanges(old, now)...)
		case "inputSchema":
			found = append(found, schemaChange(old, now))
		default:
			found = append(found, change{
				finding.Medium, fmt.Sprintf("The definition's %s is not the reviewed one.", scan.Printable(member, 80)),
				scan.Printable(member, 80) + ": " + difference(string(old), string(now)),
			})
		}
	}
	return found
}

// annotationChanges tells what a client would now treat differently. Absent hints have the defaults of the MCP schema (ToolAnnotations).
func annotationChanges(old, now json.RawMessage) []change {
	type hints struct {
		ReadOnly    *bool `json:"readOnlyHint"`
		Destructive *bool `json:"destructiveHint"`
		Idempotent  *bool `json:"idempotentHint"`
		OpenWorld   *bool `json:"openWorldHint"`
	}
	var before, after hints
	if old != nil && json.Unmarshal(old, &before) != nil || now != nil && json.Unmarshal(now, &after) != nil {
		return []change{{finding.High, "The tool's annotations changed and cannot be compared.", difference(string(old), string(now))}}
	}
	var weaker []string
	note := func(was, is bool, what string) {
		if was != is {
			weaker = append(weaker, what)
		}
	}
	value := func(hint *bool, absent bool) bool {
		if hint == nil {
			return absent
		}
		return *hint
	}
	if value(before.ReadOnly, false) {
		note(true, value(after.ReadOnly, false), "it no longer says that it only reads")
	}
	if !value(before.Destructive, true) {
		note(false, value(after.Destructive, true), "it no longer says that it destroys nothing")
	}
	if value(before.Idempotent, false) {
		note(true, value(after.Idempotent, false), "it no longer says that repeating it is harmless")
	}
	if !value(before.OpenWorld, true) {
		note(false, value(after.OpenWorld, true), "it no longer says that it stays in a closed world")
	}
	if value(after.ReadOnly, false) && !value(before.ReadOnly, false) {
		weaker = append(weaker, "it now claims only to read")
	}
	if len(weaker) > 0 {
		return []change{{finding.High, "The tool asks for more trust than when it was reviewed: " + strings.Join(weaker, ", ") + ".", difference(string(old), string(now))}}
	}
	return []change{{finding.Low, "The tool's annotations are not the reviewed ones.", difference(string(old), string(now))}}
}

// difference shows where two texts part, and names both by their hash.
func difference(was, is string) string {
	at := 0
	for at < len(was) && at < len(is) && was[at] == is[at] {
		at++
	}
	return fmt.Sprintf("%s → %s: %s", digest(was), digest(is), excerpt(is, min(at, len(is)), min(at+80, len(is))))
}
