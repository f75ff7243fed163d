// Package catalog reads all entries of a catalog at once: it finds them, judges each by the CUE definitions and all of them by the rules
// that need the whole catalog, and reports every problem with its file, line and field.
//
// A catalog is any folder of this shape, with or without a copy of the definitions:
//
//	catalog/catalog.cue               the catalog's own settings
//	catalog/<kind>/<name>/entry.cue   an MCP server, its lock, tools.json and release.json beside it
//	skills/<name>/entry.cue           a skill
package catalog

import (
	"fmt"
	"strings"

	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/finding"
)

// Names of files in a catalog.
const (
	SettingsFile    = "catalog/catalog.cue"
	EntryFile       = "entry.cue"
	ObservationFile = "tools.json"
	ReleaseFile     = "release.json"
)

// Catalog is every entry of one folder.
type Catalog struct {
	Root     string // the folder, as it was given to Load
	Settings Settings
	Items    []Item // sorted by kind and name
}

// Item is an entry with the place that it was read from. Paths are relative to the catalog's root, with slashes.
type Item struct {
	Entry entry.Entry
	Dir   string
	File  string

	where places
}

// Settings is what catalog.cue says of the catalog itself.
type Settings struct {
	Namespace string   `json:"namespace"` // of published names, such as io.github.slipway-dev
	Images    string   `json:"images"`    // the image repository below which all entries are published
	Platforms []string `json:"platforms"` // os/architecture
	Gate      struct {
		Block finding.Severity `json:"block"` // stops a release from here on
		Warn  finding.Severity `json:"warn"`  // is shown from here on
	} `json:"gate"`
	Scanners []string `json:"scanners"` // without whose answer nothing is released
	Waivers  struct {
		MaxDays int `json:"maxDays"` // how far into the future a waiver may reach
	} `json:"waivers"`
	Limits struct {
		ImageSize int64 `json:"imageSize"` // compressed, per platform, in bytes
	} `json:"limits"`
	Views map[string]View `json:"views"`
}

// Position is where a field stands in its file, both from 1.
type Position struct{ Line, Column int }

// Position returns where a field stands, such as package.version or overrides[0].reason; for an absent field, where the closest one
// around it stands.
func (i Item) Position(field string) Position { return i.where.find(field) }

// Find returns the item called name, which is an entry's name, or kind/name where two kinds share one. The error is a *NotFoundError or
// an *AmbiguousError.
func (c *Catalog) Find(name string) (Item, error) {
	kind, short, qualified := strings.Cut(name, "/")
	if !qualified {
		kind, short = "", name
	}
	var found []Item
	var ids []string
	for _, i := range c.Items {
		if i.Entry.Name == short && (!qualified || string(i.Entry.Kind) == kind) {
			found = append(found, i)
			ids = append(ids, i.Entry.ID())
		}
	}
	switch len(found) {
	case 0:
		return Item{}, &NotFoundError{Name: name, Similar: c.similar(short)}
	case 1:
		return found[0], nil
	default:
		return Item{}, &AmbiguousError{Name: name, Candidates: ids}
	}
}

// similar lists the entries whose name is a slip of the finger away.
func (c *Catalog) similar(name string) []string {
	var ids []string
	for _, i := range c.Items {
		if i.Entry.Name == name || oneEdit(i.Entry.Name, name) || skeleton(i.Entry.Name) == skeleton(name) {
			ids = append(ids, i.Entry.ID())
		}
	}
	return ids
}

// NotFoundError says that no entry has the name.
type NotFoundError struct {
	Name    string
	Similar []string // identifiers of entries with almost that name
}

func (e *NotFoundError) Error() string {
	if len(e.Similar) > 0 {
		return fmt.Sprintf("the catalog has no entry %q; did you mean %s?", e.Name, strings.Join(e.Similar, " or "))
	}
	return fmt.Sprintf("the catalog has no entry %q", e.Name)
}

// AmbiguousError says that entries of several kinds have the name.
type AmbiguousError struct {
	Name       string
	Candidates []string // kind/name
}

func (e *AmbiguousError) Error() string {
	return fmt.Sprintf("%q is the name of several entries; write %s", e.Name, strings.Join(e.Candidates, " or "))
}
