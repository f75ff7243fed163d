package npm

import (
	"regexp"
	"slices"
	"strings"

	"deps.dev/util/semver"

	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/kind/npm/lockfile"
)

// edges checks that Node.js finds every dependency of a package, and in a version that the package accepts. Of peer dependencies only the
// presence is checked: npm itself settles conflicts between them by taking one.
func (c *checker) edges(p *lockfile.Package) {
	for _, edge := range p.Edges() {
		found := c.lock.Resolve(p, edge.Name)
		if found == nil {
			if !edge.Strength.MayLack() {
				c.refuse(lockfile.At(p.Path, edge.Field), "wants %s %s, which the lock does not have: lock again", edge.Name, lockfile.Abbreviate(edge.Spec))
			}
			continue
		}
		name, versions := edge.Target()
		if overridden(c.entry, name) {
			continue
		}
		if found.Name != name && edge.Strength != lockfile.OptionalPeer {
			c.refuse(lockfile.At(p.Path, edge.Field), "wants %s, but the lock has %s in its place, at %s: lock again",
				lockfile.Abbreviate(name), lockfile.Abbreviate(found.Name), lockfile.Abbreviate(found.Path))
			continue
		}
		strict := edge.Strength == lockfile.Required || edge.Strength == lockfile.Optional
		if strict && !found.InBundle && !accepts(versions, found.Version) {
			c.refuse(lockfile.At(p.Path, edge.Field), "wants %s %s, but the lock has %s in its place, at %s: lock again",
				edge.Name, lockfile.Abbreviate(edge.Spec), lockfile.Abbreviate(found.Version), lockfile.Abbreviate(found.Path))
		}
	}
}

func overridden(e entry.Entry, name string) bool {
	return slices.ContainsFunc(e.Overrides, func(o entry.Override) bool { return o.Package == name })
}

// maxRange bounds the text that is read as a range; npm's longest real ones have a tenth of it.
const maxRange = 2000

var tag = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9._-]{0,100}$`)

// accepts says whether a version lies in a range by npm's rules (node-semver, which deps.dev/util/semver follows). A tag such as latest
// accepts any version, since only the registry knows which one it meant.
func accepts(versions, version string) bool {
	if versions = strings.TrimSpace(versions); versions == "" || versions == "*" || versions == version {
		return true
	}
	if len(versions) > maxRange {
		return false
	}
	constraint, err := semver.NPM.ParseConstraint(versions)
	if err != nil {
		return tag.MatchString(versions)
	}
	v, err := semver.NPM.Parse(version)
	return err == nil && constraint.MatchVersion(v)
}

// reach returns what the root needs, going along the edges that follow allows to the packages that keep allows.
func reach(lock *lockfile.Lock, keep func(*lockfile.Package) bool, follow func(lockfile.Edge) bool) map[*lockfile.Package]bool {
	reached := map[*lockfile.Package]bool{lock.Root: true}
	queue := []*lockfile.Package{lock.Root}
	for len(queue) > 0 {
		p := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		for _, edge := range p.Edges() {
			if to := lock.Resolve(p, edge.Name); to != nil && !reached[to] && follow(edge) && keep(to) {
				reached[to] = true
				queue = append(queue, to)
			}
		}
	}
	return reached
}
