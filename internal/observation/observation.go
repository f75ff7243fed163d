// Package observation holds what a server said of itself in an MCP session, as the committed tools.json records it.
package observation

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Observation is everything that a server declares to a client before a tool is called. Nothing in it depends on the run: no time, no
// duration, no order of arrival.
type Observation struct {
	Server Implementation `json:"server"`
	// ProtocolVersions are the revisions of MCP that the server supports, newest first: all that server/discover lists, or the one that
	// initialize agreed on.
	ProtocolVersions []string        `json:"protocolVersions"`
	Capabilities     json.RawMessage `json:"capabilities,omitempty"`
	Extensions       json.RawMessage `json:"extensions,omitempty"`
	Instructions     string          `json:"instructions,omitempty"`
	Tools            []Definition    `json:"tools"`
	Prompts          []Definition    `json:"prompts,omitempty"`
	Resources        []Definition    `json:"resources,omitempty"`
	Templates        []Definition    `json:"resourceTemplates,omitempty"`
	// Auth is there if the server, as anyone may ask it, wants authentication. It has told the rest then as far as it tells that to anyone.
	Auth *Auth `json:"auth,omitempty"`
}

// Implementation names the server software.
type Implementation struct {
	Name    string `json:"name"`
	Title   string `json:"title,omitempty"`
	Version string `json:"version"`
}

// Definition is a tool, prompt, resource or template exactly as the server sent it, unknown members included.
type Definition struct {
	// Key orders and identifies the definition: a name, or a resource's URI.
	Key string
	// JSON is the whole object.
	JSON json.RawMessage
}

// MarshalJSON returns the definition as the server sent it.
func (d Definition) MarshalJSON() ([]byte, error) { return d.JSON, nil }

// UnmarshalJSON keeps the object; its key depends on the list that it stands in, see [Observation.UnmarshalJSON].
func (d *Definition) UnmarshalJSON(data []byte) error {
	d.JSON = append(d.JSON[:0], data...)
	return nil
}

// Define returns the definition that object is, keyed by its string member called key: exactly so, where encoding/json would also take
// another letter case.
func Define(object json.RawMessage, key string) (Definition, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(object, &members); err != nil {
		return Definition{}, err
	}
	d := Definition{JSON: object}
	if err := json.Unmarshal(members[key], &d.Key); err != nil || d.Key == "" {
		return Definition{}, fmt.Errorf("a definition has no text in its member %q", key)
	}
	return d, nil
}

// UnmarshalJSON reads an observation and gives each definition its key. Unknown members of the observation itself are an error, those of a
// definition are kept.
func (o *Observation) UnmarshalJSON(data []byte) error {
	type plain Observation
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode((*plain)(o)); err != nil {
		return err
	}
	for _, list := range []struct {
		definitions []Definition
		member      string
	}{{o.Tools, "name"}, {o.Prompts, "name"}, {o.Resources, "uri"}, {o.Templates, "uriTemplate"}} {
		for i, d := range list.definitions {
			var err error
			if list.definitions[i], err = Define(d.JSON, list.member); err != nil {
				return err
			}
		}
	}
	return nil
}
