package catalog

import (
	"slices"

	"github.com/slipway-dev/slipway/internal/entry"
)

// View is a rule that chooses the entries of one published catalog. An empty condition is met by every entry that is not revoked.
type View struct {
	Description string         `json:"description,omitempty"`
	Kinds       []entry.Kind   `json:"kinds,omitempty"`
	Statuses    []entry.Status `json:"statuses,omitempty"`
	Tags        []string       `json:"tags,omitempty"`   // at least one of them
	Pinned      bool           `json:"pinned,omitempty"` // only what is fixed; false asks for nothing
}

// Holds reports whether the view holds an entry.
func (v View) Holds(e entry.Entry) bool {
	return e.Status != entry.Revoked && (!v.Pinned || e.Pinned()) &&
		(len(v.Kinds) == 0 || slices.Contains(v.Kinds, e.Kind)) &&
		(len(v.Statuses) == 0 || slices.Contains(v.Statuses, e.Status)) &&
		(len(v.Tags) == 0 || slices.ContainsFunc(v.Tags, func(tag string) bool { return slices.Contains(e.Tags, tag) }))
}
