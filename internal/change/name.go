package change

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/entry"
)

// Name identifies an entry, also one that could not be read or is not there any more.
type Name struct {
	Kind entry.Kind `json:"kind"`
	Name string     `json:"name"`
}

// namePattern is what the definitions demand of an entry's name. A folder that is called otherwise cannot be an entry.
var namePattern = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

const maxName = 64 // characters, as the definitions say

// ParseName reads kind/name.
func ParseName(id string) (Name, error) {
	kind, name, _ := strings.Cut(id, "/")
	n := Name{entry.Kind(kind), name}
	if !n.valid() {
		return Name{}, fmt.Errorf("%q is no name of an entry with its kind, such as npx/fetch", id)
	}
	return n, nil
}

func (n Name) valid() bool {
	return (n.Kind == entry.Skill || slices.Contains(kinds, n.Kind)) && namePattern.MatchString(n.Name) && len(n.Name) <= maxName
}

// ID is the name with its kind, as entry.Entry.ID.
func (n Name) ID() string { return string(n.Kind) + "/" + n.Name }

// Dir is the folder of the entry in its catalog.
func (n Name) Dir() string {
	if n.Kind == entry.Skill {
		return "skills/" + n.Name
	}
	return "catalog/" + n.ID()
}
