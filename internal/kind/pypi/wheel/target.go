package wheel

import (
	"fmt"
	"math"

	"deps.dev/util/pypi"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// The Python and the C library of bases that uvx entries stand on, Debian trixie's.
const (
	pythonMinor = 13
	glibcMinor  = 41
)

// Python is the version of the language, and PythonFull that of the interpreter.
const (
	Python     = "3.13"
	PythonFull = "3.13.5"
)

// Target is where a wheel is to run: CPython on Linux with glibc. It is not changed once it is made.
type Target struct {
	Machine string // as uname has it: x86_64 or aarch64
	ranks   map[pypi.PEP425Tag]int
}

// Targets are all that there are.
var Targets = []*Target{newTarget("x86_64"), newTarget("aarch64")}

func newTarget(machine string) *Target {
	t := &Target{Machine: machine, ranks: map[pypi.PEP425Tag]int{}}
	for _, tag := range tags(machine) {
		t.ranks[tag] = len(t.ranks)
	}
	return t
}

// TargetOf translates a platform.
func TargetOf(platform v1.Platform) (*Target, error) {
	machine := map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[platform.Architecture]
	for _, t := range Targets {
		if platform.OS == "linux" && t.Machine == machine {
			return t, nil
		}
	}
	return nil, fmt.Errorf("uvx entries cannot be built for %s: linux/amd64 and linux/arm64 are possible", platform)
}

// Runs says whether a wheel is for the target.
func (t *Target) Runs(n Name) bool { return t.rank(n) < math.MaxInt }

// rank is the place of the wheel's best tag in the list of those that run, the lower the better.
func (t *Target) rank(n Name) int {
	best := math.MaxInt
	for _, tag := range n.tags {
		if rank, ok := t.ranks[tag]; ok {
			best = min(best, rank)
		}
	}
	return best
}

// tags lists what runs on a machine, the most specific first, in the order of pip and uv (platform compatibility tags, PEP 425 and PEP 600).
func tags(machine string) (all []pypi.PEP425Tag) {
	platforms := platforms(machine)
	each := func(python, abi string) {
		for _, platform := range platforms {
			all = append(all, pypi.PEP425Tag{Python: python, ABI: abi, Platform: platform})
		}
	}
	own := fmt.Sprint("cp3", pythonMinor)
	each(own, own)
	each(own, "abi3")
	each(own, "none")
	for minor := pythonMinor - 1; minor >= 2; minor-- {
		each(fmt.Sprint("cp3", minor), "abi3")
	}
	pure := []string{fmt.Sprint("py3", pythonMinor), "py3"}
	for minor := pythonMinor - 1; minor >= 0; minor-- {
		pure = append(pure, fmt.Sprint("py3", minor))
	}
	for _, python := range pure {
		each(python, "none")
	}
	for _, python := range append([]string{own}, pure...) {
		all = append(all, pypi.PEP425Tag{Python: python, ABI: "none", Platform: "any"})
	}
	return all
}

// platforms lists the tags of a machine's platform: glibc in all versions up to the base's, by both of their names, and any Linux last.
func platforms(machine string) (all []string) {
	oldest, aliases := 17, map[int]string{17: "manylinux2014"}
	if machine == "x86_64" {
		oldest, aliases[12], aliases[5] = 5, "manylinux2010", "manylinux1"
	}
	for minor := glibcMinor; minor >= oldest; minor-- {
		all = append(all, fmt.Sprintf("manylinux_2_%d_%s", minor, machine))
		if alias, ok := aliases[minor]; ok {
			all = append(all, alias+"_"+machine)
		}
	}
	return append(all, "linux_"+machine)
}
