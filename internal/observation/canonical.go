package observation

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf16"
)

// MaxSize bounds an encoded observation, in bytes.
const MaxSize = 32 << 20

// Encode returns the canonical form that tools.json holds: UTF-8, two spaces of indentation, members sorted by name at every depth, definitions
// sorted by key, and every character that a reviewer could not see (control, format, private-use, unassigned) written as \uXXXX.
// Equal observations encode to equal bytes.
func Encode(o Observation) ([]byte, error) {
	for _, list := range []*[]Definition{&o.Tools, &o.Prompts, &o.Resources, &o.Templates} {
		sorted := slices.Clone(*list)
		slices.SortStableFunc(sorted, func(a, b Definition) int { return strings.Compare(a.Key, b.Key) })
		*list = sorted
	}
	if o.Tools == nil {
		o.Tools = []Definition{}
	}
	raw, err := json.Marshal(o)
	if err != nil {
		return nil, fmt.Errorf("encode observation: %w", err)
	}
	return Canonical(raw)
}

// Decode reads what [Encode] wrote, and nothing after it.
func Decode(r io.Reader) (Observation, error) {
	dec := json.NewDecoder(io.LimitReader(r, MaxSize))
	var o Observation
	if err := dec.Decode(&o); err != nil {
		return Observation{}, fmt.Errorf("decode observation: %w", err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return Observation{}, errors.New("decode observation: text follows the JSON object")
	}
	return o, nil
}

// Canonical rewrites any JSON value in the form that [Encode] describes, with numbers kept as they were written.
func Canonical(raw []byte) ([]byte, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var value any
	if err := dec.Decode(&value); err != nil {
		return nil, fmt.Errorf("canonical JSON: %w", err)
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(value); err != nil {
		return nil, fmt.Errorf("canonical JSON: %w", err)
	}
	return escapeInvisible(out.Bytes()), nil
}

// escapeInvisible rewrites invisible characters, which in encoded JSON can only stand inside strings.
func escapeInvisible(text []byte) []byte {
	var out bytes.Buffer
	out.Grow(len(text))
	for _, r := range string(text) {
		if r == '\n' || r == ' ' || unicode.IsPrint(r) {
			out.WriteRune(r)
			continue
		}
		if hi, lo := utf16.EncodeRune(r); hi != unicode.ReplacementChar {
			fmt.Fprintf(&out, `\u%04x\u%04x`, hi, lo)
		} else {
			fmt.Fprintf(&out, `\u%04x`, r)
		}
	}
	return out.Bytes()
}
