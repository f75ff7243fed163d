package lockfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// number is a JSON number as it was written.
type number = json.Number

// decode reads one JSON value into maps, slices, strings, numbers and booleans. It refuses what encoding/json would pass: a name given
// twice, and text that is not UTF-8.
func decode(data []byte) (any, error) {
	if len(data) > MaxBytes {
		return nil, fmt.Errorf("is larger than %d bytes", MaxBytes)
	}
	if !utf8.Valid(data) {
		return nil, errors.New("is not valid UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	value, err := decodeValue(d, 0)
	if err == nil {
		if _, more := d.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("something follows its JSON object")
		}
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		line := 1 + bytes.Count(data[:min(int(d.InputOffset()), len(data))], []byte("\n"))
		return nil, fmt.Errorf("is not valid JSON: line %d: %w", line, err)
	}
	return value, nil
}

func decodeValue(d *json.Decoder, depth int) (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	if depth > maxDepth {
		return nil, fmt.Errorf("values lie more than %d deep inside each other", maxDepth)
	}
	switch token {
	case json.Delim('{'):
		object := map[string]any{}
		for d.More() {
			key, err := d.Token()
			if err != nil {
				return nil, err
			}
			name, ok := key.(string)
			if !ok {
				return nil, fmt.Errorf("%v is no name of a field", key)
			}
			if _, twice := object[name]; twice {
				return nil, fmt.Errorf("%q is given twice in one object", Abbreviate(name))
			}
			if object[name], err = decodeValue(d, depth+1); err != nil {
				return nil, err
			}
		}
		_, err = d.Token()
		return object, err
	case json.Delim('['):
		var list []any
		for d.More() {
			value, err := decodeValue(d, depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, value)
		}
		_, err = d.Token()
		return list, err
	}
	return token, nil
}

// reader takes typed values out of decoded ones and collects what is wrong.
type reader struct{ problems []Problem }

func (r *reader) problem(field, format string, args ...any) {
	r.problems = append(r.problems, Problem{field, fmt.Sprintf(format, args...)})
}

func (r *reader) pkg(path string, value any) *Package {
	fields := r.members(path, "", value)
	p := &Package{Path: path}
	p.Name = r.text(path, fields, "name")
	if p.Name == "" && path != "" && strings.Contains(path, "node_modules/") {
		p.Name = p.InstallName()
	}
	p.Version = r.text(path, fields, "version")
	p.Integrity = r.text(path, fields, "integrity")
	p.Resolved = r.text(path, fields, "resolved")
	p.Link = r.flag(path, fields, "link")
	p.InBundle = r.flag(path, fields, "inBundle")
	p.HasInstallScript = r.flag(path, fields, "hasInstallScript")
	p.OS = r.list(path, fields, "os")
	p.CPU = r.list(path, fields, "cpu")
	p.Libc = r.list(path, fields, "libc")
	p.Dependencies = r.specs(path, fields, "dependencies")
	p.OptionalDependencies = r.specs(path, fields, "optionalDependencies")
	p.PeerDependencies = r.specs(path, fields, "peerDependencies")
	p.DevDependencies = r.specs(path, fields, "devDependencies")
	for name, meta := range r.members(path, "peerDependenciesMeta", fields["peerDependenciesMeta"]) {
		if m, ok := meta.(map[string]any); ok && m["optional"] == true {
			p.optionalPeers = append(p.optionalPeers, name)
		}
	}
	p.edges = p.gatherEdges()
	return p
}

// object returns the value's fields; a field that is absent has none.
func (r *reader) object(field string, value any) map[string]any {
	object, ok := value.(map[string]any)
	if !ok && value != nil {
		r.problem(field, "is not an object")
	}
	return object
}

// members returns the fields of an object inside a package.
func (r *reader) members(path, field string, value any) map[string]any {
	object, ok := value.(map[string]any)
	if !ok && value != nil {
		r.problem(At(path, field), "is not an object")
	}
	return object
}

func (r *reader) text(path string, fields map[string]any, name string) string {
	value, present := fields[name]
	text, ok := value.(string)
	if present && !ok {
		r.problem(At(path, name), "is not a string")
	}
	return text
}

func (r *reader) flag(path string, fields map[string]any, name string) bool {
	value, present := fields[name]
	flag, ok := value.(bool)
	if present && !ok {
		r.problem(At(path, name), "is neither true nor false")
	}
	return flag
}

// list reads a list of strings, for which package.json allows a single one.
func (r *reader) list(path string, fields map[string]any, name string) []string {
	switch value := fields[name].(type) {
	case nil:
		return nil
	case string:
		return []string{value}
	case []any:
		list := make([]string, 0, len(value))
		for _, element := range value {
			text, ok := element.(string)
			if !ok {
				break
			}
			list = append(list, text)
		}
		if len(list) == len(value) {
			return list
		}
	}
	r.problem(At(path, name), "is not a list of strings")
	return nil
}

func (r *reader) specs(path string, fields map[string]any, name string) map[string]string {
	object := r.members(path, name, fields[name])
	if len(object) == 0 {
		return nil
	}
	specs := make(map[string]string, len(object))
	for _, dependency := range sortedKeys(object) {
		spec, ok := object[dependency].(string)
		switch {
		case !ok:
			r.problem(At(path, name), "%q has a version that is not a string", Abbreviate(dependency))
		case !ValidName(dependency):
			r.problem(At(path, name), "%q is not a package's name", Abbreviate(dependency))
		default:
			specs[dependency] = spec
		}
	}
	return specs
}
