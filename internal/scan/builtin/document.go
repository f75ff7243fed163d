package builtin

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway/internal/observation"
	"github.com/slipway-dev/slipway/internal/scan"
)

// place is where in tools.json, or in another file, something stands.
type place struct {
	file    string // empty for tools.json
	target  string // such as "tool/search"
	pointer string // RFC 6901
	line    int    // from 1
}

// role is what a string means to a client.
type role int

const (
	prose     role = iota // any other string value
	name                  // of a tool, prompt, resource, argument or server
	parameter             // a member of a schema's properties
	member                // any other member name that is not plain ASCII
)

// text is one string of the observation.
type text struct {
	place
	role  role
	value string
	clean bool // only printable ASCII, tabs and line ends
}

// definition is a tool, prompt, resource or template with its place.
type definition struct {
	place
	kind string // tool, prompt, resource or resourceTemplate
	key  string
	json json.RawMessage
}

// document is a canonical observation, taken apart.
type document struct {
	observation observation.Observation
	texts       []text
	definitions []definition
}

// sections maps the observation's lists to what their elements are called.
var sections = map[string]string{"tools": "tool", "prompts": "prompt", "resources": "resource", "resourceTemplates": "resourceTemplate"}

// read walks the canonical JSON once, noting pointer and line of every string.
func read(o observation.Observation, canonical []byte) (*document, error) {
	doc := &document{observation: o}
	lists := map[string][]observation.Definition{
		"tools": o.Tools, "prompts": o.Prompts, "resources": o.Resources, "resourceTemplates": o.Templates,
	}
	w := walker{dec: json.NewDecoder(bytes.NewReader(canonical)), canonical: canonical, line: 1}
	w.dec.UseNumber()
	w.visit = func(path []string, isName bool, value string) error {
		at := place{pointer: pointer(path), line: w.line, target: path[0]}
		if kind, ok := sections[path[0]]; ok && len(path) > 1 {
			i, err := strconv.Atoi(path[1])
			if err != nil || i >= len(lists[path[0]]) {
				return fmt.Errorf("%s: not an element of the list", at.pointer)
			}
			at.target = kind + "/" + scan.Printable(lists[path[0]][i].Key, 120)
		}
		if len(value) > MaxText {
			return fmt.Errorf("the text at %s has %d bytes; at most %d can be scanned", at.pointer, len(value), MaxText)
		}
		t := text{place: at, value: value, clean: plain(value), role: roleOf(path, isName)}
		if t.role == member && t.clean {
			return nil
		}
		doc.texts = append(doc.texts, t)
		return nil
	}
	w.open = func(path []string) {
		kind, ok := sections[path[0]]
		if !ok || len(path) != 2 {
			return
		}
		if i, err := strconv.Atoi(path[1]); err == nil && i < len(lists[path[0]]) {
			d := lists[path[0]][i]
			at := place{pointer: pointer(path), line: w.line, target: kind + "/" + scan.Printable(d.Key, 120)}
			doc.definitions = append(doc.definitions, definition{place: at, kind: kind, key: d.Key, json: compact(d.JSON)})
		}
	}
	if err := w.value(nil); err != nil {
		return nil, fmt.Errorf("read the canonical observation: %w", err)
	}
	return doc, nil
}

// roleOf tells names from prose by where they stand.
func roleOf(path []string, isName bool) role {
	last, depth := path[len(path)-1], len(path)
	switch {
	case isName && depth > 1 && path[depth-2] == "properties":
		return parameter
	case isName:
		return member
	case last != "name" && last != "title":
		return prose
	case depth == 3 && sections[path[0]] != "" && last == "name",
		depth == 5 && path[0] == "prompts" && path[2] == "arguments" && last == "name",
		depth == 2 && path[0] == "server" && last == "name":
		return name
	}
	return prose
}

// walker reads one JSON value token by token.
type walker struct {
	dec       *json.Decoder
	canonical []byte
	counted   int64 // bytes whose line ends are in line
	line      int
	visit     func(path []string, isName bool, value string) error
	open      func(path []string) // called for every object below the top
}

func (w *walker) token() (json.Token, error) {
	token, err := w.dec.Token()
	if err != nil {
		return nil, err
	}
	end := w.dec.InputOffset()
	w.line += bytes.Count(w.canonical[w.counted:end], []byte{'\n'}) // canonical strings hold no line ends
	w.counted = end
	return token, nil
}

func (w *walker) value(path []string) error {
	token, err := w.token()
	if err != nil {
		return err
	}
	switch t := token.(type) {
	case string:
		return w.visit(path, false, t)
	case json.Delim:
		if t == '{' && len(path) > 0 {
			w.open(path)
		}
		return w.container(path, t)
	}
	return nil
}

func (w *walker) container(path []string, kind json.Delim) error {
	for i := 0; w.dec.More(); i++ {
		segment := strconv.Itoa(i)
		if kind == '{' {
			token, err := w.token()
			if err != nil {
				return err
			}
			segment, _ = token.(string) // a key is nothing else
			if err := w.visit(append(path, segment), true, segment); err != nil {
				return err
			}
		}
		if err := w.value(append(path, segment)); err != nil {
			return err
		}
	}
	_, err := w.token()
	return err
}

var escapePointer = strings.NewReplacer("~", "~0", "/", "~1")

func pointer(path []string) string {
	var b strings.Builder
	for _, segment := range path {
		b.WriteByte('/')
		b.WriteString(escapePointer.Replace(segment))
	}
	return b.String()
}

// compact drops the canonical form's indentation, which says nothing.
func compact(raw json.RawMessage) json.RawMessage {
	var out bytes.Buffer
	if err := json.Compact(&out, raw); err != nil {
		return raw
	}
	return out.Bytes()
}

// plain reports whether s is printable ASCII, tabs and line ends only.
func plain(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; (c < ' ' && c != '\n' && c != '\t' && c != '\r') || c > '~' {
			return false
		}
	}
	return true
}
