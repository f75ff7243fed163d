package catalog

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/errors"
	"cuelang.org/go/cue/literal"
	"cuelang.org/go/cue/parser"
	"cuelang.org/go/cue/scanner"
	"cuelang.org/go/cue/token"

	"github.com/slipway-dev/slipway/schema"
)

// Bounds of one CUE file.
const (
	maxFileSize = 256 << 10
	maxTokens   = 20_000
	maxDepth    = 12
	maxElements = 256   // of one list or struct
	maxValues   = 5_000 // of all
	maxProblems = 64
)

// source is a CUE file that holds nothing but data: fields with literal values, and one definition of the schema that it embeds. What
// could compute, refer or repeat is refused, so that judging a file costs no more than its size suggests.
type source struct {
	name       string // relative to the catalog's root
	body       []byte
	file       *ast.File
	definition string // such as #NPX
	where      places
	values     map[string]ast.Expr
	problems   Problems
}

// places maps a field's path to where it stands.
type places map[string]Position

// find returns the position of field, or of the closest field around it.
func (p places) find(field string) Position {
	for {
		if at, ok := p[field]; ok {
			return at
		}
		cut := strings.LastIndexAny(field, ".[")
		if cut < 0 {
			break
		}
		field = field[:cut]
	}
	if at, ok := p[""]; ok {
		return at
	}
	return Position{1, 1}
}

// parse reads the body of a file that must belong to the given CUE package.
func parse(name, pkg string, body []byte) *source {
	s := &source{name: name, body: body, where: places{}, values: map[string]ast.Expr{}}
	if !s.bounded() {
		return s
	}
	file, err := parser.ParseFile(name, body)
	if err != nil {
		for _, e := range errors.Errors(err) {
			format, args := e.Msg()
			s.report(e.Position(), "", "is not CUE: "+fmt.Sprintf(format, args...))
		}
		return s
	}
	s.file = file
	s.walk(pkg)
	if len(s.values) > maxValues {
		s.report(token.NoPos, "", fmt.Sprintf("holds more than %d values; shorten it", maxValues))
	}
	return s
}

// bounded checks what the parser must be spared.
func (s *source) bounded() bool {
	if !utf8.Valid(s.body) {
		s.report(token.NoPos, "", "is not UTF-8 text; save it as UTF-8")
		return false
	}
	for i, b := range s.body {
		if b == 0 {
			line := 1 + strings.Count(string(s.body[:i]), "\n")
			s.problems = append(s.problems, &Problem{File: s.name, Line: line, Column: 1, Message: "holds a null byte; remove it"})
			return false
		}
	}
	tokens := 0
	file := token.NewFile(s.name, -1, len(s.body))
	var scan scanner.Scanner
	scan.Init(file, s.body, nil, scanner.DontInsertCommas)
	for {
		pos, tok, _ := scan.Scan()
		if tok == token.EOF {
			return true
		}
		if tok == token.INTERPOLATION {
			s.report(pos, "", `holds the interpolation \( ); an entry is plain data, so write the text out`)
			return false
		}
		if tokens++; tokens > maxTokens {
			s.report(pos, "", fmt.Sprintf("holds more than %d words; shorten it", maxTokens))
			return false
		}
	}
}

func (s *source) report(pos token.Pos, field, message string) {
	if len(s.problems) >= maxProblems {
		return
	}
	at := s.where.find(field)
	if pos.IsValid() {
		at = Position{pos.Line(), pos.Column()}
	}
	s.problems = append(s.problems, &Problem{File: s.name, Line: at.Line, Column: at.Column, Field: field, Message: message})
}

// walk checks every declaration of the file.
func (s *source) walk(pkg string) {
	f := s.file
	if f.PackageName() != pkg {
		s.report(f.Pos(), "", fmt.Sprintf("belongs to package %q; start it with: package %s", f.PackageName(), pkg))
	}
	var fields []ast.Decl
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.Package, *ast.CommentGroup:
		case *ast.ImportDecl:
			s.imports(d)
		case *ast.EmbedDecl:
			s.embed(d)
		default:
			fields = append(fields, d)
		}
	}
	s.fields(fields, "", 0)
}

// expect checks which definition the file embeds.
func (s *source) expect(definition string) {
	switch {
	case len(s.problems) > 0 || s.definition == definition:
	case s.definition == "":
		s.report(token.NoPos, "", "embeds no definition; write schema."+definition)
	default:
		s.report(token.NoPos, "", fmt.Sprintf("embeds schema.%s, but what lies here is schema.%s; correct it or move the file", s.definition, definition))
	}
}

func (s *source) imports(d *ast.ImportDecl) {
	for _, spec := range d.Specs {
		path, err := literal.Unquote(spec.Path.Value)
		if err != nil || strings.TrimSuffix(path, "@v0") != schema.ImportPath || spec.Name != nil {
			s.report(spec.Pos(), "", fmt.Sprintf("imports %s; only %q is of use here, without another name", spec.Path.Value, schema.ImportPath))
		}
	}
}

func (s *source) embed(d *ast.EmbedDecl) {
	sel, ok := d.Expr.(*ast.SelectorExpr)
	if ok {
		x, isIdent := sel.X.(*ast.Ident)
		def, isDef := sel.Sel.(*ast.Ident)
		if isIdent && isDef && x.Name == "schema" && strings.HasPrefix(def.Name, "#") && s.definition == "" {
			s.definition = def.Name
			s.where[""] = Position{d.Pos().Line(), d.Pos().Column()}
			return
		}
	}
	s.report(d.Pos(), "", "embeds something other than one definition of schema; a file holds one entry as plain data")
}

// fields walks the fields of a struct and records where each stands.
func (s *source) fields(decls []ast.Decl, path string, depth int) {
	switch {
	case depth > maxDepth:
		s.report(decls[0].Pos(), path, "is nested too deeply")
		return
	case len(decls) > maxElements:
		s.report(decls[0].Pos(), path, fmt.Sprintf("holds more than %d fields", maxElements))
		return
	}
	for _, d := range decls {
		switch d := d.(type) {
		case *ast.CommentGroup:
		case *ast.Field:
			name, ok := label(d)
			if !ok {
				s.report(d.Pos(), path, "has a computed, optional or hidden field; write plain names and values")
				continue
			}
			s.value(d.Value, join(path, name), d.Pos(), depth)
		default:
			s.report(d.Pos(), path, "holds something other than fields; an entry is plain data")
		}
	}
}

// label returns the name of a plain field.
func label(f *ast.Field) (string, bool) {
	if f.Constraint != token.ILLEGAL || len(f.Attrs) > 0 || f.Alias != nil {
		return "", false
	}
	switch l := f.Label.(type) {
	case *ast.Ident:
		return l.Name, !strings.HasPrefix(l.Name, "_") && !strings.HasPrefix(l.Name, "#")
	case *ast.BasicLit:
		name, err := literal.Unquote(l.Value)
		return name, err == nil && l.Kind == token.STRING
	}
	return "", false
}

func (s *source) value(v ast.Expr, path string, pos token.Pos, depth int) {
	_, isStruct := v.(*ast.StructLit)
	if before, repeated := s.values[path]; repeated {
		if _, wasStruct := before.(*ast.StructLit); !isStruct || !wasStruct {
			s.report(pos, path, "is written twice; keep one")
			return
		}
	} else {
		s.where[path] = Position{pos.Line(), pos.Column()}
		s.values[path] = v
	}
	switch v := v.(type) {
	case *ast.BasicLit:
	case *ast.UnaryExpr:
		if lit, ok := v.X.(*ast.BasicLit); !ok || v.Op != token.SUB || lit.Kind == token.STRING {
			s.report(v.Pos(), path, "is an expression; write the value itself")
		}
	case *ast.StructLit:
		s.fields(v.Elts, path, depth+1)
	case *ast.ListLit:
		switch {
		case depth >= maxDepth:
			s.report(v.Pos(), path, "is nested too deeply")
			return
		case len(v.Elts) > maxElements:
			s.report(v.Pos(), path, fmt.Sprintf("holds more than %d elements", maxElements))
			return
		}
		for i, e := range v.Elts {
			s.value(e, path+"["+strconv.Itoa(i)+"]", e.Pos(), depth+1)
		}
	default:
		s.report(v.Pos(), path, "is an expression or a reference; write the value itself")
	}
}

// join appends a field's name to the path of the struct that holds it.
func join(path, name string) string {
	if !ast.IsValidIdent(name) {
		name = strconv.Quote(name)
	}
	if path == "" {
		return name
	}
	return path + "." + name
}
