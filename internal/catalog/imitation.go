package catalog

import (
	"strings"

	"github.com/slipway-dev/slipway/internal/entry"
)

// pair is two names in the order of the alphabet.
type pair [2]string

func pairOf(a, b string) pair {
	if a > b {
		a, b = b, a
	}
	return pair{a, b}
}

// checkImitations finds entries, packages and owners of packages whose name looks like that of another entry's, unless one of the two
// entries says under distinctFrom that they are distinct.
func checkImitations(items []Item, names map[string][]*Item) Problems {
	vouched := map[pair]bool{}
	for _, i := range items {
		for _, d := range i.Entry.DistinctFrom {
			vouched[pairOf(i.Entry.Name, d.Name)] = true
		}
	}
	var problems Problems
	known := newLikeness()
	for _, i := range items {
		for _, a := range known.add(i.Entry.Name) {
			if !vouched[pairOf(i.Entry.Name, a.name)] {
				problems = append(problems, i.problem("name", "%q %s %q, the name of %s; rename it, or say under distinctFrom why it is no imitation",
					i.Entry.Name, a.why, a.name, names[a.name][0].Entry.ID()))
			}
		}
	}
	for _, kind := range []entry.Kind{entry.NPX, entry.UVX, entry.Go, entry.Container} {
		offers := offersOf(items, kind)
		problems = append(problems, checkPackages(offers, vouched)...)
		problems = append(problems, checkOwners(offers, names)...)
	}
	return problems
}

// offer is the software of an entry under the name that its ecosystem knows.
type offer struct {
	Item
	field, software, owner string
}

func offersOf(items []Item, kind entry.Kind) []offer {
	var offers []offer
	for _, i := range items {
		if what, field := software(i.Entry); what != "" && i.Entry.Kind == kind {
			offers = append(offers, offer{i, field, what, owner(kind, what)})
		}
	}
	return offers
}

// owner is the part of a package's name that its registry gives to one owner: an npm scope, the host and account of an import path or an
// image. It is empty where the registry knows no such thing.
func owner(kind entry.Kind, name string) string {
	parts := strings.SplitN(name, "/", 3)
	switch {
	case kind == entry.NPX && strings.HasPrefix(name, "@"):
		return parts[0]
	case (kind == entry.Go || kind == entry.Container) && len(parts) > 1:
		return parts[0] + "/" + parts[1]
	}
	return ""
}

// checkPackages compares the names of packages, but for siblings of one owner, who vouches for them.
func checkPackages(offers []offer, vouched map[pair]bool) Problems {
	var problems Problems
	known := newLikeness()
	first := map[string]offer{}
	for _, o := range offers {
		if _, repeated := first[o.software]; repeated {
			continue // a duplicate, which is reported as such
		}
		first[o.software] = o
		for _, a := range known.add(o.software) {
			other := first[a.name]
			siblings := o.owner != "" && o.owner == other.owner
			if !siblings && !vouched[pairOf(o.Entry.Name, other.Entry.Name)] {
				problems = append(problems, o.problem(o.field, "%q %s %q of %s; check that it is the one you mean, and say so under distinctFrom",
					o.software, a.why, a.name, other.Entry.ID()))
			}
		}
	}
	return problems
}

// checkOwners compares the owners of packages. Where one entry vouches for an owner, it does so for all entries of that owner.
func checkOwners(offers []offer, names map[string][]*Item) Problems {
	vouched := map[pair]bool{}
	for _, o := range offers {
		for _, d := range o.Entry.DistinctFrom {
			for _, other := range names[d.Name] {
				what, _ := software(other.Entry)
				vouched[pairOf(o.owner, owner(other.Entry.Kind, what))] = true
			}
		}
	}
	var problems Problems
	known := newLikeness()
	first := map[string]offer{}
	for _, o := range offers {
		if _, repeated := first[o.owner]; repeated || o.owner == "" {
			continue
		}
		first[o.owner] = o
		for _, a := range known.add(o.owner) {
			if !vouched[pairOf(o.owner, a.name)] {
				problems = append(problems, o.problem(o.field, "belongs to %q, which %s %q, the owner of %s; check that it is the one you mean, and say so under distinctFrom",
					o.owner, a.why, a.name, first[a.name].Entry.ID()))
			}
		}
	}
	return problems
}
