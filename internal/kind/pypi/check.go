package pypi

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"

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

// locks are the lock of what is installed, and that of what sdists are built with, which is nil where there are none.
type locks struct{ installed, building *lockfile.Lock }

// load reads and checks the locks.
func load(e entry.Entry, dir fs.FS) (*locks, error) {
	files := map[string][]byte{}
	for _, name := range []string{LockFile, BuildLockFile} {
		data, err := bounded.File(dir, name, lockfile.MaxBytes)
		switch {
		case err == nil:
			files[name] = data
		case !errors.Is(err, fs.ErrNotExist):
			return nil, &kind.LockError{File: name, Reason: fmt.Sprintf("cannot be read (%s): run catalogctl lock %s", err, e.Name)}
		}
	}
	return check(e, files)
}

// check returns the locks if nothing is wrong with them, and else every reason, joined.
func check(e entry.Entry, files map[string][]byte) (*locks, error) {
	if e.Package == nil {
		return nil, &kind.LockError{File: LockFile, Reason: "the entry names no package"}
	}
	installed, building := &checker{entry: e, file: LockFile}, &checker{entry: e, file: BuildLockFile}
	if installed.parse(files) {
		installed.root()
		installed.installable()
		installed.overrides()
		installed.constraints()
		installed.sdists()
	}
	switch {
	case len(e.Sdists) == 0 && files[BuildLockFile] != nil:
		building.refuse("", "is there, but the entry allows no sdist: run catalogctl lock %s", e.Name)
	case len(e.Sdists) > 0 && building.parse(files):
		building.installable()
		building.constraints()
		building.wheelsOnly()
	}
	if errs := slices.Concat(installed.errs, building.errs); len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return &locks{installed.lock, building.lock}, nil
}

// checker collects the reasons against one lock.
type checker struct {
	entry entry.Entry
	file  string
	lock  *lockfile.Lock
	errs  []error
}

func (c *checker) refuse(field, format string, args ...any) {
	c.errs = append(c.errs, &kind.LockError{File: c.file, Field: field, Reason: fmt.Sprintf(format, args...)})
}

// parse reports whether the file is there and a lock.
func (c *checker) parse(files map[string][]byte) bool {
	data, ok := files[c.file]
	if !ok {
		c.refuse("", "is missing: run catalogctl lock %s", c.entry.Name)
		return false
	}
	lock, problems := lockfile.Parse(data)
	for _, p := range problems {
		place := ""
		if p.Line > 0 {
			place = fmt.Sprintf("line %d", p.Line)
		}
		c.refuse(place, "%s; run catalogctl lock %s", p.Reason, c.entry.Name)
	}
	c.lock = lock
	return lock != nil
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
		if p.Sdist != nil {
			continue // becomes a wheel for every machine, says its parser
		}
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

// sdists checks that those which the lock has are those which the entry allows.
func (c *checker) sdists() {
	for _, p := range c.lock.Packages {
		allowed := slices.ContainsFunc(c.entry.Sdists, func(s entry.Sdist) bool { return s.Package == p.Name })
		if p.Sdist != nil && !allowed {
			c.refuse(p.Name, "has an sdist, which the entry does not allow: if its code may be run to build it, say why under sdists")
		}
	}
	for i, s := range c.entry.Sdists {
		if p, ok := find(c.lock.Packages, s.Package); !ok {
			c.refuse("", "the entry's sdists[%d] allows %s, which nothing depends on: remove it from the entry", i, s.Package)
		} else if p.Sdist == nil {
			c.refuse("", "the entry's sdists[%d] allows %s, which has wheels and is installed from them: remove it from the entry", i, s.Package)
		}
	}
}

// wheelsOnly checks that nothing is built to build with.
func (c *checker) wheelsOnly() {
	for _, p := range c.lock.Packages {
		if p.Sdist != nil {
			c.refuse(p.Name, "has an sdist, and sdists are built with wheels only: run catalogctl lock %s", c.entry.Name)
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
