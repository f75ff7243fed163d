// Package lockfile reads the go.mod and go.sum that pin a Go module (Go Modules Reference, "go.mod files" and "go.sum files").
//
// The files come from pull requests. Of what Go accepts there, only what pins versions and hashes is accepted here.
package lockfile

import (
	"fmt"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
)

// The names of the files, which are Go's own.
const (
	ModFile = "go.mod"
	SumFile = "go.sum"
)

// The most that a lock may hold; the largest real ones are a tenth of it.
const (
	MaxBytes   = 4 << 20 // of each file
	maxModules = 5000
	maxSums    = 20000
)

// Lock is what the two files pin together.
type Lock struct {
	Module    string            // the path of the module that stands for the entry
	Go        string            // the language version, such as 1.26 or 1.26.5
	Toolchain string            // such as go1.26.8, always one release
	Tool      string            // the import path of the one command
	Versions  map[string]string // of modules, by path
	Sums      Sums
}

// Problem is something in a lock that is not as it must be.
type Problem struct {
	File   string // ModFile or SumFile
	Field  string // where in it, such as require golang.org/x/net; empty for the file itself
	Reason string
}

// Parse reads the content of both files. It returns every problem at once; a lock with problems is incomplete.
func Parse(mod, sum []byte) (*Lock, []Problem) {
	r := &reader{lock: &Lock{Versions: map[string]string{}}}
	r.mod(mod)
	sums, err := parseSums(sum)
	if err != nil {
		r.problem(SumFile, "", "%w", err)
	}
	r.lock.Sums = sums
	return r.lock, r.problems
}

// Holder returns the module that a package belongs to, which is that with the longest path (Go Modules Reference, "Resolving a package to a
// module"), and false if none in the lock can hold it.
func (l *Lock) Holder(pkg string) (m module.Version, ok bool) {
	for path, version := range l.Versions {
		if len(path) > len(m.Path) && (pkg == path || len(pkg) > len(path) && pkg[:len(path)] == path && pkg[len(path)] == '/') {
			m, ok = module.Version{Path: path, Version: version}, true
		}
	}
	return m, ok
}

// Modules returns all modules of the lock, ordered by path.
func (l *Lock) Modules() []module.Version {
	list := make([]module.Version, 0, len(l.Versions))
	for path, version := range l.Versions {
		list = append(list, module.Version{Path: path, Version: version})
	}
	module.Sort(list)
	return list
}

type reader struct {
	lock     *Lock
	problems []Problem
}

func (r *reader) problem(file, field, format string, args ...any) {
	r.problems = append(r.problems, Problem{file, field, fmt.Errorf(format, args...).Error()})
}

func (r *reader) mod(data []byte) {
	if len(data) > MaxBytes {
		r.problem(ModFile, "", "is larger than %d bytes", MaxBytes)
		return
	}
	file, err := modfile.Parse(ModFile, data, nil)
	if err != nil {
		r.problem(ModFile, "", "cannot be read: %s", Abbreviate(err.Error()))
		return
	}
	if file.Module == nil {
		r.problem(ModFile, "module", "is missing: lock again")
	} else {
		r.lock.Module = file.Module.Mod.Path
	}
	r.toolchain(file)
	if len(file.Tool) == 1 {
		r.lock.Tool = file.Tool[0].Path
	} else {
		r.problem(ModFile, "tool", "names %d packages, want the entry's command alone: lock again", len(file.Tool))
	}
	r.refused(file)
	if len(file.Require) > maxModules {
		r.problem(ModFile, "require", "names %d modules, at most %d are read", len(file.Require), maxModules)
		return
	}
	for _, require := range file.Require {
		path, version := require.Mod.Path, require.Mod.Version
		field := "require " + Abbreviate(path)
		if err := module.Check(path, version); err != nil || module.CanonicalVersion(version) != version {
			r.problem(ModFile, field, "%q is not one exact version of a module: lock again", Abbreviate(version))
		}
		if _, twice := r.lock.Versions[path]; twice {
			r.problem(ModFile, field, "is there twice: remove one")
		}
		r.lock.Versions[path] = version
	}
}

// refused reports what could make a build take something else than the modules that are named.
func (r *reader) refused(file *modfile.File) {
	for _, directive := range []struct {
		name  string
		count int
	}{
		{"replace", len(file.Replace)},
		{"exclude", len(file.Exclude)},
		{"retract", len(file.Retract)},
		{"ignore", len(file.Ignore)},
		{"godebug", len(file.Godebug)},
	} {
		if directive.count > 0 {
			r.problem(ModFile, directive.name, "has no place in a lock, which takes every module as it was published: remove it")
		}
	}
}

// Abbreviate keeps what errors quote short.
func Abbreviate(text string) string {
	runes := []rune(text)
	if len(runes) > 200 {
		return string(runes[:200]) + "…"
	}
	return text
}
