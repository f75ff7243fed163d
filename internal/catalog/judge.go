package catalog

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/build"
	"cuelang.org/go/cue/cuecontext"
	"cuelang.org/go/cue/parser"
	"cuelang.org/go/cue/token"

	"github.com/slipway-dev/slipway/schema"
)

// judge evaluates files against the definitions. It is not safe for concurrent use and its memory grows with every file, so that each
// worker has its own and replaces it after a while.
type judge struct {
	cue     *cue.Context
	imports *build.Context
	schema  cue.Value
}

// newJudge compiles the definitions in files, by name.
func newJudge(files map[string][]byte) (*judge, error) {
	j := &judge{cue: cuecontext.New()}
	var definitions *build.Instance
	j.imports = build.NewContext(build.Loader(func(_ token.Pos, path string) *build.Instance {
		if strings.TrimSuffix(path, "@v0") == schema.ImportPath {
			return definitions
		}
		return nil // a package of CUE itself
	}))
	definitions = j.imports.NewInstance("schema", nil)
	definitions.ImportPath = schema.ImportPath
	for _, name := range slices.Sorted(maps.Keys(files)) {
		f, err := parser.ParseFile("schema/"+name, files[name])
		if err != nil {
			return nil, fmt.Errorf("read the definitions: %w", err)
		}
		if err := definitions.AddSyntax(f); err != nil {
			return nil, fmt.Errorf("read the definitions: %w", err)
		}
	}
	if err := definitions.Complete(); err != nil {
		return nil, fmt.Errorf("compile the definitions: %w", err)
	}
	j.schema = j.cue.BuildInstance(definitions)
	if err := j.schema.Err(); err != nil {
		return nil, fmt.Errorf("compile the definitions: %w", err)
	}
	return j, nil
}

// decode evaluates s and stores its value, with defaults filled in, in out. Everything that the definitions refuse is added to
// s.problems.
func (j *judge) decode(s *source, out any) {
	v, err := j.evaluate(s.name, s.file)
	if err == nil {
		err = v.Validate(cue.Concrete(true))
	}
	if err != nil {
		j.explain(s)
		return
	}
	// By way of JSON, because cue.Value.Decode allocates far more.
	text, err := v.MarshalJSON()
	if err == nil {
		err = json.Unmarshal(text, out)
	}
	if err != nil {
		s.report(token.NoPos, "", "does not fit the types that catalogctl was built with: "+err.Error())
	}
}

// evaluate unifies a file with the definition that it embeds.
func (j *judge) evaluate(name string, f *ast.File) (cue.Value, error) {
	inst := j.imports.NewInstance(name, nil)
	if err := inst.AddSyntax(f); err != nil {
		return cue.Value{}, err
	}
	if err := inst.Complete(); err != nil {
		return cue.Value{}, err
	}
	return j.cue.BuildInstance(inst), nil
}

// explain reports all that is wrong with s. CUE stops at the first sort of error, so each round leaves out what the rounds before it
// found: values that are not allowed, then what is missing.
func (j *judge) explain(s *source) {
	found := map[string]bool{}
	for concrete := false; ; {
		f, err := parser.ParseFile(s.name, s.body)
		if err != nil {
			s.report(token.NoPos, "", "is not CUE: "+err.Error())
			return
		}
		f.Decls = without(f.Decls, "", found)
		v, err := j.evaluate(s.name, f)
		if err == nil {
			err = v.Validate(cue.Concrete(concrete))
		}
		before := len(found)
		for path, message := range j.messages(s, err) {
			if !within(found, path) {
				found[path] = true
				s.report(token.NoPos, path, message)
			}
		}
		switch {
		case len(found) > before && len(s.problems) < maxProblems:
		case concrete:
			if len(s.problems) == 0 {
				s.report(token.NoPos, "", fmt.Sprintf("is not valid: %v", err))
			}
			return
		default:
			concrete = true
		}
	}
}

// within reports whether path is one of those found, or lies in one.
func within(found map[string]bool, path string) bool {
	for path != "" {
		if found[path] {
			return true
		}
		path = path[:max(strings.LastIndexAny(path, ".["), 0)]
	}
	return false
}

// path turns CUE's selectors into a field's path.
func (s *source) path(selectors []string) string {
	path := ""
	for _, sel := range selectors {
		if _, isList := s.values[path].(*ast.ListLit); isList {
			path += "[" + sel + "]"
			continue
		}
		path = join(path, strings.Trim(sel, `"`))
	}
	return path
}

// without removes the ignored fields; elements of lists keep their place and become anything.
func without(decls []ast.Decl, path string, ignored map[string]bool) []ast.Decl {
	return slices.DeleteFunc(slices.Clone(decls), func(d ast.Decl) bool {
		f, ok := d.(*ast.Field)
		if !ok {
			return false
		}
		name, _ := label(f)
		at := join(path, name)
		if ignored[at] {
			return true
		}
		f.Value = withoutIn(f.Value, at, ignored)
		return false
	})
}

func withoutIn(v ast.Expr, path string, ignored map[string]bool) ast.Expr {
	switch v := v.(type) {
	case *ast.StructLit:
		v.Elts = without(v.Elts, path, ignored)
	case *ast.ListLit:
		for i, e := range v.Elts {
			at := fmt.Sprintf("%s[%d]", path, i)
			if ignored[at] {
				v.Elts[i] = ast.NewIdent("_")
				continue
			}
			v.Elts[i] = withoutIn(e, at, ignored)
		}
	}
	return v
}
