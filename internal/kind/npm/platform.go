package npm

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/slipway-dev/slipway/internal/kind"
	"github.com/slipway-dev/slipway/internal/kind/npm/lockfile"
)

// target is a platform in the words of package.json.
type target struct{ os, cpu, libc string }

// targetOf translates a platform. The bases are Debian's, so the C library is glibc.
func targetOf(platform v1.Platform) (target, error) {
	cpu, ok := map[string]string{"amd64": "x64", "arm64": "arm64"}[platform.Architecture]
	if !ok || platform.OS != "linux" {
		return target{}, fmt.Errorf("npx entries cannot be built for %s: linux/amd64 and linux/arm64 are possible", platform)
	}
	return target{"linux", cpu, "glibc"}, nil
}

// runs says whether the package declares that it works on the target.
func (t target) runs(p *lockfile.Package) bool {
	return allows(p.OS, t.os) && allows(p.CPU, t.cpu) && allows(p.Libc, t.libc)
}

// allows applies one of package.json's lists: what it names with "!" is excluded, and what it names without is all there is.
func allows(list []string, value string) bool {
	if len(list) == 0 || len(list) == 1 && list[0] == "any" {
		return true
	}
	positive, match := false, false
	for _, element := range list {
		excluded, negative := strings.CutPrefix(element, "!")
		if negative && excluded == value {
			return false
		}
		positive = positive || !negative
		match = match || element == value
	}
	return match || !positive
}

// choose returns the packages that npm would install on the target, in the lock's order. An optional dependency that does not run there is
// left out, with all that cannot do without it and all that only it needs; anything else that does not run there is an error.
func choose(lock *lockfile.Lock, t target) ([]*lockfile.Package, error) {
	all := func(*lockfile.Package) bool { return true }
	needed := reach(lock, all, func(e lockfile.Edge) bool { return !e.Strength.MayLack() })
	broken := map[*lockfile.Package]bool{}
	var errs []error
	for _, p := range lock.Packages {
		if t.runs(p) {
			continue
		}
		broken[p] = true
		if needed[p] {
			errs = append(errs, &kind.LockError{
				File: LockFile, Field: lockfile.At(p.Path, ""),
				Reason: fmt.Sprintf("%s does not run on %s/%s (%s), and the server cannot do without it: build for other platforms only",
					p.Name, t.os, t.cpu, t.libc),
			})
		}
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	spread(lock, broken)
	kept := reach(lock, func(p *lockfile.Package) bool { return !broken[p] }, func(lockfile.Edge) bool { return true })
	var chosen []*lockfile.Package
	for _, p := range lock.Packages {
		if kept[p] {
			chosen = append(chosen, p)
		}
	}
	return chosen, nil
}

// spread adds to broken whatever cannot do without a package that is in it.
func spread(lock *lockfile.Lock, broken map[*lockfile.Package]bool) {
	if len(broken) == 0 {
		return
	}
	needing := map[*lockfile.Package][]*lockfile.Package{}
	for _, p := range lock.Packages {
		for _, edge := range p.Edges() {
			if to := lock.Resolve(p, edge.Name); to != nil && !edge.Strength.MayLack() {
				needing[to] = append(needing[to], p)
			}
		}
	}
	queue := slices.Collect(maps.Keys(broken))
	for len(queue) > 0 {
		p := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		for _, dependent := range needing[p] {
			if !broken[dependent] {
				broken[dependent] = true
				queue = append(queue, dependent)
			}
		}
	}
}
