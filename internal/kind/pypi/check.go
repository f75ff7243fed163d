package pypi

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/slipway-dev/slipway/internal/bounded"
	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/kind"
	"github.com/slipway-dev/slipway/internal/kind/pypi/lockfile"
	"github.com/slipway-dev/slipway/internal/kind/pypi/wheel"
)

// CheckLock reports why the lock in dir does not pin what the entry says; see kind.Ecosystem.
func (*Ecosystem) CheckLock(e entry.Entry, dir fs.FS) error {
	_, err := load(e, dir)
	return err
}

// load reads and checks the lock.
func load(e entry.Entry, dir fs.FS) (*lockfile.Lock, error) {
	data, err := bounded.File(dir, LockFile, lockfile.MaxBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &kind.LockError{File: LockFile, Reason: "is missing: run catalogctl lock " + e.Name}
	}
	if err != nil {
		return nil, &kind.LockError{File: LockFile, Reason: fmt.Sprintf("cannot be read (%s): run catalogctl lock %s", err, e.Name)}
	}
	return check(e, data)
}

// check returns the lock if nothing is wrong with it, and else every reason, joined.
func check(e entry.Entry, data []byte) (*lockfile.Lock, error) {
	if e.Package == nil {
		return nil, &kind.LockError{File: LockFile, Reason: "the entry names no package"}
	}
	c := &checker{entry: e}
	lock, problems := lockfile.Parse(data)
	for _, p := range problems {
		place := ""
		if p.Line > 0 {
			place = fmt.Sprintf("line %d", p.Line)
		}
		c.refuse(place, "%s; run catalogctl lock %s", p.Reason, e.Name)
	}
	if lock != nil {
		c.lock = lock
		c.root()
		c.installable()
		c.overrides()
		c.constraints()
	}
	if len(c.errs) > 0 {
		return nil, errors.Join(c.errs...)
	}
	return lock, nil
}

// checker collects the reasons against one lock.
type checker struct {
	entry entry.Entry
	lock  *lockfile.Lock
	errs  []error
}

func (c *checker) refuse(field, format string, args ...any) {
	c.errs = append(c.errs, &kind.LockError{File: LockFile, Field: field, Reason: fmt.Sprintf(format, args...)})
}

// root checks that the lock pins the entry's package, and on every machine.
func (c *checker) root() {
	want := c.entry.Package
	for _, machine := range lockfile.Machines {
		p, ok := find(c.lock.On(machine), want.Name)
		switch {
		case !ok:
			c.refuse(want.Name, "is not pinned for %s, but it is the entry's package: run catalogctl lock %s", machine, c.entry.Name)
		case !wheel.SameVersion(p.Version, want.Version):
			c.refuse(want.Name, "is %s, but the entry wants %s: run catalogctl lock %s", p.Version, want.Version, c.entry.Name)
		default:
			continue
		}
		return
	}
}

// installable checks that each package has a wheel on each machine that it is pinned for, and none that nobody can install.
func (c *checker) installable() {
	for _, p := range c.lock.Packages {
		names := names(p)
		useful := map[string]bool{}
		for _, target := range wheel.Targets {
			if p.Machine != "" && p.Machine != target.Machine {
				continue
			}
			if _, ok := wheel.Choose(names, target); !ok {
				c.refuse(p.Name, "has no wheel that runs on %s: run catalogctl lock %s", target.Machine, c.entry.Name)
			}
			for _, n := range names {
				useful[n.File] = useful[n.File] || target.Runs(n)
			}
		}
		for _, n := range names {
			if !useful[n.File] {
				c.refuse(p.Name, "has the wheel %s, which runs nowhere that the package is pinned for: run catalogctl lock %s", n.File, c.entry.Name)
			}
		}
	}
}

// overrides checks that each is in effect on every machine.
func (c *checker) overrides() {
	for i, override := range c.entry.Overrides {
		field := fmt.Sprintf("overrides[%d]", i)
		if override.Package == c.entry.Package.Name {
			c.refuse("", "the entry's %s is of its own package %s: set package.version instead", field, override.Package)
			continue
		}
		found := false
		for _, p := range c.lock.Packages {
			if p.Name != override.Package {
				continue
			}
			found = true
			if !wheel.SameVersion(p.Version, override.Version) {
				c.refuse(p.Name, "is %s, but the entry overrides it with %s: run catalogctl lock %s", p.Version, override.Version, c.entry.Name)
			}
		}
		if !found {
			c.refuse("", "the entry's %s is of %s, which nothing depends on: remove it from the entry", field, override.Package)
		}
	}
}

// constraints checks that no package is outside of its bounds.
func (c *checker) constraints() {
	for _, constraint := range c.entry.Constraints {
		bounds := wheel.Requirement{Project: constraint.Package, Specifier: constraint.Versions}
		for _, p := range c.lock.Packages {
			if p.Name == constraint.Package && !bounds.Accepts(p.Version) {
				c.refuse(p.Name, "is %s, but the entry constrains it to %s: run catalogctl lock %s", p.Version, constraint.Versions, c.entry.Name)
			}
		}
	}
}

// find returns the package of that name.
func find(packages []lockfile.Package, name string) (lockfile.Package, bool) {
	for _, p := range packages {
		if p.Name == name {
			return p, true
		}
	}
	return lockfile.Package{}, false
}

func names(p lockfile.Package) (names []wheel.Name) {
	for _, w := range p.Wheels {
		names = append(names, w.Name)
	}
	return names
}
