package gomod

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/dirhash"

	"github.com/slipway-dev/slipway/internal/kind/gomod/gocmd"
	"github.com/slipway-dev/slipway/internal/kind/gomod/lockfile"
)

// listed is a package that a command is compiled from, as go list says.
type listed struct {
	ImportPath string
	Name       string
	Dir        string
	Standard   bool
	Imports    []string
	SysoFiles  []string
	GoFiles    []string
	SFiles     []string
	HFiles     []string
	EmbedFiles []string
	Module     *struct {
		Path, Version, Dir string
	}
}

// parts are what a command is compiled from.
type parts struct {
	modules  map[string]*part // by path
	standard []*listed        // packages of the standard library
}

// part is a module of which packages are compiled in.
type part struct {
	dir     string // with the module's files
	imports map[string]bool
}

// list returns what the command is compiled from. It refuses a command that is none, and machine code that comes with a module.
func list(ctx context.Context, golang *gocmd.Toolchain, dir string, s *source) (*parts, error) {
	const fields = "ImportPath,Name,Dir,Standard,Imports,SysoFiles,GoFiles,SFiles,HFiles,EmbedFiles,Module"
	args := []string{"list", "-mod=readonly", "-deps", "-json=" + fields, s.lock.Tool}
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

func partsOf(packages []*listed, tool string) (*parts, error) {
	if len(packages) == 0 || packages[len(packages)-1].Name != "main" {
		return nil, fmt.Errorf("%s is no command, so it is no server that can be started: set package.name to a package main", tool)
	}
	home, all := map[string]string{}, &parts{modules: map[string]*part{}}
	for _, p := range packages {
		if p.Standard || p.Module == nil {
			all.standard = append(all.standard, p)
			continue
		}
		if len(p.SysoFiles) > 0 {
			return nil, fmt.Errorf("package %s comes with machine code that nobody can read (%s): only source is compiled",
				p.ImportPath, lockfile.Abbreviate(strings.Join(p.SysoFiles, ", ")))
		}
		home[p.ImportPath] = p.Module.Path
		if all.modules[p.Module.Path] == nil {
			all.modules[p.Module.Path] = &part{dir: p.Module.Dir, imports: map[string]bool{}}
		}
	}
	for _, p := range packages {
		from := home[p.ImportPath]
		for _, path := range p.Imports {
			if to := home[path]; to != "" && from != "" && to != from {
				all.modules[from].imports[to] = true
			}
		}
	}
	return all, nil
}

// imported returns the paths of the modules that a part needs, ordered.
func (p *part) imported() []string { return slices.Sorted(maps.Keys(p.imports)) }

// standardSum returns the hash of what is compiled in of the standard library, made as a go.sum has it of a module (Go Modules Reference, "go.sum
// files"). Goroot is the folder of Go.
func (p *parts) standardSum(goroot string) (string, error) {
	var files []string
	for _, std := range p.standard {
		folder, err := filepath.Rel(goroot, std.Dir)
		if err != nil {
			return "", fmt.Errorf("package %s of the standard library: %w", std.ImportPath, err)
		}
		for _, name := range slices.Concat(std.GoFiles, std.SFiles, std.HFiles, std.EmbedFiles) {
			files = append(files, path.Join(filepath.ToSlash(folder), name))
		}
	}
	root := os.DirFS(goroot)
	return dirhash.Hash1(files, func(name string) (io.ReadCloser, error) { return root.Open(name) })
}
