package npm

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"sync"

	"github.com/slipway-dev/slipway/internal/coalesce"
	"github.com/slipway-dev/slipway/internal/fetch"
	"github.com/slipway-dev/slipway/internal/keep"
)

// contentsVersion changes whenever something else is noted of the same archive, also by another version of what reads licences.
const contentsVersion = "npm contents 1"

// Archives knows what is in packages' archives. Each is read through once, also by later processes: an image that stays as it is needs none of them
// unpacked, and neither does the step that boots it. It may be used by many goroutines at once, and by many ecosystems.
type Archives struct {
	kept  *keep.Store[struct{}]
	known sync.Map // fetch.Digest → *archive
	scans coalesce.Group[*archive]
}

// NewArchives returns archives that keep what is in them in dir, which is created when the first one is read.
func NewArchives(dir string) *Archives { return &Archives{kept: keep.New[struct{}](dir)} }

// contents are what is kept of an archive.
type contents struct {
	Files []string         `json:"files"` // sorted
	Parts map[string]*part `json:"parts"`
}

// archive returns the archive with a digest, which is in file. Platforms and entries mostly take the same ones, at the same time.
func (a *Archives) archive(ctx context.Context, file string, digest fetch.Digest) (*archive, error) {
	return a.scans.Do(ctx, digest.String(), func() (*archive, error) {
		known, _ := a.known.Load(digest)
		if found, ok := known.(*archive); ok {
			return found, nil
		}
		found, err := a.read(ctx, file, digest)
		if err != nil {
			return nil, err
		}
		a.known.Store(digest, found)
		return found, nil
	})
}

// read reads what is kept of an archive, or else the archive itself.
func (a *Archives) read(ctx context.Context, file string, digest fetch.Digest) (*archive, error) {
	sum := sha256.Sum256([]byte(contentsVersion + "\n" + digest.String()))
	var found *archive
	kept, err := a.kept.Get(ctx, hex.EncodeToString(sum[:]), func(draft *keep.Draft) (none struct{}, err error) {
		if found, err = scan(ctx, file, digest); err != nil {
			return none, err
		}
		return none, json.NewEncoder(draft).Encode(contents{Files: slices.Sorted(maps.Keys(found.files)), Parts: found.parts})
	})
	if err != nil || found != nil {
		return found, err
	}
	text, err := os.ReadFile(kept.Path)
	if err != nil {
		return nil, fmt.Errorf("what is kept of a package: %w", err)
	}
	var inside contents
	if err := json.Unmarshal(text, &inside); err != nil {
		return nil, fmt.Errorf("what is kept of a package in %s: %w", kept.Path, err)
	}
	found = &archive{file: file, digest: digest, files: make(map[string]bool, len(inside.Files)), parts: inside.Parts}
	for _, name := range inside.Files {
		found.files[name] = true
	}
	return found, found.check()
}
