package image

import (
	"context"
	"fmt"
	"io/fs"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/opencontainers/go-digest"
	"golang.org/x/sync/errgroup"

	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/finding"
	"github.com/slipway-dev/slipway/internal/kind"
)

// Artifact fetches the images that the lock pins, checks every byte of them, and looks into them and at what was signed about them; see
// kind.Complete. Its Index holds the images for the catalog's platforms only, and so has another digest than the artifact, which is upstream's.
func (i *Ecosystem) Artifact(ctx context.Context, e entry.Entry, dir fs.FS) (*kind.Artifact, error) {
	pinned, err := load(e, dir)
	if err != nil {
		return nil, err
	}
	if pinned == nil {
		return nil, &UnpinnedError{Image: e.Image.Name + ":" + e.Image.Tag}
	}
	repo, err := i.repository(e.Image.Name)
	if err != nil {
		return nil, err
	}
	of, err := v1.NewHash(pinned.Digest.String())
	if err != nil {
		return nil, err
	}
	raw, err := repo.manifest(ctx, pinned.Digest)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", e.Image.Name, err)
	}
	top, err := parseDocument(raw)
	if err != nil {
		return nil, fmt.Errorf("%s@%s: %w", e.Image.Name, pinned.Digest, err)
	}
	images := make([]*content, len(pinned.Platforms))
	var about [2][]finding.Finding
	group, gctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		about[0], err = i.drift(gctx, repo, e)
		return err
	})
	group.Go(func() (err error) {
		about[1], err = i.origin(gctx, repo, e)
		return err
	})
	for n, one := range pinned.Platforms {
		group.Go(func() (err error) {
			if images[n], err = repo.content(gctx, top, pinned.Digest, one); err != nil {
				return fmt.Errorf("%s for %s: %w", e.Image.Name, one.Platform, err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	a := &kind.Artifact{
		Upstream: v1.Descriptor{MediaType: types.MediaType(top.MediaType), Digest: of, Size: int64(len(raw))},
		Foreign:  true, Server: true,
		Components: map[string][]kind.Component{}, Findings: slices.Concat(about[0], about[1]),
	}
	var all []mutate.IndexAddendum
	for n, one := range images {
		name := pinned.Platforms[n].Platform
		a.Components[name] = one.installed.Components(one.platform.Architecture)
		for _, path := range one.installed.Unread() {
			a.Findings = append(a.Findings, i.found(ruleUnread, finding.Low, name+" "+path,
				fmt.Sprintf("In the image for %s, packages are named in %s that cannot be read: they are missing in the SBOM.", name, path), ""))
		}
		all = append(all, mutate.IndexAddendum{Add: one, Descriptor: v1.Descriptor{Platform: &one.platform}})
	}
	a.Index = mutate.AppendManifests(mutate.IndexMediaType(empty.Index, types.OCIImageIndex), all...)
	a.Sources = []kind.Source{{URI: "docker://" + repo.name.Name() + "@" + pinned.Digest.String(), Digest: map[string]string{"sha256": of.Hex}}}
	return a, nil
}

// content fetches and checks the image for one platform. Top is the document that the lock pins, an index or the image itself.
func (r *repository) content(ctx context.Context, top *document, of digest.Digest, want pin) (*content, error) {
	platform, err := v1.ParsePlatform(want.Platform)
	if err != nil {
		return nil, err
	}
	size := int64(0)
	if top.isIndex() {
		d, ok, err := top.find(*platform)
		if err != nil {
			return nil, err
		}
		if !ok || d.Digest != want.Digest {
			return nil, &kind.LockError{File: LockFile, Field: "platforms", Reason: fmt.Sprintf(
				"has %s for %s, which the index %s has not: lock again, and ask who changed the lock", want.Digest, want.Platform, of)}
		}
		of, size = d.Digest, d.Size
	}
	if of != want.Digest {
		return nil, &kind.LockError{File: LockFile, Field: "platforms", Reason: fmt.Sprintf(
			"has %s for %s, but %s is the image itself: lock again, and ask who changed the lock", want.Digest, want.Platform, of)}
	}
	raw, err := r.manifest(ctx, of)
	if err != nil {
		return nil, err
	}
	if top.isIndex() && int64(len(raw)) != size {
		return nil, fmt.Errorf("the manifest has %d bytes, the index says %d", len(raw), size)
	}
	manifest, err := parseDocument(raw)
	if err != nil {
		return nil, err
	}
	if manifest.isIndex() {
		return nil, fmt.Errorf("%s is an index inside an index, which is not followed", of)
	}
	return r.image(ctx, *platform, manifest, raw)
}
