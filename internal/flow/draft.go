package flow

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/catalog"
	"github.com/slipway-dev/slipway/internal/change"
	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/kind"
	"github.com/slipway-dev/slipway/internal/staging"
)

// Draft writes the first entry.cue for a reference into the catalog, and returns the draft with the entry's folder. Nothing is written if
// there is such an entry already.
func (l *Line) Draft(ctx context.Context, k entry.Kind, ref string) (*kind.Draft, string, error) {
	known := l.ecosystems("")
	ecosystem, ok := known[k]
	if !ok {
		var kinds []string
		for kind := range known {
			kinds = append(kinds, string(kind))
		}
		slices.Sort(kinds)
		return nil, "", fmt.Errorf("there is no kind of entry called %q: write %s", k, strings.Join(kinds, ", "))
	}
	draft, err := ecosystem.Draft(ctx, ref)
	if err != nil {
		return nil, "", err
	}
	open := ecosystem.Folder(draft.Entry).Open
	if open && draft.Entry.Publisher.Name == "" {
		draft.Entry.Publisher.Name = l.Catalog.Settings.Namespace // what lies in the catalog is the catalog's own
	}
	dir := change.Name{Kind: k, Name: draft.Entry.Name}.Dir()
	text, err := catalog.Format(draft.Entry)
	if err != nil {
		return nil, "", fmt.Errorf("draft of %s: %w", ref, err)
	}
	target := filepath.Join(l.Root, filepath.FromSlash(dir))
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return nil, "", err
	}
	if open {
		if err := l.lies(ref, target); err != nil {
			return nil, "", fmt.Errorf("an entry lies beside what it publishes: move %s to %s first, then run catalogctl new %s %s: %w", ref, dir, k, dir, err)
		}
	} else if err := os.Mkdir(target, 0o755); errors.Is(err, fs.ErrExist) {
		return nil, "", fmt.Errorf("%s is there already: change it, or remove it first: %w", dir, err)
	} else if err != nil {
		return nil, "", err
	}
	return draft, dir, staging.Replace(filepath.Join(target, catalog.EntryFile), text)
}

// lies checks that a reference is the folder of its entry, and that the entry is not there yet.
func (l *Line) lies(ref, target string) error {
	if !filepath.IsAbs(ref) {
		ref = filepath.Join(l.Root, ref)
	}
	from, err := os.Stat(ref)
	if err != nil {
		return err
	}
	to, err := os.Stat(target)
	if err != nil {
		return err
	}
	if !os.SameFile(from, to) {
		return errors.New("it lies elsewhere")
	}
	if _, err := os.Lstat(filepath.Join(target, catalog.EntryFile)); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s has an entry already", target)
	}
	return nil
}
