// Package lockfile reads npm's package-lock.json, format 3, and finds packages in it as Node.js does.
//
// The file comes from pull requests. What JSON leaves open, such as a field given twice, two readers may take in two ways, so it is refused
// here: npm, a reviewer and we must see the same packages.
package lockfile

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// The most that a lock may hold; the largest real ones are a tenth of it.
const (
	MaxBytes    = 16 << 20
	maxPackages = 20000
	maxDepth    = 16 // of JSON values inside each other
)

// Lock is the tree of packages that a lock file pins.
type Lock struct {
	// Root is the project that the lock was made for.
	Root *Package
	// Packages are all others, ordered by path.
	Packages []*Package

	byPath map[string]*Package
}

// Package is one installed copy of a package.
type Package struct {
	Path      string // such as node_modules/a/node_modules/@b/c; empty for the root
	Name      string // as the registry knows it; in an alias it differs from the path's end
	Version   string
	Integrity string // Subresource Integrity; empty if the lock has none
	Resolved  string

	Link             bool
	InBundle         bool // comes inside the archive of the package that encloses it
	HasInstallScript bool
	OS, CPU, Libc    []string // as package.json lists them; nil means any

	Dependencies         map[string]string
	OptionalDependencies map[string]string
	PeerDependencies     map[string]string
	DevDependencies      map[string]string
	optionalPeers        []string
	edges                []Edge
}

// Problem is something in a lock that is not as it must be.
type Problem struct {
	Field  string // where, such as packages["node_modules/zod"].version; empty for the file itself
	Reason string
}

// At names a field of a package for a Problem; an empty field means the package itself.
func At(path, field string) string {
	if field != "" {
		field = "." + field
	}
	return fmt.Sprintf("packages[%q]%s", Abbreviate(path), field)
}

// Parse reads a lock. It returns every problem at once; a lock with problems is incomplete, or nil if it could not be read at all.
func Parse(data []byte) (*Lock, []Problem) {
	value, err := decode(data)
	if err != nil {
		return nil, []Problem{{"", err.Error()}}
	}
	r := &reader{}
	top := r.object("", value)
	for _, name := range sortedKeys(top) {
		switch name {
		case "name", "version", "lockfileVersion", "requires", "packages":
		default:
			r.problem(Abbreviate(name), "npm's lock format 3 has no such field: remove it, or lock again")
		}
	}
	if version := top["lockfileVersion"]; version != number("3") {
		r.problem("lockfileVersion", "is %v, want 3: lock again", version)
	}
	packages := r.object("packages", top["packages"])
	if len(packages) > maxPackages {
		r.problem("packages", "has %d packages, at most %d are read", len(packages), maxPackages)
		return nil, r.problems
	}
	lock := &Lock{byPath: make(map[string]*Package, len(packages))}
	for _, path := range sortedKeys(packages) {
		p := r.pkg(path, packages[path])
		switch {
		case path == "":
			lock.Root = p
		case validPath(path):
			lock.Packages = append(lock.Packages, p)
			lock.byPath[path] = p
		default:
			r.problem(At(path, ""), "is not a path of the form node_modules/NAME, repeated: lock again")
		}
	}
	if lock.Root == nil {
		r.problem(`packages[""]`, "is missing: it names what the lock was made for; lock again")
		return nil, r.problems
	}
	return lock, r.problems
}

// At returns the package at a path, or nil.
func (l *Lock) At(path string) *Package { return l.byPath[path] }

// Resolve returns the package that Node.js finds when from asks for a name, or nil: in its own node_modules or in the nearest above.
func (l *Lock) Resolve(from *Package, name string) *Package {
	for dir := from.Path; ; {
		candidate := "node_modules/" + name
		if dir != "" {
			candidate = dir + "/" + candidate
		}
		if p := l.byPath[candidate]; p != nil {
			return p
		}
		if dir == "" {
			return nil
		}
		dir = parent(dir)
	}
}

// Parent returns the package whose node_modules holds p: the root for one at the top, nil if the lock does not have it.
func (l *Lock) Parent(p *Package) *Package {
	if above := parent(p.Path); above != "" {
		return l.byPath[above]
	}
	return l.Root
}

// Holder returns the package whose archive p comes in: p itself unless it is bundled. It is nil if the lock lacks the package it names.
func (l *Lock) Holder(p *Package) *Package {
	for p != nil && p.InBundle {
		p = l.Parent(p)
	}
	return p
}

// InstallName returns the name by which others find the package, which an alias makes different from its own.
func (p *Package) InstallName() string {
	return p.Path[strings.LastIndex(p.Path, "node_modules/")+len("node_modules/"):]
}

// parent returns the path of the package whose node_modules holds the one at path.
func parent(path string) string {
	i := strings.LastIndex(path, "node_modules/")
	return strings.TrimSuffix(path[:i], "/")
}

// maxPath leaves room below what Linux takes for the package's own files.
const maxPath = 2048

var onePackage = regexp.MustCompile(`^(?:@[A-Za-z0-9~_-][A-Za-z0-9._~-]*/)?[A-Za-z0-9~_-][A-Za-z0-9._~-]*$`)

func validPath(path string) bool {
	rest, ok := strings.CutPrefix(path, "node_modules/")
	if !ok || len(path) > maxPath {
		return false
	}
	for name := range strings.SplitSeq(rest, "/node_modules/") {
		if !ValidName(name) {
			return false
		}
	}
	return true
}

// ValidName says whether a string can be a package's name, as the registry's rules have it, old names in upper case included.
func ValidName(name string) bool {
	return len(name) <= 214 && name != "node_modules" && !strings.HasSuffix(name, "/node_modules") && onePackage.MatchString(name)
}

// Abbreviate keeps messages short whatever a lock calls its packages.
func Abbreviate(s string) string {
	if len(s) <= 300 {
		return s
	}
	return strings.ToValidUTF8(s[:300], "") + "…"
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
