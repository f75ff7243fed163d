package wheel

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"deps.dev/util/pypi"
	"deps.dev/util/semver"
)

// Name is what the name of a wheel's file says.
type Name struct {
	File    string
	Project string // normalised
	Version string
	build   pypi.WheelBuildTag
	tags    []pypi.PEP425Tag
}

// fileName is the shape of a wheel's file name. Nothing in it can lead anywhere else in a path or an address.
var fileName = regexp.MustCompile(`^[A-Za-z0-9_.]{1,100}-[A-Za-z0-9_.!+]{1,100}(-[0-9][A-Za-z0-9_.]{0,50})?(-[A-Za-z0-9_.]{1,100}){3}\.whl$`)

// maxTags bounds the tags that one name stands for: each of its three last parts may list several.
const maxTags = 500

// ParseName reads the name of a wheel's file (binary distribution format, "File name convention").
func ParseName(file string) (Name, error) {
	if len(file) > 255 || !fileName.MatchString(file) {
		return Name{}, fmt.Errorf("%.100q is not the name of a wheel", file)
	}
	info, err := pypi.ParseWheelName(file)
	if err != nil {
		return Name{}, fmt.Errorf("%.100q is not the name of a wheel: %w", file, err)
	}
	if len(info.Platforms) > maxTags {
		return Name{}, fmt.Errorf("%.100q lists more than %d platforms", file, maxTags)
	}
	return Name{
		File: file, Project: pypi.CanonPackageName(info.Name), Version: info.Version, build: info.BuildTag, tags: info.Platforms,
	}, nil
}

// Pure reports whether the wheel is for every platform: it holds no compiled program, as far as its name tells.
func (n Name) Pure() bool {
	return len(n.tags) > 0 && !slices.ContainsFunc(n.tags, func(t pypi.PEP425Tag) bool { return t.ABI != "none" || t.Platform != "any" })
}

// SameVersion says whether two texts are one version (PEP 440), as 1.0 and 1.0.0 are. What is no version is the same as nothing.
func SameVersion(a, b string) bool {
	left, err := semver.PyPI.Parse(strings.ToLower(a)) // the library heeds the case of local versions
	if err != nil {
		return false
	}
	right, err := semver.PyPI.Parse(strings.ToLower(b))
	return err == nil && left.Compare(right) == 0
}

// Project returns the normalised form of a project's name (PEP 503).
func Project(name string) string { return pypi.CanonPackageName(name) }

// Choose returns the one of the wheels that an installer takes on a target: the one of the most specific tag, and of these the latest build.
// It returns false if none runs there.
func Choose(names []Name, t *Target) (best Name, ok bool) {
	for _, n := range names {
		if !t.Runs(n) {
			continue
		}
		if !ok || cmp.Or(
			cmp.Compare(t.rank(n), t.rank(best)), -cmp.Compare(n.build.Num, best.build.Num),
			-cmp.Compare(n.build.Tag, best.build.Tag), cmp.Compare(n.File, best.File),
		) < 0 {
			best, ok = n, true
		}
	}
	return best, ok
}
