package npm

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/fetch"
	"github.com/slipway-dev/slipway/internal/kind"
	"github.com/slipway-dev/slipway/internal/kind/npm/lockfile"
)

// CheckLock reports why the lock in dir does not pin what the entry says; see kind.Ecosystem.
func (*Ecosystem) CheckLock(e entry.Entry, dir fs.FS) error {
	_, err := load(e, dir)
	return err
}

// load reads and checks the lock.
func load(e entry.Entry, dir fs.FS) (*lockfile.Lock, error) {
	data, err := readLock(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &kind.LockError{File: LockFile, Reason: "is missing: run catalogctl lock " + e.Name}
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the lock of %s: %w", e.ID(), err)
	}
	return check(e, data)
}

// check returns the lock if nothing is wrong with it, and else every reason, joined.
func check(e entry.Entry, data []byte) (*lockfile.Lock, error) {
	if e.Package == nil {
		return nil, &kind.LockError{File: LockFile, Reason: "the entry names no package"}
	}
	lock, problems := lockfile.Parse(data)
	c := &checker{entry: e, lock: lock}
	for _, p := range problems {
		c.refuse(p.Field, "%s", p.Reason)
	}
	if len(problems) == 0 {
		c.root()
		for _, p := range lock.Packages {
			c.pinned(p)
			c.placed(p)
			c.edges(p)
		}
		c.edges(lock.Root)
		c.reachable()
		c.overrides()
		c.installScripts()
	}
	return lock, errors.Join(c.errs...)
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

// root checks that the lock was made for the entry's package and for nothing else.
func (c *checker) root() {
	root, want := c.lock.Root, c.entry.Package
	if !maps.Equal(root.Dependencies, map[string]string{want.Name: want.Version}) {
		c.refuse(lockfile.At("", "dependencies"), "is %s, but the entry wants %s %s and nothing else: run catalogctl lock %s",
			quoteSpecs(root.Dependencies), want.Name, want.Version, c.entry.Name)
	}
	for field, specs := range map[string]map[string]string{
		"devDependencies": root.DevDependencies, "optionalDependencies": root.OptionalDependencies, "peerDependencies": root.PeerDependencies,
	} {
		if len(specs) > 0 {
			c.refuse(lockfile.At("", field), "is not empty, but an entry has one dependency, its package: run catalogctl lock %s", c.entry.Name)
		}
	}
	switch p := c.lock.At("node_modules/" + want.Name); {
	case p == nil:
		c.refuse(lockfile.At("node_modules/"+want.Name, ""), "is missing, but it is the entry's package: run catalogctl lock %s", c.entry.Name)
	case p.Name != want.Name || p.Version != want.Version:
		c.refuse(lockfile.At(p.Path, "version"), "is %s %s, but the entry wants %s %s: run catalogctl lock %s",
			lockfile.Abbreviate(p.Name), lockfile.Abbreviate(p.Version), want.Name, want.Version, c.entry.Name)
	}
}

var exactVersion = regexp.MustCompile(`^\d{1,16}\.\d{1,16}\.\d{1,16}(-[0-9A-Za-z.-]{1,128})?(\+[0-9A-Za-z.-]{1,128})?$`)

// pinned checks that the package's content is fixed, and that it comes from a registry of which the user decides.
func (c *checker) pinned(p *lockfile.Package) {
	if !lockfile.ValidName(p.Name) {
		c.refuse(lockfile.At(p.Path, "name"), "is %q, which is not a package's name: lock again", lockfile.Abbreviate(p.Name))
	}
	if !exactVersion.MatchString(p.Version) {
		c.refuse(lockfile.At(p.Path, "version"), "is %q, want one exact version: lock again", lockfile.Abbreviate(p.Version))
	}
	if p.Link {
		c.refuse(lockfile.At(p.Path, "link"), "makes the package a link to a folder: only packages of a registry can be built")
	}
	if p.Resolved != "" {
		c.refuse(lockfile.At(p.Path, "resolved"), "names where to fetch the package: a lock names no address, the registry is each user's own "+
			"configuration, and git, file and http dependencies cannot be built; lock again")
	}
	switch digest, err := fetch.ParseSRI(p.Integrity); {
	case p.Integrity == "" && p.InBundle: // the archive that holds it is pinned
	case p.Integrity == "":
		c.refuse(lockfile.At(p.Path, "integrity"), "is missing: without a hash the package is not pinned; lock again")
	case err != nil || digest.Algorithm != "sha512":
		c.refuse(lockfile.At(p.Path, "integrity"), "is %q, want a sha512 hash: a weaker one does not pin the package; if the registry has no "+
			"other, choose another version of it with an override", lockfile.Abbreviate(p.Integrity))
	}
}

// placed checks that the package lies inside one that is there, as npm would place it.
func (c *checker) placed(p *lockfile.Package) {
	above := c.lock.Parent(p)
	if above == nil {
		c.refuse(lockfile.At(p.Path, ""), "lies inside a package that the lock does not have: lock again")
	} else if p.InBundle && c.lock.Holder(p) == c.lock.Root {
		c.refuse(lockfile.At(p.Path, "inBundle"), "says that the package comes inside another, but it lies inside none: lock again")
	}
}

// reachable checks that every package is there because another one wants it, and in the end the entry.
func (c *checker) reachable() {
	reached := reach(c.lock, func(*lockfile.Package) bool { return true }, func(lockfile.Edge) bool { return true })
	for _, p := range c.lock.Packages {
		if !reached[p] {
			c.refuse(lockfile.At(p.Path, ""), "is wanted by no package: lock again")
		}
	}
}

// overrides checks that each is in effect on every copy of its package.
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
			if p.Version != override.Version {
				c.refuse(lockfile.At(p.Path, "version"), "is %s, but the entry overrides %s with %s: run catalogctl lock %s",
					lockfile.Abbreviate(p.Version), override.Package, override.Version, c.entry.Name)
			}
		}
		if !found {
			c.refuse("", "the entry's %s is of %s, which nothing depends on: remove it from the entry", field, override.Package)
		}
	}
}

// installScripts checks that no package wants to run a script when it is installed, except those of which the entry says that they work
// without. What the lock does not admit shows in the package itself, see verify.
func (c *checker) installScripts() {
	for _, p := range c.lock.Packages {
		if p.HasInstallScript && !declaresScript(c.entry, p.Name) {
			c.refuse(lockfile.At(p.Path, "hasInstallScript"), "%s %s", p.Name, scriptAdvice(p.Name))
		}
	}
	for i, declared := range c.entry.InstallScripts {
		if !slices.ContainsFunc(c.lock.Packages, func(p *lockfile.Package) bool { return p.Name == declared.Package }) {
			c.refuse("", "the entry's installScripts[%d] is of %s, which is not in the lock: remove it from the entry", i, declared.Package)
		}
	}
}

func declaresScript(e entry.Entry, name string) bool {
	return slices.ContainsFunc(e.InstallScripts, func(s entry.InstallScript) bool { return s.Package == name })
}

func scriptAdvice(name string) string {
	return fmt.Sprintf("wants to run a script when it is installed, and scripts are never run here: if the server works without, "+
		"write installScripts: [{package: %q, reason: \"...\"}] into the entry", name)
}

func quoteSpecs(specs map[string]string) string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(specs)) {
		list = append(list, name+" "+specs[name])
	}
	if len(list) == 0 {
		return "empty"
	}
	return fmt.Sprintf("%q", lockfile.Abbreviate(strings.Join(list, ", ")))
}
