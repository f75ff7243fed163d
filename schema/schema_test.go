package schema

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/cuecontext"
	"cuelang.org/go/cue/load"
)

// TestDefinitionsNameTheirFields compares the fields of every definition that files embed with the pattern that refuses all others.
func TestDefinitionsNameTheirFields(t *testing.T) {
	t.Parallel()
	instance := load.Instances([]string{"."}, nil)[0]
	if instance.Err != nil {
		t.Fatal(instance.Err)
	}
	schema := cuecontext.New().BuildInstance(instance)
	if err := schema.Validate(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"#Container", "#Remote", "#NPX", "#UVX", "#Go", "#Skill", "#Catalog"} {
		definition := schema.LookupPath(cue.ParsePath(name))
		pattern := patternOf(t, instance.Files, name)
		fields, err := definition.Fields(cue.Optional(true))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		listed := strings.Split(pattern, "|")
		for fields.Next() {
			field := fields.Selector().Unquoted()
			if !slices.Contains(listed, field) {
				t.Errorf("the pattern of %s refuses its field %s", name, field)
			}
			listed = slices.DeleteFunc(listed, func(f string) bool { return f == field })
		}
		if name != "#Catalog" { // they appear with another status than the default
			listed = slices.DeleteFunc(listed, func(f string) bool { return f == "statusReason" || f == "successor" })
		}
		if len(listed) > 0 {
			t.Errorf("the pattern of %s allows %v, which it does not define", name, listed)
		}
	}
}

var refusal = regexp.MustCompile(`^!~"\^\((.*)\)\$"$`)

// patternOf returns the names that a definition's pattern lets through.
func patternOf(t *testing.T, files []*ast.File, definition string) string {
	t.Helper()
	var pattern string
	for _, f := range files {
		for _, d := range f.Decls {
			field, ok := d.(*ast.Field)
			if !ok {
				continue
			}
			if name, _, _ := ast.LabelName(field.Label); name != definition {
				continue
			}
			for _, e := range field.Value.(*ast.StructLit).Elts {
				inner, ok := e.(*ast.Field)
				if !ok {
					continue
				}
				if list, ok := inner.Label.(*ast.ListLit); ok {
					unary := list.Elts[0].(*ast.UnaryExpr)
					if m := refusal.FindStringSubmatch("!~" + unary.X.(*ast.BasicLit).Value); m != nil {
						pattern = m[1]
					}
				}
			}
		}
	}
	if pattern == "" {
		t.Fatalf("%s has no pattern that refuses other fields", definition)
	}
	return pattern
}
