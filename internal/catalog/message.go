package catalog

import (
	"fmt"
	"regexp"
	"strings"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/errors"
	"cuelang.org/go/cue/format"
)

// messages returns the best of what CUE says about each path.
func (j *judge) messages(s *source, err error) map[string]string {
	best := map[string]string{}
	for _, e := range errors.Errors(err) {
		format, args := e.Msg()
		text, path := fmt.Sprintf(format, args...), s.path(e.Path())
		if _, known := best[path]; !known || rank(text) > rank(best[path]) {
			best[path] = text
		}
	}
	messages := map[string]string{}
	for path, text := range best {
		parent := path[:max(strings.LastIndexAny(path, ".["), 0)]
		if parent == "" || !strings.HasPrefix(best[parent], "want ") { // else it says how one alternative of the parent failed
			messages[path] = j.message(s, path, text)
		}
	}
	return messages
}

// rank prefers the definitions' own sentences to CUE's, and those that refuse a field to those that describe its value.
func rank(text string) int {
	switch {
	case strings.HasPrefix(text, "want no "), strings.HasPrefix(text, "is no "):
		return 2
	case strings.HasPrefix(text, "want "):
		return 1
	}
	return 0
}

// message says in one sentence what is wrong at path. The definitions bring their own sentences, which start with "want" or "is no"; CUE's others
// are put in words that need no knowledge of CUE.
func (j *judge) message(s *source, path, text string) string {
	value, written := s.values[path]
	for _, bound := range bounds {
		if m := bound.pattern.FindStringSubmatch(text); m != nil {
			return fmt.Sprintf(bound.message, m[1])
		}
	}
	text = shorten(text, 300)
	switch {
	case strings.Contains(text, "required but not present"), !written && strings.Contains(text, "incomplete value"):
		return "is missing; add it"
	case strings.HasPrefix(text, "is no "), strings.Contains(text, "field not allowed"):
		if !strings.HasPrefix(text, "is no ") {
			text = "is no field here"
		}
		if near := j.fieldLike(s.definition, path); near != "" {
			return text + "; did you mean " + near + "?"
		}
		return text + "; remove it"
	case written:
		return "found " + excerpt(value) + "; " + text
	}
	return text
}

// bounds puts into words what CUE's own validators of lists and structs refuse.
var bounds = []struct {
	pattern *regexp.Regexp
	message string
}{
	{regexp.MustCompile(`does not satisfy list\.MaxItems\((\d+)\)`), "holds too many elements; want at most %s"},
	{regexp.MustCompile(`does not satisfy list\.MinItems\((\d+)\)`), "holds too few elements; want at least %s"},
	{regexp.MustCompile(`does not satisfy struct\.MaxFields\((\d+)\)`), "holds too many fields; want at most %s"},
	{regexp.MustCompile(`does not satisfy list\.UniqueItems()`), "holds an element twice; remove one%s"},
}

// shorten cuts text to at most n characters.
func shorten(text string, n int) string {
	if runes := []rune(text); len(runes) > n {
		return string(runes[:n]) + "…"
	}
	return text
}

// excerpt shows the start of a value.
func excerpt(v ast.Expr) string {
	text, err := format.Node(v)
	if err != nil {
		return "a value"
	}
	short := []rune(strings.Join(strings.Fields(string(text)), " "))
	if len(short) > 60 {
		return fmt.Sprintf("%q…", string(short[:60]))
	}
	if _, isLiteral := v.(*ast.BasicLit); isLiteral {
		return fmt.Sprintf("%+q", strings.Trim(string(short), `"`))
	}
	return string(short)
}

// fieldLike returns the field beside path that its author may have meant.
func (j *judge) fieldLike(definition, path string) string {
	parent, name := "", path
	if cut := strings.LastIndexByte(path, '.'); cut >= 0 {
		parent, name = path[:cut], path[cut+1:]
	}
	selectors := []cue.Selector{cue.Def(definition)}
	for part := range strings.FieldsFuncSeq(parent, func(r rune) bool { return r == '.' || r == '[' }) {
		if strings.HasSuffix(part, "]") {
			selectors = append(selectors, cue.AnyIndex)
			continue
		}
		selectors = append(selectors, cue.Str(part).Optional())
	}
	around := j.schema.LookupPath(cue.MakePath(selectors...))
	fields, err := around.Fields(cue.Optional(true))
	if err != nil {
		return ""
	}
	for fields.Next() {
		candidate := fields.Selector().Unquoted()
		if candidate != name && (strings.EqualFold(candidate, name) || oneEdit(candidate, name)) {
			return candidate
		}
	}
	return ""
}
