// Package catalogtest holds entries with a known verdict, for every judge that must come to it: catalogctl's loader and the stock cue
// command.
package catalogtest

import (
	"strings"

	"github.com/slipway-dev/slipway/internal/entry"
)

// Verdict is an entry called "server", and whether the definitions accept it.
type Verdict struct {
	Name     string
	Kind     entry.Kind
	Source   string
	Accepted bool
}

const head = `package entry

import "github.com/slipway-dev/slipway/schema"

schema.#DEFINITION

name:        "server"
title:       "A server"
description: "Serves what it is asked for"
publisher: name: "Somebody"
`

// least is, for each kind, the shortest entry that is accepted.
var least = map[entry.Kind]string{
	entry.NPX: strings.Replace(head, "DEFINITION", "NPX", 1) + "package: {\n\tname:    \"@scope/server\"\n\tversion: \"1.2.3\"\n}\n",
	entry.UVX: strings.Replace(head, "DEFINITION", "UVX", 1) + "package: {\n\tname:    \"mcp-server\"\n\tversion: \"1.2.3\"\n}\n",
	entry.Go:  strings.Replace(head, "DEFINITION", "Go", 1) + "package: {\n\tname:    \"example.com/server/cmd/server\"\n\tversion: \"v1.2.3\"\n}\n",
	entry.Container: strings.Replace(head, "DEFINITION", "Container", 1) + "image: {\n\tname:   \"registry.example.com/owner/server\"\n\ttag:    \"1.2.3\"\n" +
		"\tdigest: \"sha256:" + strings.Repeat("0a", 32) + "\"\n}\n",
	entry.Remote: strings.Replace(head, "DEFINITION", "Remote", 1) + "remote: url: \"https://mcp.example.com/mcp\"\n",
	entry.Skill:  strings.Replace(head, "DEFINITION", "Skill", 1) + "version: \"1.2.3\"\n",
}

// Verdicts returns every case.
func Verdicts() []Verdict {
	var all []Verdict
	for _, kind := range []entry.Kind{entry.NPX, entry.UVX, entry.Go, entry.Container, entry.Remote, entry.Skill} {
		all = append(all,
			Verdict{"least " + string(kind), kind, least[kind], true},
			Verdict{"unknown field of " + string(kind), kind, least[kind] + "unheard: \"of\"\n", false},
			Verdict{"no title for " + string(kind), kind, strings.Replace(least[kind], "title:", "// title:", 1), false},
		)
	}
	for _, c := range added {
		all = append(all, Verdict{c.name, c.kind, least[c.kind] + c.text + "\n", c.accepted})
	}
	for _, c := range replaced {
		all = append(all, Verdict{c.name, c.kind, strings.Replace(least[c.kind], c.from, c.to, 1), c.accepted})
	}
	return all
}
