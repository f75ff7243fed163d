// Package build puts an entry's image together: the layers of its base, the layer of its payload, a configuration and labels, for every
// platform, as one index in an OCI image layout. Nothing is run and nothing is resolved, and equal input gives an equal digest, whatever the
// machine, its clock, its user or the folder.
//
// A layout lies at <dir>/<kind>/<name> and is the one copy that is booted, scanned and pushed; Open reads it back.
package build

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"

	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/kind"
	"github.com/slipway-dev/slipway/internal/layer"
)

// Input is all that an image depends on.
type Input struct {
	Entry     entry.Entry
	Namespace string // of the catalog, such as io.github.example; the server's name begins with it
	Platforms []Platform
	Layers    *layer.Store
	Dir       string // holds the layouts of all entries
}

// Platform is what an image is made of on one platform.
type Platform struct {
	Platform v1.Platform
	Base     Base
	Payload  *kind.Payload
}

// Base is the lower part of an image.
type Base struct {
	Layers []v1.Layer
	Env    []string // NAME=value
	User   string   // uid:gid; 65532:65532 if it is empty
	Labels map[string]string
}

// Result says what was built.
type Result struct {
	Path      string // of the layout
	Tag       string
	Digest    v1.Hash // of the index
	Platforms []Image // ordered by platform
	Unchanged bool    // the layout was already there
}

// Image is the image of one platform.
type Image struct {
	Platform v1.Platform
	Digest   v1.Hash // of the manifest
	Size     int64   // compressed, in bytes: layers, configuration and manifest
}

// Build makes the images of all platforms side by side and writes their layout, unless an intact one is there already. The layout
// appears whole or not at all; what a killed build left behind is removed by the next one of that entry.
func Build(ctx context.Context, in Input) (*Result, error) {
	if err := check(in); err != nil {
		return nil, fmt.Errorf("build %s: %w", in.Entry.ID(), err)
	}
	platforms := slices.SortedFunc(slices.Values(in.Platforms), func(a, b Platform) int {
		return cmp.Compare(a.Platform.String(), b.Platform.String())
	})
	images := make([]*image, len(platforms))
	group, groupCtx := errgroup.WithContext(ctx)
	for i, platform := range platforms {
		group.Go(func() (err error) {
			images[i], err = buildImage(groupCtx, in, platform)
			if err != nil {
				return fmt.Errorf("build %s for %s: %w", in.Entry.ID(), platform.Platform, err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	result := &Result{Path: filepath.Join(in.Dir, string(in.Entry.Kind), in.Entry.Name), Tag: Tag(in.Entry)}
	for _, image := range images {
		result.Platforms = append(result.Platforms, Image{Platform: image.platform, Digest: image.manifest.digest, Size: image.size()})
	}
	index, err := buildIndex(in, images)
	if err != nil {
		return nil, fmt.Errorf("build %s: %w", in.Entry.ID(), err)
	}
	result.Digest = index.digest
	files, err := layoutFiles(result.Tag, index, images)
	if err != nil {
		return nil, fmt.Errorf("build %s: %w", in.Entry.ID(), err)
	}
	if result.Unchanged, err = writeLayout(ctx, result.Path, files); err != nil {
		return nil, fmt.Errorf("write the image layout of %s: %w", in.Entry.ID(), err)
	}
	return result, nil
}

func check(in Input) error {
	if len(in.Platforms) == 0 {
		return errors.New("no platform to build for: list some in catalog.cue")
	}
	if in.Namespace == "" {
		return errors.New("the catalog has no namespace: set one in catalog.cue, such as io.github.example")
	}
	for _, part := range []string{string(in.Entry.Kind), in.Entry.Name} {
		if part == "" || part[0] == '.' || part != filepath.Base(part) || !filepath.IsLocal(part) {
			return fmt.Errorf("%q cannot name a folder", part)
		}
	}
	if Version(in.Entry) == "" {
		return errors.New("the entry has no version")
	}
	seen := map[string]bool{}
	for _, p := range in.Platforms {
		name := p.Platform.String()
		if seen[name] {
			return fmt.Errorf("platform %s is given twice", name)
		}
		seen[name] = true
		if p.Payload == nil || len(p.Payload.Entrypoint) == 0 {
			return fmt.Errorf("nothing to start on %s: the payload has no entrypoint", name)
		}
	}
	return nil
}
