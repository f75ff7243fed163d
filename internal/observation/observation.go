// Package observation holds what a server said of itself in an MCP session, as the committed tools.json records it.
package observation

import "encoding/json"

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

// UnmarshalJSON keeps the object and takes its key from name, uri or uriTemplate.
func (d *Definition) UnmarshalJSON(data []byte) error {
	var key struct {
		Name        string `json:"name"`
		URI         string `json:"uri"`
		URITemplate string `json:"uriTemplate"`
	}
	if err := json.Unmarshal(data, &key); err != nil {
		return err
	}
	d.Key = key.Name
	switch {
	case key.URI != "":
		d.Key = key.URI
	case key.URITemplate != "":
		d.Key = key.URITemplate
	}
	d.JSON = append(d.JSON[:0], data...)
	return nil
}
