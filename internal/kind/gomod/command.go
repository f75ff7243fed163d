package gomod

import (
	"errors"
	"fmt"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/bounded"
)

const (
	maxFiles      = 20_000  // that are looked at in a module
	maxSourceFile = 1 << 20 // bytes of a file that is read for its package clause
)

// command is a package main.
type command struct {
	path     string
	synopsis string // the first sentence of its documentation
}

// commandIn returns the command that a package path stands for: the package itself, or where that is the module, the only command in it.
func commandIn(m *fetched, pkg string) (*command, error) {
	found, err := commands(m.Path, m.Dir)
	if err != nil {
		return nil, fmt.Errorf("module %s %s: %w", m.Path, m.Version, err)
	}
	for _, c := range found {
		if c.path == pkg {
			return c, nil
		}
	}
	switch {
	case len(found) == 1 && pkg == m.Path:
		return found[0], nil
	case len(found) == 0:
		return nil, fmt.Errorf("module %s %s has no command, so it is no server that can be started", m.Path, m.Version)
	}
	var names []string
	for _, c := range found[:min(len(found), 20)] {
		names = append(names, c.path)
	}
	return nil, fmt.Errorf("%s is no command: the module %s %s has %s", pkg, m.Path, m.Version, strings.Join(names, ", "))
}

// commands returns the commands in a module's folder that others may build, ordered by path.
func commands(modulePath, dir string) ([]*command, error) {
	byPath := map[string]*command{}
	files := 0
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if files++; files > maxFiles {
			return fmt.Errorf("it has more than %d files", maxFiles)
		}
		base := d.Name()
		if d.IsDir() {
			if name != dir && (base == "testdata" || base == "vendor" || base == "internal" || base[0] == '_' || base[0] == '.') {
				return fs.SkipDir
			}
			return nil
		}
		if !d.Type().IsRegular() || path.Ext(base) != ".go" || strings.HasSuffix(base, "_test.go") || base[0] == '_' || base[0] == '.' {
			return nil
		}
		file := packageClause(dir, name)
		if file == nil || file.Name.Name != "main" || ignored(file) {
			return nil
		}
		below, err := filepath.Rel(dir, filepath.Dir(name))
		if err != nil {
			return err
		}
		at := path.Join(modulePath, filepath.ToSlash(below))
		if byPath[at] == nil {
			byPath[at] = &command{path: at}
		}
		if text := new(doc.Package).Synopsis(file.Doc.Text()); byPath[at].synopsis == "" {
			byPath[at].synopsis = text
		}
		return nil
	})
	if err != nil {
		return nil, errors.New("cannot look for commands: " + err.Error())
	}
	found := make([]*command, 0, len(byPath))
	for _, c := range byPath {
		found = append(found, c)
	}
	slices.SortFunc(found, func(a, b *command) int { return strings.Compare(a.path, b.path) })
	return found, nil
}

// packageClause reads the beginning of a source file, and returns nil for what is none.
func packageClause(dir, name string) *ast.File {
	below, err := filepath.Rel(dir, name)
	if err != nil {
		return nil
	}
	text, err := bounded.File(os.DirFS(dir), filepath.ToSlash(below), maxSourceFile)
	if err != nil {
		return nil
	}
	file, err := parser.ParseFile(token.NewFileSet(), name, text, parser.PackageClauseOnly|parser.ParseComments)
	if err != nil {
		return nil
	}
	return file
}

// ignored says whether a file is left out of every build, as generators are that lie beside a package.
func ignored(file *ast.File) bool {
	for _, group := range file.Comments {
		for _, comment := range group.List {
			if strings.TrimSpace(comment.Text) == "//go:build ignore" {
				return true
			}
		}
	}
	return false
}
