package gomod

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/kind/gomod/gocmd"
	"github.com/slipway-dev/slipway/internal/kind/gomod/lockfile"
)

// listed is a package that a command is compiled from, as go list says.
type listed struct {
	ImportPath string
	Name       string
	Standard   bool
	Imports    []string
	SysoFiles  []string
	Module     *struct {
		Path, Version, Dir string
	}
}

// part is a module of which packages are compiled in.
type part struct {
	dir     string // with the module's files
	imports map[string]bool
}

// list returns the modules that the command is compiled from, by path, with the modules whose packages each imports. It refuses a command that is
// none, and machine code that comes with a module.
func list(ctx context.Context, golang *gocmd.Toolchain, dir string, s *source) (map[string]*part, error) {
	args := []string{"list", "-mod=readonly", "-deps", "-json=ImportPath,Name,Standard,Imports,SysoFiles,Module", s.lock.Tool}
	out, err := golang.Run(ctx, gocmd.Task{Dir: dir, Args: args, Env: []string{"GOARCH=" + s.arch}})
	if err != nil {
		return nil, fmt.Errorf("cannot list what %s is made of: %w", s.lock.Tool, err)
	}
	var packages []*listed
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		p := &listed{}
		if err := decoder.Decode(p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("cannot read what go lists: %w", err)
		}
		packages = append(packages, p)
	}
	return partsOf(packages, s.lock.Tool)
}

func partsOf(packages []*listed, tool string) (map[string]*part, error) {
	if len(packages) == 0 || packages[len(packages)-1].Name != "main" {
		return nil, fmt.Errorf("%s is no command, so it is no server that can be started: set package.name to a package main", tool)
	}
	home, parts := map[string]string{}, map[string]*part{}
	for _, p := range packages {
		if p.Standard || p.Module == nil {
			continue
		}
		if len(p.SysoFiles) > 0 {
			return nil, fmt.Errorf("package %s comes with machine code that nobody can read (%s): only source is compiled",
				p.ImportPath, lockfile.Abbreviate(strings.Join(p.SysoFiles, ", ")))
		}
		home[p.ImportPath] = p.Module.Path
		if parts[p.Module.Path] == nil {
			parts[p.Module.Path] = &part{dir: p.Module.Dir, imports: map[string]bool{}}
		}
	}
	for _, p := range packages {
		from := home[p.ImportPath]
		for _, path := range p.Imports {
			if to := home[path]; to != "" && from != "" && to != from {
				parts[from].imports[to] = true
			}
		}
	}
	return parts, nil
}

// imported returns the paths of the modules that a part needs, ordered.
func (p *part) imported() []string { return slices.Sorted(maps.Keys(p.imports)) }
