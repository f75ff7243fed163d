package skill

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"go.yaml.in/yaml/v3"
)

// The values that a frontmatter may hold are string, bool, nil, json.Number, list and mapping: those of JSON.
type (
	list    []any
	mapping []member
)

// member is a field of a mapping; they keep the author's order.
type member struct {
	name  string
	value any
}

// Bounds of a frontmatter.
const (
	maxNesting = 16
	maxValues  = 4096
)

// parseYAML reads one YAML document that is a mapping with the values of JSON and nothing else: no anchors, aliases and merges, with which a
// small text stands for a large one, no tags, and no name twice.
func parseYAML(text []byte) (mapping, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var document, more yaml.Node
	if err := decoder.Decode(&document); errors.Is(err, io.EOF) {
		return nil, errors.New("it is empty")
	} else if err != nil {
		return nil, fmt.Errorf("it is no YAML: %w", err)
	}
	if err := decoder.Decode(&more); !errors.Is(err, io.EOF) {
		return nil, errors.New("it holds more than one document")
	}
	c := converter{left: maxValues}
	value, err := c.value(document.Content[0], 0)
	if err != nil {
		return nil, err
	}
	object, ok := value.(mapping)
	if !ok {
		return nil, errors.New("it is no mapping of names to values")
	}
	return object, nil
}

// converter counts the values that are left.
type converter struct{ left int }

func (c *converter) value(n *yaml.Node, depth int) (any, error) {
	// SKILL.md has one line before the frontmatter.
	at := func(format string, args ...any) error {
		return fmt.Errorf("line %d: "+format, append([]any{n.Line + 1}, args...)...)
	}
	if c.left--; c.left < 0 || depth > maxNesting {
		return nil, at("it holds more than %d values, or more than %d within each other", maxValues, maxNesting)
	}
	if n.Anchor != "" || n.Kind == yaml.AliasNode {
		return nil, at("anchors and aliases are refused: write the value where it is needed")
	}
	if n.Style&yaml.TaggedStyle != 0 {
		return nil, at("the tag %s is refused: write the value without", shorten(n.Tag))
	}
	switch n.Kind {
	case yaml.ScalarNode:
		value, err := scalar(n)
		if err != nil {
			return nil, at("%w", err)
		}
		return value, nil
	case yaml.SequenceNode:
		all := list{}
		for _, element := range n.Content {
			value, err := c.value(element, depth+1)
			if err != nil {
				return nil, err
			}
			all = append(all, value)
		}
		return all, nil
	case yaml.MappingNode:
		return c.mapping(n, depth)
	default:
		return nil, at("it holds something that is neither a value nor a list nor a mapping")
	}
}

func (c *converter) mapping(n *yaml.Node, depth int) (any, error) {
	all := mapping{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		name, err := c.value(key, depth+1)
		if err != nil {
			return nil, err
		}
		text, ok := name.(string)
		switch {
		case !ok || key.Tag == "!!merge":
			return nil, fmt.Errorf("line %d: %s is no name of a field: put it in quotes", key.Line+1, shorten(key.Value))
		case all.has(text):
			return nil, fmt.Errorf("line %d: the field %q is there twice", key.Line+1, shorten(text))
		}
		value, err := c.value(n.Content[i+1], depth+1)
		if err != nil {
			return nil, err
		}
		all = append(all, member{text, value})
	}
	return all, nil
}

// scalar returns a plain value as JSON has it. A date is the text that the author wrote, and a number keeps its digits.
func scalar(n *yaml.Node) (any, error) {
	switch n.Tag {
	case "!!str", "!!timestamp", "!!merge":
		return n.Value, nil
	case "!!null":
		return nil, nil //nolint:nilnil // null is a value
	case "!!bool":
		var b bool
		err := n.Decode(&b)
		return b, err
	case "!!int", "!!float":
		if json.Valid([]byte(n.Value)) {
			return json.Number(n.Value), nil
		}
		return nil, fmt.Errorf("%s is no number in JSON: put it in quotes", shorten(n.Value))
	}
	return nil, fmt.Errorf("a value of the type %s is refused", shorten(n.Tag))
}

func (m mapping) has(name string) bool {
	for _, f := range m {
		if f.name == name {
			return true
		}
	}
	return false
}

// get returns a field's value; nil where it is absent or null.
func (m mapping) get(name string) any {
	for _, f := range m {
		if f.name == name {
			return f.value
		}
	}
	return nil
}

// json returns the mapping as a JSON object.
func (m mapping) json() json.RawMessage {
	text, err := m.MarshalJSON()
	if err != nil {
		panic(err) // texts, numbers that are valid JSON, and lists of them
	}
	return text
}

// MarshalJSON keeps the author's order.
func (m mapping) MarshalJSON() ([]byte, error) {
	var out bytes.Buffer
	out.WriteByte('{')
	for i, f := range m {
		if i > 0 {
			out.WriteByte(',')
		}
		for k, part := range []any{f.name, f.value} {
			if k > 0 {
				out.WriteByte(':')
			}
			text, err := encode(part)
			if err != nil {
				return nil, err
			}
			out.Write(text)
		}
	}
	out.WriteByte('}')
	return out.Bytes(), nil
}

// encode writes a value without escaping what only HTML would misread.
func encode(v any) ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(v)
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), err
}
