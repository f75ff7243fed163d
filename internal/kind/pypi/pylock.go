package pypi

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"github.com/slipway-dev/slipway/internal/kind/pypi/lockfile"
	"github.com/slipway-dev/slipway/internal/kind/pypi/marker"
	"github.com/slipway-dev/slipway/internal/kind/pypi/wheel"
)

// pylockFile is what uv writes, and maxPylock bounds it in bytes: it has the files for every platform there is.
const (
	pylockFile = "pylock.toml"
	maxPylock  = 64 << 20
)

// pylock is what is read of a pylock.toml (Python packaging specification "pylock.toml", PEP 751).
type pylock struct {
	Version  string          `toml:"lock-version"`
	Packages []pylockPackage `toml:"packages"`
}

type pylockPackage struct {
	Name    string `toml:"name"`
	Version string `toml:"version"`
	Marker  string `toml:"marker"`
	Wheels  []struct {
		Name   string            `toml:"name"`
		URL    string            `toml:"url"`
		Hashes map[string]string `toml:"hashes"`
	} `toml:"wheels"`
}

// fromPylock keeps of uv's answer what an image can need: on each machine the packages that are wanted there, with the wheels that run there, or
// with the sdist that was built.
func fromPylock(data []byte, built *allowed) (*lockfile.Lock, error) {
	var answer pylock
	if err := toml.Unmarshal(data, &answer); err != nil {
		return nil, fmt.Errorf("%s is not TOML: %w", pylockFile, err)
	}
	if major, _, _ := strings.Cut(answer.Version, "."); major != "1" {
		return nil, fmt.Errorf("%s is of version %.20q: only 1 is known", pylockFile, answer.Version)
	}
	lock := &lockfile.Lock{}
	var errs []error
	for _, p := range answer.Packages {
		packages, err := pinned(p, built.find(p.Name, p.Version))
		if err != nil {
			errs = append(errs, fmt.Errorf("package %.100q %.100q: %w", p.Name, p.Version, err))
		}
		lock.Packages = append(lock.Packages, packages...)
	}
	return lock, errors.Join(errs...)
}

// pinned returns what a package becomes in the lock: nothing if no machine wants it, itself if all do, and else itself for the one.
func pinned(p pylockPackage, built *lockfile.Sdist) ([]lockfile.Package, error) {
	condition, err := marker.Parse(p.Marker)
	if err != nil {
		return nil, err
	}
	var found []lockfile.Package
	for _, target := range wheel.Targets {
		if !condition.Holds(environment(target), nil) {
			continue
		}
		pin := lockfile.Package{Name: p.Name, Version: p.Version, Machine: target.Machine, Sdist: built}
		if built == nil {
			if pin.Wheels, err = wheelsFor(p, target); err != nil {
				return nil, err
			}
		}
		found = append(found, pin)
	}
	if len(found) < len(lockfile.Machines) {
		return found, nil
	}
	all := lockfile.Package{Name: p.Name, Version: p.Version, Sdist: built}
	for _, pin := range found {
		for _, w := range pin.Wheels {
			if !slices.ContainsFunc(all.Wheels, func(known lockfile.Wheel) bool { return known.File == w.File }) {
				all.Wheels = append(all.Wheels, w)
			}
		}
	}
	return []lockfile.Package{all}, nil
}

// wheelsFor returns the wheels of a package that run on a target.
func wheelsFor(p pylockPackage, target *wheel.Target) (wheels []lockfile.Wheel, err error) {
	for _, w := range p.Wheels {
		file := w.Name
		if file == "" {
			u, err := url.Parse(w.URL)
			if err != nil {
				return nil, fmt.Errorf("the address of a wheel: %w", err)
			}
			file = path.Base(u.Path)
		}
		name, err := wheel.ParseName(file)
		if err != nil || !target.Runs(name) {
			continue // whatever it is, nothing here installs it
		}
		wheels = append(wheels, lockfile.Wheel{Name: name, SHA256: w.Hashes["sha256"]})
	}
	if len(wheels) == 0 {
		return nil, fmt.Errorf("it has no wheel for CPython %s on linux/%s, and its sdist is not allowed: choose a version that has one, "+
			"of the package or, with an override, of what it depends on, or allow its sdist under sdists", wheel.Python, target.Machine)
	}
	return wheels, nil
}

// environment is what markers are evaluated in: CPython of the base on Linux.
func environment(target *wheel.Target) marker.Environment {
	return marker.Environment{
		"os_name": "posix", "sys_platform": "linux", "platform_system": "Linux", "platform_machine": target.Machine,
		"platform_release": "", "platform_version": "",
		"platform_python_implementation": "CPython", "implementation_name": "cpython",
		"python_version": wheel.Python, "python_full_version": wheel.PythonFull, "implementation_version": wheel.PythonFull,
	}
}
