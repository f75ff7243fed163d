package flow

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"github.com/slipway-dev/slipway/internal/catalog"
	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/kind"
	"github.com/slipway-dev/slipway/internal/staging"
)

// Draft writes the first entry.cue for a package reference into the catalog, and returns the draft with the entry's folder. Nothing is
// written if there is such a folder already.
func (l *Line) Draft(ctx context.Context, k entry.Kind, ref string) (*kind.Draft, string, error) {
	ecosystem, ok := l.ecosystems("")[k]
	if !ok {
		return nil, "", fmt.Errorf("no entry of kind %q can be drafted by this version of catalogctl: npx can", k)
	}
	draft, err := ecosystem.Draft(ctx, ref)
	if err != nil {
		return nil, "", err
	}
	dir := path.Join("catalog", string(k), draft.Entry.Name)
	text, err := catalog.Format(draft.Entry)
	if err != nil {
		return nil, "", fmt.Errorf("draft of %s: %w", ref, err)
	}
	target := filepath.Join(l.Root, filepath.FromSlash(dir))
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return nil, "", err
	}
	if err := os.Mkdir(target, 0o755); errors.Is(err, fs.ErrExist) {
		return nil, "", fmt.Errorf("%s is there already: change it, or remove it first: %w", dir, err)
	} else if err != nil {
		return nil, "", err
	}
	return draft, dir, staging.Replace(filepath.Join(target, catalog.EntryFile), text)
}
