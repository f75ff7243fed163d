package flow

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/slipway-dev/slipway/internal/catalog"
	"github.com/slipway-dev/slipway/internal/observation"
	"github.com/slipway-dev/slipway/internal/scan/builtin"
)

// shelf holds the committed observations of a whole catalog.
type shelf struct {
	observations map[string]observation.Observation // by entry.Entry.ID
	index        *builtin.Index
}

// readShelf reads every tools.json there is.
func (l *Line) readShelf(context.Context) (*shelf, error) {
	s := &shelf{observations: map[string]observation.Observation{}}
	for _, item := range l.Catalog.Items {
		o, err := readObservation(filepath.Join(l.folder(item), catalog.ObservationFile))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("%s/%s: %w", item.Dir, catalog.ObservationFile, err)
		}
		s.observations[item.Entry.ID()] = o
	}
	s.index = builtin.NewIndex(s.observations)
	return s, nil
}

func readObservation(name string) (observation.Observation, error) {
	f, err := os.Open(name)
	if err != nil {
		return observation.Observation{}, err
	}
	defer f.Close()
	return observation.Decode(f)
}
