package comment

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/observation"
)

// maxFields bounds how many fields of one definition are named.
const maxFields = 20

// Status is what became of a definition.
type Status string

// The statuses of a definition.
const (
	Added   Status = "added"
	Removed Status = "removed"
	Changed Status = "changed"
)

// Difference is one thing that a server says of itself otherwise than before.
type Difference struct {
	Status Status
	What   string   // such as "tool" or "instructions"
	Name   string   // of the tool, prompt, resource or template
	Fields []string // that changed, such as inputSchema.properties.url.description
}

// Compare returns how what a server says of itself differs from what it said before, the tools first. Without a before all is added.
func Compare(before *observation.Observation, after observation.Observation) []Difference {
	var old observation.Observation
	if before != nil {
		old = *before
	}
	var all []Difference
	for _, list := range []struct {
		what        string
		before, now []observation.Definition
	}{
		{"tool", old.Tools, after.Tools},
		{"prompt", old.Prompts, after.Prompts},
		{"resource", old.Resources, after.Resources},
		{"resource template", old.Templates, after.Templates},
	} {
		all = append(all, compareList(list.what, list.before, list.now)...)
	}
	if before == nil {
		return all
	}
	for _, part := range []struct {
		what        string
		before, now any
	}{
		{"instructions", old.Instructions, after.Instructions},
		{"authentication", old.Auth, after.Auth},
		{"server", old.Server, after.Server},
		{"protocol versions", old.ProtocolVersions, after.ProtocolVersions},
		{"capabilities", value(old.Capabilities), value(after.Capabilities)},
		{"extensions", value(old.Extensions), value(after.Extensions)},
	} {
		if !reflect.DeepEqual(part.before, part.now) {
			all = append(all, Difference{Status: Changed, What: part.what})
		}
	}
	return all
}

// compareList compares definitions by their keys. Of several with one key each is compared with the one in its place.
func compareList(what string, before, now []observation.Definition) []Difference {
	was, is := byKey(before), byKey(now)
	keys := slices.Sorted(maps.Keys(is))
	for key := range was {
		if is[key] == nil {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	var all []Difference
	for _, key := range keys {
		for i := range max(len(was[key]), len(is[key])) {
			d := Difference{Status: Changed, What: what, Name: key}
			switch {
			case i >= len(was[key]):
				d.Status = Added
			case i >= len(is[key]):
				d.Status = Removed
			default:
				d.Fields = fields("", was[key][i], is[key][i])
				if len(d.Fields) == 0 {
					continue
				}
			}
			all = append(all, d)
		}
	}
	return all
}

func byKey(definitions []observation.Definition) map[string][]any {
	m := map[string][]any{}
	for _, d := range definitions {
		m[d.Key] = append(m[d.Key], value(d.JSON))
	}
	return m
}

// value decodes JSON with its numbers as they were written. What is no JSON is compared as text.
func value(raw json.RawMessage) any {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return string(raw)
	}
	return v
}

// fields returns the paths of the members in which two values differ, sorted, and at most a few.
func fields(path string, before, now any) []string {
	was, ok := before.(map[string]any)
	is, both := now.(map[string]any)
	if !ok || !both {
		if reflect.DeepEqual(before, now) {
			return nil
		}
		return []string{strings.TrimPrefix(path, ".")}
	}
	names := slices.Sorted(maps.Keys(is))
	for name := range was {
		if _, there := is[name]; !there {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	var all []string
	for _, name := range names {
		a, inOld := was[name]
		b, inNew := is[name]
		switch {
		case inOld && inNew:
			all = append(all, fields(path+"."+name, a, b)...)
		case inNew:
			all = append(all, strings.TrimPrefix(path+"."+name, ".")+" (new)")
		default:
			all = append(all, strings.TrimPrefix(path+"."+name, ".")+" (gone)")
		}
	}
	if path == "" && len(all) > maxFields {
		all = append(all[:maxFields:maxFields], fmt.Sprintf("and %d more", len(all)-maxFields))
	}
	return all
}
