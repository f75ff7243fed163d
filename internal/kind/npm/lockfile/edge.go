package lockfile

import (
	"slices"
	"strings"
)

// Strength is how much a package needs a dependency.
type Strength int

// The strengths, in npm's words: dependencies and optionalDependencies, peerDependencies, and those that peerDependenciesMeta makes optional.
const (
	Required Strength = iota
	Optional
	Peer
	OptionalPeer
)

// MayLack says whether the package works without the dependency.
func (s Strength) MayLack() bool { return s == Optional || s == OptionalPeer }

// Edge is a dependency as a package declares it.
type Edge struct {
	Name     string // under which it is installed
	Spec     string // a range of versions, a tag, or an alias such as npm:other@^1
	Strength Strength
	Field    string // of the lock that declares it
}

// Edges returns what the package depends on, ordered by name. Where a name is declared twice, optionalDependencies win over dependencies and
// these over peerDependencies, as in npm. Development dependencies are not among them.
func (p *Package) Edges() []Edge { return p.edges }

func (p *Package) gatherEdges() []Edge {
	edges := make(map[string]Edge, len(p.Dependencies)+len(p.OptionalDependencies)+len(p.PeerDependencies))
	for name, spec := range p.PeerDependencies {
		strength := Peer
		if slices.Contains(p.optionalPeers, name) {
			strength = OptionalPeer
		}
		edges[name] = Edge{name, spec, strength, "peerDependencies"}
	}
	for name, spec := range p.Dependencies {
		edges[name] = Edge{name, spec, Required, "dependencies"}
	}
	for name, spec := range p.OptionalDependencies {
		edges[name] = Edge{name, spec, Optional, "optionalDependencies"}
	}
	list := make([]Edge, 0, len(edges))
	for _, edge := range edges {
		list = append(list, edge)
	}
	slices.SortFunc(list, func(a, b Edge) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// Target splits the edge's spec into the name that the package has in the registry and what its version must be.
func (e Edge) Target() (name, versions string) {
	alias, ok := strings.CutPrefix(e.Spec, "npm:")
	if !ok {
		return e.Name, e.Spec
	}
	if at := strings.LastIndexByte(alias, '@'); at > 0 {
		return alias[:at], alias[at+1:]
	}
	return alias, ""
}
