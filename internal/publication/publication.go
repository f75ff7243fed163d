// Package publication writes the catalog's outward formats. They are generated from the entries and from what was recorded of their
// releases, never by hand, and from nothing else: no clock, no network. Equal catalogs give equal bytes.
package publication

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"

	"golang.org/x/sync/errgroup"

	"github.com/slipway-dev/slipway/internal/catalog"
	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/observation"
	"github.com/slipway-dev/slipway/internal/record"
)

// Published is an entry with what is known of its last release. Record is nil for an entry that was never released, and for those kinds of
// which no image is made; Observation is nil where no tools.json lies beside the entry.
type Published struct {
	catalog.Item
	Record      *record.Record
	Observation *observation.Observation
}

// Collect reads what lies beside the entries of a catalog, in the order of its items. Its error joins all files that can't be read.
func Collect(ctx context.Context, c *catalog.Catalog) ([]Published, error) {
	root, err := os.OpenRoot(c.Root)
	if err != nil {
		return nil, fmt.Errorf("open the catalog: %w", err)
	}
	defer root.Close()
	all := make([]Published, len(c.Items))
	wrong := make([]error, len(c.Items))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for k, item := range c.Items {
		group.Go(func() error {
			all[k], wrong[k] = collect(root, item)
			return ctx.Err()
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return all, errors.Join(wrong...)
}

func collect(root *os.Root, item catalog.Item) (Published, error) {
	p := Published{Item: item}
	dir, err := root.OpenRoot(filepath.FromSlash(item.Dir))
	if err != nil {
		return p, err
	}
	defer dir.Close()
	r, err := record.Read(dir.FS())
	switch {
	case err == nil:
		p.Record = &r
	case !errors.Is(err, fs.ErrNotExist):
		return p, fmt.Errorf("%s/%w", item.Dir, err)
	}
	f, err := dir.Open(catalog.ObservationFile)
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	if err != nil {
		return p, err
	}
	defer f.Close()
	o, err := observation.Decode(f)
	if err != nil {
		return p, fmt.Errorf("%s: %w", path.Join(item.Dir, catalog.ObservationFile), err)
	}
	p.Observation = &o
	return p, nil
}

// Omission is an entry that a view would hold, and why it does not.
type Omission struct {
	Entry  string `json:"entry"` // kind/name
	Reason string `json:"reason"`
}

// selected returns the entries that meet the view's rule and can be published, and those that can't yet.
func selected(view catalog.View, all []Published) (in []Published, out []Omission) {
	for _, p := range all {
		if !view.Holds(p.Entry) {
			continue
		}
		if reason := unpublishable(p); reason != "" {
			out = append(out, Omission{p.Entry.ID(), reason})
			continue
		}
		in = append(in, p)
	}
	return in, out
}

// unpublishable says why an entry can't be published, or nothing.
func unpublishable(p Published) string {
	if p.Entry.Image != nil && !p.Entry.Pinned() {
		return "its image is not pinned"
	}
	switch p.Entry.Kind {
	case entry.Remote:
		if p.Observation == nil {
			return "it was never inspected"
		}
	default:
		if p.Record == nil {
			return "it was never released"
		}
	}
	return ""
}
