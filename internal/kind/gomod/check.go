package gomod

import (
	"errors"
	"fmt"
	"io/fs"

	"golang.org/x/mod/module"

	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/kind"
	"github.com/slipway-dev/slipway/internal/kind/gomod/lockfile"
)

// CheckLock reports why the lock in dir does not pin what the entry says; see kind.Ecosystem.
func (*Ecosystem) CheckLock(e entry.Entry, dir fs.FS) error {
	_, _, err := load(e, dir)
	return err
}

// load reads and checks the lock.
func load(e entry.Entry, dir fs.FS) (*lockfile.Lock, map[string][]byte, error) {
	files, err := readLock(dir)
	var missing *fs.PathError
	if errors.Is(err, fs.ErrNotExist) && errors.As(err, &missing) {
		return nil, nil, &kind.LockError{File: missing.Path, Reason: "is missing: run catalogctl lock " + e.Name}
	}
	if err != nil {
		return nil, nil, fmt.Errorf("cannot read the lock of %s: %w", e.ID(), err)
	}
	lock, err := check(e, files)
	return lock, files, err
}

// check returns the lock if nothing is wrong with it, and else every reason, joined.
func check(e entry.Entry, files map[string][]byte) (*lockfile.Lock, error) {
	if e.Package == nil {
		return nil, &kind.LockError{File: lockfile.ModFile, Reason: "the entry names no package"}
	}
	lock, problems := lockfile.Parse(files[lockfile.ModFile], files[lockfile.SumFile])
	c := &checker{entry: e, lock: lock}
	for _, p := range problems {
		c.refuse(p.File, p.Field, "%s", p.Reason)
	}
	if len(problems) == 0 {
		c.command()
		c.sums()
		c.overrides()
	}
	return lock, errors.Join(c.errs...)
}

// checker collects the reasons against one lock.
type checker struct {
	entry entry.Entry
	lock  *lockfile.Lock
	errs  []error
}

func (c *checker) refuse(file, field, format string, args ...any) {
	c.errs = append(c.errs, &kind.LockError{File: file, Field: field, Reason: fmt.Sprintf(format, args...)})
}

// command checks that the lock was made for the entry's command, and has the module that holds it at the entry's version.
func (c *checker) command() {
	if want := modulePath(c.entry); c.lock.Module != want {
		c.refuse(lockfile.ModFile, "module", "is %s, want %s: run catalogctl lock %s", lockfile.Abbreviate(c.lock.Module), want, c.entry.Name)
	}
	want := c.entry.Package
	if c.lock.Tool != want.Name {
		c.refuse(lockfile.ModFile, "tool", "is %s, but the entry wants %s: run catalogctl lock %s",
			lockfile.Abbreviate(c.lock.Tool), want.Name, c.entry.Name)
	}
	switch holder, ok := c.lock.Holder(want.Name); {
	case !ok:
		c.refuse(lockfile.ModFile, "require", "names no module that holds %s: run catalogctl lock %s", want.Name, c.entry.Name)
	case holder.Version != want.Version:
		c.refuse(lockfile.ModFile, "require "+holder.Path, "is %s, but the entry wants %s: run catalogctl lock %s",
			holder.Version, want.Version, c.entry.Name)
	case c.lock.Sums.Module(holder) == "":
		c.refuse(lockfile.SumFile, holder.Path, "has no hash of the entry's module at %s: run catalogctl lock %s", holder.Version, c.entry.Name)
	}
}

// sums checks that the go.mod of every module is pinned. Of which modules the files are needed, only a build can tell, and it does.
func (c *checker) sums() {
	for _, m := range c.lock.Modules() {
		if c.lock.Sums.GoMod(m) == "" {
			c.refuse(lockfile.SumFile, m.Path, "has no hash of its go.mod at %s: run catalogctl lock %s", m.Version, c.entry.Name)
		}
	}
}

// overrides checks that what the entry overrides is so in the lock. Go takes the highest version that any module asks for, so one can only be
// raised.
func (c *checker) overrides() {
	holder, _ := c.lock.Holder(c.entry.Package.Name)
	for i, override := range c.entry.Overrides {
		field := fmt.Sprintf("overrides[%d]", i)
		switch version, found := c.lock.Versions[override.Package]; {
		case override.Package == holder.Path:
			c.refuse(lockfile.ModFile, "", "the entry's %s is of its own module %s: set package.version instead", field, override.Package)
		case !found:
			c.refuse(lockfile.ModFile, "", "the entry's %s is of %s, which nothing depends on: remove it from the entry", field, override.Package)
		case version != override.Version:
			c.refuse(lockfile.ModFile, "require "+override.Package, "is %s, but the entry overrides it with %s: run catalogctl lock %s; if that "+
				"changes nothing, another module asks for more, and Go takes the highest", version, override.Version, c.entry.Name)
		}
	}
}

func atVersion(m module.Version) string { return m.Path + "@" + m.Version }
