// Package lockfile is the lock of a uvx entry: a requirements.txt as pip and uv install from it, in one form that is written and read here.
//
// Above each package stand, as comments, the names of its wheels, in the order of the hashes below: a hash alone does not say which platform
// its wheel is for. Above a package that has only an sdist stands what is built from that. It names no address.
package lockfile

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/kind/pypi/sdist"
	"github.com/slipway-dev/slipway/internal/kind/pypi/wheel"
)

// MaxBytes bounds a lock; real ones have some tens of kilobytes.
const MaxBytes = 8 << 20

// Machines are the values of platform_machine that a lock is for.
var Machines = machines()

func machines() (all []string) {
	for _, target := range wheel.Targets {
		all = append(all, target.Machine)
	}
	return all
}

// Lock is what the file says.
type Lock struct {
	Packages []Package // sorted by name, then machine
}

// Package is one version of a package.
type Package struct {
	Name    string // normalised
	Version string
	Machine string // the only one of Machines that it is wanted on; empty means all
	Wheels  []Wheel
	Sdist   *Sdist // instead of wheels
}

// Wheel is a wheel that the package may be installed from.
type Wheel struct {
	wheel.Name
	SHA256 string // lower-case hexadecimal digits
}

// Sdist is a source distribution that a package is built from, for all machines alike.
type Sdist struct {
	sdist.Name
	SHA256  string     // lower-case hexadecimal digits, as is Content
	Wheel   wheel.Name // that is built from it
	Content string     // of the wheel, see wheel.Wheel
}

// On returns the packages that are wanted on a machine.
func (l *Lock) On(machine string) []Package {
	return slices.DeleteFunc(slices.Clone(l.Packages), func(p Package) bool { return p.Machine != "" && p.Machine != machine })
}

// header begins every lock.
const header = `# Every wheel of every package, for CPython ` + wheel.Python + ` on Linux. Written by catalogctl lock: change the entry, not this file.
`

const (
	hashPrefix   = "    --hash=sha256:"
	continued    = ` \`
	markerPrefix = ` ; platform_machine == "`
	builds       = " builds "
	content      = " with content sha256:"
)

// Marshal returns the lock in its one form. Packages and wheels are sorted first.
func (l *Lock) Marshal() []byte {
	slices.SortFunc(l.Packages, compare)
	var b strings.Builder
	b.WriteString(header)
	for _, p := range l.Packages {
		slices.SortFunc(p.Wheels, func(a, b Wheel) int { return cmp.Compare(a.File, b.File) })
		for _, w := range p.Wheels {
			fmt.Fprintf(&b, "# %s\n", w.File)
		}
		if s := p.Sdist; s != nil {
			fmt.Fprintf(&b, "# %s%s%s%s%s\n", s.File, builds, s.Wheel.File, content, s.Content)
		}
		fmt.Fprintf(&b, "%s==%s", p.Name, p.Version)
		if p.Machine != "" {
			b.WriteString(markerPrefix + p.Machine + `"`)
		}
		if p.Sdist != nil {
			b.WriteString(continued + "\n" + hashPrefix + p.Sdist.SHA256)
		}
		for _, w := range p.Wheels {
			b.WriteString(continued + "\n" + hashPrefix + w.SHA256)
		}
		b.WriteByte('\n')
	}
	return []byte(b.String())
}

func compare(a, b Package) int {
	return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Machine, b.Machine), cmp.Compare(a.Version, b.Version))
}
