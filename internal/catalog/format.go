package catalog

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/format"
	"cuelang.org/go/cue/token"
	cuejson "cuelang.org/go/encoding/json"

	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/schema"
)

// Format returns the entry.cue that says what e says, as cue fmt would leave it: fields in the order of [entry.Entry], without those that
// are empty or have the value that the definitions give them anyway. The error is Problems where the entry would not be valid.
func Format(e entry.Entry) ([]byte, error) {
	definition, ok := definitions[e.Kind]
	if !ok {
		return nil, fmt.Errorf("format entry %q: unknown kind %q", e.Name, e.Kind)
	}
	files, err := builtIn()
	if err != nil {
		return nil, err
	}
	j, err := newJudge(files)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("format entry %q: %w", e.Name, err)
	}
	expr, err := cuejson.Extract(EntryFile, text)
	if err != nil {
		return nil, fmt.Errorf("format entry %q: %w", e.Name, err)
	}
	fields, ok := expr.(*ast.StructLit)
	if !ok {
		return nil, fmt.Errorf("format entry %q: JSON became %T", e.Name, expr)
	}
	j.prune(fields, []cue.Selector{cue.Def(definition)})
	layOut(fields)
	for k, f := range fieldsOf(fields) {
		if k == 0 || paragraphs[labelOf(f)] {
			ast.SetRelPos(f.Label, token.NewSection)
		}
	}
	body, err := format.Node(&ast.File{Decls: fields.Elts})
	if err != nil {
		return nil, fmt.Errorf("format entry %q: %w", e.Name, err)
	}
	out := fmt.Appendf(nil, "package entry\n\nimport %q\n\nschema.%s\n\n%s\n", schema.ImportPath, definition, strings.TrimSpace(string(body)))
	if out, err = format.Source(out, format.Simplify()); err != nil {
		return nil, fmt.Errorf("format entry %q: %w", e.Name, err)
	}
	s := parse(EntryFile, "entry", out)
	if len(s.problems) == 0 {
		var again entry.Entry
		j.decode(s, &again)
	}
	if len(s.problems) > 0 {
		return out, s.problems.sorted()
	}
	return out, nil
}

// paragraphs are the fields that an empty line precedes.
var paragraphs = map[string]bool{
	"package": true, "image": true, "remote": true, "version": true, "transport": true, "env": true, "permissions": true, "overrides": true,
	"constraints": true, "installScripts": true, "sdists": true, "provenance": true, "inspect": true, "waivers": true, "distinctFrom": true,
}

// prune removes what the definition at path says without being asked, and structs that are empty then.
func (j *judge) prune(s *ast.StructLit, path []cue.Selector) {
	var kept []ast.Decl
	for _, f := range fieldsOf(s) {
		at := slices.Concat(path, []cue.Selector{cue.Str(labelOf(f)).Optional()})
		if !j.isDefault(f.Value, at) && !j.pruneValue(f.Value, at) {
			kept = append(kept, f)
		}
	}
	s.Elts = kept
}

// pruneValue reports whether nothing is left of a value.
func (j *judge) pruneValue(v ast.Expr, path []cue.Selector) bool {
	switch v := v.(type) {
	case *ast.StructLit:
		j.prune(v, path)
		return len(v.Elts) == 0
	case *ast.ListLit:
		for _, e := range v.Elts {
			j.pruneValue(e, append(path[:len(path):len(path)], cue.AnyIndex))
		}
		return len(v.Elts) == 0
	}
	return false
}

// isDefault reports whether the definition at path has the value v by itself.
func (j *judge) isDefault(v ast.Expr, path []cue.Selector) bool {
	defined := j.schema.LookupPath(cue.MakePath(path...))
	if byDefault, ok := defined.Default(); ok {
		defined = byDefault
	}
	if !defined.IsConcrete() || defined.IncompleteKind() == cue.StructKind {
		return false
	}
	return j.cue.BuildExpr(v).Equals(defined)
}

// layOut sets every field on a line of its own and drops quotes and braces that nobody needs.
func layOut(s *ast.StructLit) {
	for _, f := range fieldsOf(s) {
		name := labelOf(f)
		if ast.IsValidIdent(name) && !strings.HasPrefix(name, "_") && !strings.HasPrefix(name, "#") {
			f.Label = ast.NewIdent(name)
		}
		ast.SetRelPos(f.Label, token.Newline)
		layOutValue(f.Value)
	}
}

func layOutValue(v ast.Expr) {
	switch v := v.(type) {
	case *ast.StructLit:
		layOut(v)
		if fields := fieldsOf(v); len(fields) == 1 {
			v.Lbrace, v.Rbrace = token.NoPos, token.NoPos
			ast.SetRelPos(fields[0].Label, token.Blank)
		}
	case *ast.ListLit:
		for k, e := range v.Elts {
			s, ok := e.(*ast.StructLit)
			if !ok {
				continue
			}
			layOut(s)
			s.Lbrace, s.Rbrace = token.Blank.Pos(), token.Newline.Pos()
			if short(s) {
				s.Rbrace = token.NoSpace.Pos()
				for _, f := range fieldsOf(s) {
					ast.SetRelPos(f.Label, token.Blank)
				}
				if len(v.Elts) > 1 {
					s.Lbrace = token.Newline.Pos()
				}
			}
			if v.Rbrack = token.NoSpace.Pos(); short(s) && k > 0 {
				v.Rbrack = token.Newline.Pos()
			}
		}
	}
}

// short reports whether a struct reads well on one line.
func short(s *ast.StructLit) bool {
	length := 0
	for _, f := range fieldsOf(s) {
		length += len(labelOf(f))
		if lit, ok := f.Value.(*ast.BasicLit); ok {
			length += len(lit.Value)
		}
	}
	return len(s.Elts) <= 2 && length <= 80
}

// fieldsOf returns the fields of a struct that came from JSON and has nothing else.
func fieldsOf(s *ast.StructLit) []*ast.Field {
	var fields []*ast.Field
	for _, d := range s.Elts {
		if f, ok := d.(*ast.Field); ok {
			fields = append(fields, f)
		}
	}
	return fields
}

// labelOf returns the name of a field whose label is an identifier or a string.
func labelOf(f *ast.Field) string {
	name, _ := label(f)
	return name
}
