package catalog

import (
	"fmt"
	"strings"

	"github.com/slipway-dev/slipway/internal/entry"
)

// problem is one of the item's, at a field of its entry.
func (i Item) problem(field, format string, args ...any) *Problem {
	at := i.Position(field)
	return &Problem{File: i.File, Line: at.Line, Column: at.Column, Field: field, Message: fmt.Sprintf(format, args...)}
}

// checkTogether applies the rules that need every entry. It takes time linear in their number.
func checkTogether(items []Item) Problems {
	names := map[string][]*Item{}
	for k := range items {
		names[items[k].Entry.Name] = append(names[items[k].Entry.Name], &items[k])
	}
	var problems Problems
	for k := range items {
		problems = append(problems, checkReferences(items[k], names)...)
		problems = append(problems, checkRepetitions(items[k])...)
	}
	problems = append(problems, checkDuplicates(items)...)
	return append(problems, checkImitations(items, names)...)
}

// checkReferences finds names of entries that are none.
func checkReferences(i Item, names map[string][]*Item) Problems {
	var problems Problems
	for k, d := range i.Entry.DistinctFrom {
		field := fmt.Sprintf("distinctFrom[%d].name", k)
		switch {
		case d.Name == i.Entry.Name:
			problems = append(problems, i.problem(field, "names the entry itself; name the entry that it looks like"))
		case len(names[d.Name]) == 0:
			problems = append(problems, i.problem(field, "names %q, which is no entry of this catalog; remove it", d.Name))
		}
	}
	if s := i.Entry.Successor; s != "" && (s == i.Entry.Name || len(names[s]) == 0) {
		problems = append(problems, i.problem("successor", "names %q, which is no other entry of this catalog; name the entry to use instead", s))
	}
	return problems
}

// checkRepetitions finds elements of lists that say something about the same thing. CUE could, but at a cost for every entry.
func checkRepetitions(i Item) Problems {
	var problems Problems
	seen := map[string]bool{}
	once := func(list string, k int, member, what string) {
		if key := list + " " + what; seen[key] {
			problems = append(problems, i.problem(fmt.Sprintf("%s[%d].%s", list, k, member), "is %q, as in another element; keep one", what))
		} else {
			seen[key] = true
		}
	}
	for k, v := range i.Entry.Env {
		once("env", k, "name", v.Name)
	}
	for k, o := range i.Entry.Overrides {
		once("overrides", k, "package", o.Package)
	}
	for k, c := range i.Entry.Constraints {
		once("constraints", k, "package", c.Package)
	}
	for k, s := range i.Entry.InstallScripts {
		once("installScripts", k, "package", s.Package)
	}
	for k, s := range i.Entry.Sdists {
		once("sdists", k, "package", s.Package)
	}
	for k, w := range i.Entry.Waivers {
		once("waivers", k, "fingerprint", w.Fingerprint)
	}
	if i.Entry.Remote != nil {
		for k, h := range i.Entry.Remote.Headers {
			once("remote.headers", k, "name", strings.ToLower(h.Name))
		}
	}
	return problems
}

// checkDuplicates finds software that two entries offer.
func checkDuplicates(items []Item) Problems {
	var problems Problems
	seen := map[string]Item{}
	for _, i := range items {
		what, field := software(i.Entry)
		if what == "" {
			continue
		}
		key := string(i.Entry.Kind) + " " + what
		if before, taken := seen[key]; taken {
			problems = append(problems, i.problem(field, "is %q, which %s offers already; keep one of the two entries", what, before.Entry.ID()))
			continue
		}
		seen[key] = i
	}
	return problems
}

// software identifies what an entry offers, whatever its version, and the field that says so.
func software(e entry.Entry) (what, field string) {
	switch {
	case e.Package != nil:
		return e.Package.Name, "package.name"
	case e.Image != nil:
		return e.Image.Name, "image.name"
	case e.Remote != nil:
		return strings.TrimSuffix(e.Remote.URL, "/"), "remote.url"
	case e.Source != nil:
		return strings.TrimSuffix(e.Source.URL, ".git") + "//" + e.Source.Path, "source.url"
	}
	return "", ""
}
