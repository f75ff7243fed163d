package npm

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/kind"
	"github.com/slipway-dev/slipway/internal/kind/npm/lockfile"
)

// installation is what is laid out: the packages that a platform takes and the archives that they come in.
type installation struct {
	lock     *lockfile.Lock
	packages []*lockfile.Package
	archives map[*lockfile.Package]*archive // of those that are not bundled
}

// manifest returns what a package's own package.json says; verify makes sure that there is one.
func (i *installation) manifest(p *lockfile.Package) *manifest {
	archive, folder := i.source(p)
	return archive.parts[folder].Manifest
}

// source returns the archive that a package comes in and the folder inside it.
func (i *installation) source(p *lockfile.Package) (a *archive, folder string) {
	holder := i.lock.Holder(p)
	return i.archives[holder], strings.TrimPrefix(strings.TrimPrefix(p.Path, holder.Path), "/")
}

// verify compares the lock with the archives. Whoever wrote the lock may have lied in it, so nothing of what matters is taken from it alone.
func (i *installation) verify(e entry.Entry) error {
	var errs []error
	refuse := func(p *lockfile.Package, format string, args ...any) {
		errs = append(errs, &kind.LockError{File: LockFile, Field: lockfile.At(p.Path, ""), Reason: fmt.Sprintf(format, args...)})
	}
	for _, p := range i.packages {
		archive, folder := i.source(p)
		if archive == nil {
			refuse(p, "comes inside a package that is left out on this platform: lock again")
			continue
		}
		part := archive.parts[folder]
		if part == nil || part.Manifest == nil {
			refuse(p, "is not in the archive of the package that should hold it: lock again")
			continue
		}
		if !part.Manifest.is(p.Name, p.Version) {
			refuse(p, "is %s %s in the lock, but the archive says that it is %s %s: lock again, and ask who changed the lock", p.Name, p.Version,
				lockfile.Abbreviate(part.Manifest.Name), lockfile.Abbreviate(part.Manifest.Version))
		}
		if script := part.Manifest.installScript(part.HasGyp); script != "" && !declaresScript(e, p.Name) {
			refuse(p, "%s %s (%s)", p.Name, scriptAdvice(p.Name), lockfile.Abbreviate(script))
		}
	}
	for _, p := range i.packages {
		if p.InBundle {
			continue
		}
		for _, folder := range slices.Sorted(maps.Keys(i.archives[p].parts)) {
			if folder == "" {
				continue
			}
			if inner := i.lock.At(p.Path + "/" + folder); inner == nil || !inner.InBundle {
				refuse(p, "the archive carries another package in %s, which the lock does not show: it cannot be built", lockfile.Abbreviate(folder))
			}
		}
	}
	return errors.Join(errs...)
}

// entrypoint returns the path, inside the image, of the command that starts the entry's server.
func (i *installation) entrypoint(e entry.Entry) (string, error) {
	p := i.lock.At("node_modules/" + e.Package.Name)
	bins := i.manifest(p).Bin
	names := slices.Sorted(maps.Keys(bins))
	unscoped := e.Package.Name[strings.LastIndexByte(e.Package.Name, '/')+1:]
	name := e.Package.Bin
	switch {
	case len(names) == 0:
		return "", fmt.Errorf("package %s %s has no command, so it is no server that can be started: check package.name", p.Name, p.Version)
	case name != "" && bins[name] == "":
		return "", fmt.Errorf("package %s %s has no command %q: set package.bin to one of %s", p.Name, p.Version, name, strings.Join(names, ", "))
	case name != "":
	case bins[unscoped] != "":
		name = unscoped
	case len(names) == 1:
		name = names[0]
	default:
		return "", fmt.Errorf("package %s %s has several commands: set package.bin to one of %s", p.Name, p.Version, strings.Join(names, ", "))
	}
	if archive, _ := i.source(p); !archive.files[bins[name]] {
		return "", fmt.Errorf("package %s %s says that its command %q is %q, but it has no such file", p.Name, p.Version, name, bins[name])
	}
	return AppDir + "/" + p.Path + "/" + bins[name], nil
}
