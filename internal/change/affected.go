package change

import (
	"cmp"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/catalog"
)

// Affected is an entry that must be looked at again, and why, in a few words.
type Affected struct {
	Name
	Because string
}

// Renamed is an entry that goes by another name now.
type Renamed struct {
	From Name `json:"from"`
	To   Name `json:"to"`
}

// Effect is what changed files mean to a catalog. All lists are sorted.
type Effect struct {
	Entries []Affected // that are there; a renamed one by its new name
	Removed []Name     // that are not there any more, without the renamed ones
	Renamed []Renamed
}

// Of returns what changed files mean to the catalog in root, whose entries are items: those that could be read and may be affected by what
// they share. An entry whose own folder changed is affected whether or not it is among the items. A changed folder that can be no entry's is
// an error, for it would go unjudged.
func Of(files []File, items []catalog.Item, root fs.FS) (Effect, error) {
	folders := map[Name][]File{}
	bases := map[string]bool{}
	shared := ""
	for _, f := range files {
		switch part, name := place(f.Path); part {
		case ownFolder:
			if !name.valid() {
				if f.Status == Removed {
					continue
				}
				return Effect{}, fmt.Errorf("%s changed, and %q is no name of an entry: rename the folder, or move it away", f.Path, name.Name)
			}
			folders[name] = append(folders[name], f)
		case baseFolder:
			bases[name.Name] = true
		case everything:
			shared = cmp.Or(shared, f.Path)
		case nothing:
		}
	}
	var e Effect
	for name, changed := range folders {
		if _, err := fs.Stat(root, name.Dir()); err == nil {
			e.Entries = append(e.Entries, Affected{name, "its folder changed"})
			e.noteRenamed(name, changed, root)
		} else {
			e.Removed = append(e.Removed, name)
		}
	}
	e.Removed = slices.DeleteFunc(e.Removed, func(n Name) bool {
		return slices.ContainsFunc(e.Renamed, func(r Renamed) bool { return r.From == n })
	})
	for _, item := range items {
		name := Name{item.Entry.Kind, item.Entry.Name}
		switch {
		case folders[name] != nil:
		case shared != "":
			e.Entries = append(e.Entries, Affected{name, shared + " changed, which concerns every entry"})
		case bases[item.Entry.Base] && item.Entry.Base != "":
			e.Entries = append(e.Entries, Affected{name, "its base " + item.Entry.Base + " changed"})
		}
	}
	slices.SortFunc(e.Entries, func(a, b Affected) int { return compare(a.Name, b.Name) })
	slices.SortFunc(e.Removed, compare)
	slices.SortFunc(e.Renamed, func(a, b Renamed) int { return compare(a.To, b.To) })
	return e, nil
}

// noteRenamed notes that an entry had another name, if that is gone and its entry.cue lives on in this one.
func (e *Effect) noteRenamed(to Name, changed []File, root fs.FS) {
	for _, f := range changed {
		part, from := place(f.From)
		if path.Base(f.Path) != catalog.EntryFile || path.Base(f.From) != catalog.EntryFile || part != ownFolder || from.Kind != to.Kind {
			continue
		}
		if _, err := fs.Stat(root, from.Dir()); err != nil {
			e.Renamed = append(e.Renamed, Renamed{From: from, To: to})
		}
	}
}

func compare(a, b Name) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), strings.Compare(a.Name, b.Name))
}
