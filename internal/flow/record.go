package flow

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/slipway-dev/slipway/internal/build"
	"github.com/slipway-dev/slipway/internal/catalog"
	"github.com/slipway-dev/slipway/internal/record"
	"github.com/slipway-dev/slipway/internal/staging"
)

// Record returns what was last published of an item.
func (l *Line) Record(item catalog.Item) (record.Record, error) {
	r, err := record.Read(l.files(item))
	if errors.Is(err, fs.ErrNotExist) {
		return r, fmt.Errorf("%s was never released: run 'catalogctl release %s'", item.Entry.ID(), item.Entry.Name)
	}
	if err != nil {
		return r, fmt.Errorf("%s/%w", item.Dir, err)
	}
	return r, nil
}

// writeRecord notes that an image was published. A record of the same digest stays as it is, with the time at which that was released first.
func (l *Line) writeRecord(item catalog.Item, b *Built) error {
	if old, err := record.Read(l.files(item)); err == nil && old.Digest == b.Digest.String() && old.Tag == b.Tag {
		return nil
	}
	r := record.Record{Version: build.Version(item.Entry), Tag: b.Tag, Digest: b.Digest.String(), Platforms: recorded(b), Released: l.Now()}
	text, err := r.Encode()
	if err != nil {
		return err
	}
	return staging.Replace(filepath.Join(l.folder(item), record.File), text)
}

// recorded returns the platforms of an image as a record has them.
func recorded(b *Built) []record.Platform {
	platforms := make([]record.Platform, len(b.Platforms))
	for i, image := range b.Platforms {
		platforms[i] = record.Platform{Platform: image.Platform.String(), Digest: image.Digest.String(), Size: image.Size}
	}
	return platforms
}
