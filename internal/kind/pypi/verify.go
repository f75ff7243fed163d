package pypi

import (
	"errors"
	"fmt"
	"slices"

	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/kind"
	"github.com/slipway-dev/slipway/internal/kind/pypi/marker"
	"github.com/slipway-dev/slipway/internal/kind/pypi/wheel"
)

// installation is what is laid out: the wheels that a platform takes.
type installation struct {
	packages    []installed // sorted by name
	environment marker.Environment
	edges       map[string]map[string]bool // by name, the names of what it depends on; verify fills it
	owners      map[string]string          // by path inside the virtual environment, the package that writes it; place fills it
}

// installed is one package of it.
type installed struct {
	name, version string
	sha256        string // of the wheel, or of the sdist that it was built from
	sdist         string // name of the file; empty if the package has wheels
	wheel         *wheel.Wheel
}

// content identifies what the package installs.
func (p installed) content() string {
	if p.sdist != "" {
		return p.wheel.Content()
	}
	return p.sha256
}

// find returns the package of that name, and nil if there is none.
func (i *installation) find(name string) *installed {
	at, ok := slices.BinarySearchFunc(i.packages, name, func(p installed, name string) int {
		switch {
		case p.name < name:
			return -1
		case p.name > name:
			return 1
		}
		return 0
	})
	if !ok {
		return nil
	}
	return &i.packages[at]
}

// verify compares the lock with what the packages say that they depend on. Whoever wrote the lock may have put another version, or another
// package, into it.
func (i *installation) verify(e entry.Entry) error {
	v := newVerifier(i, LockFile, e.Overrides)
	v.reach(wanted{name: e.Package.Name})
	for _, p := range i.packages {
		switch {
		case v.reached[p.name] == nil:
			v.refuse(p.name, "is wanted by no package on this platform: lock again, and ask who changed the lock")
		case !p.wheel.Metadata.RunsOn(wheel.PythonFull):
			v.refuse(p.name, "%s wants Python %.100s, and the base has %s: choose another version, with an override if a package depends on it",
				p.version, p.wheel.Metadata.RequiresPython, wheel.PythonFull)
		}
	}
	return errors.Join(v.errs...)
}

// verifier follows the dependencies from some packages on.
type verifier struct {
	*installation
	file      string // the lock that errors are about
	overrides []entry.Override
	reached   map[string]map[string]bool // by name the extras that were asked for, "" for none
	errs      []error
}

func newVerifier(i *installation, file string, overrides []entry.Override) *verifier {
	i.edges = map[string]map[string]bool{}
	return &verifier{installation: i, file: file, overrides: overrides, reached: map[string]map[string]bool{}}
}

func (v *verifier) refuse(name, format string, args ...any) {
	v.errs = append(v.errs, &kind.LockError{File: v.file, Field: name, Reason: fmt.Sprintf(format, args...)})
}

// wanted is a package with the extras that it is asked for with.
type wanted struct {
	name   string
	extras []string
}

// reach goes through what packages need.
func (v *verifier) reach(queue ...wanted) {
	for ; len(queue) > 0; queue = queue[1:] {
		next := queue[0]
		before := v.reached[next.name]
		if before == nil {
			v.reached[next.name], v.edges[next.name] = map[string]bool{"": true}, map[string]bool{}
		}
		fresh := slices.DeleteFunc(slices.Clone(next.extras), func(extra string) bool { return before[extra] })
		if before != nil && len(fresh) == 0 {
			continue
		}
		for _, extra := range fresh {
			v.reached[next.name][extra] = true
		}
		for _, r := range v.find(next.name).wheel.Metadata.Requires {
			if r.Marker.Holds(v.environment, fresh) && v.depend(next.name, r) {
				queue = append(queue, wanted{r.Project, r.Extras})
			}
		}
	}
}

// depend notes a dependency and says whether the lock has what it wants.
func (v *verifier) depend(name string, r wheel.Requirement) bool {
	found := v.find(r.Project)
	overridden := slices.ContainsFunc(v.overrides, func(o entry.Override) bool { return o.Package == r.Project })
	switch {
	case r.Address != "" && !overridden:
		v.refuse(name, "wants %s from an address of its own, and only packages of an index can be built: override %s with a version", r.Project, r.Project)
		return false
	case found == nil:
		v.refuse(name, "wants %s %.200s, which the lock does not have: lock again", r.Project, r.Specifier)
		return false
	case !overridden && !r.Accepts(found.version):
		v.refuse(name, "wants %s %.200s, but the lock has %s: lock again", r.Project, r.Specifier, found.version)
	}
	v.edges[name][r.Project] = true
	return true
}
