package publish

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/slipway-dev/slipway/internal/verify"
)

// pushes bounds how often a push is begun anew after a connection broke in the middle of a layer. What is there already is skipped.
const pushes = 4

// image is the image of an OCI layout.
type image struct {
	index     v1.ImageIndex
	typed     bool            // it is an artifact of a type of its own
	subjects  []v1.Descriptor // the index first, then each platform's manifest
	platforms []verify.Platform
}

func openImage(folder, digest string) (*image, error) {
	want, err := v1.NewHash(digest)
	if err != nil {
		return nil, fmt.Errorf("digest of the index: %w", err)
	}
	path, err := layout.FromPath(folder)
	if err != nil {
		return nil, fmt.Errorf("OCI layout %s: %w", folder, err)
	}
	root, err := path.ImageIndex()
	if err != nil {
		return nil, fmt.Errorf("OCI layout %s: %w", folder, err)
	}
	index, err := root.ImageIndex(want)
	if err != nil {
		return nil, fmt.Errorf("OCI layout %s has no index %s: %w", folder, digest, err)
	}
	got, err := index.Digest()
	if err != nil {
		return nil, fmt.Errorf("OCI layout %s: %w", folder, err)
	}
	if got != want {
		return nil, fmt.Errorf("OCI layout %s: the file of the index %s has the digest %s; build the image again", folder, want, got)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		return nil, fmt.Errorf("OCI layout %s: %w", folder, err)
	}
	size, err := index.Size()
	if err != nil {
		return nil, err
	}
	i := &image{index: index, typed: manifest.ArtifactType != "", subjects: []v1.Descriptor{{MediaType: types.OCIImageIndex, Digest: want, Size: size}}}
	for _, d := range manifest.Manifests {
		if d.Platform == nil {
			return nil, fmt.Errorf("OCI layout %s: %s is no image of a platform", folder, d.Digest)
		}
		i.subjects = append(i.subjects, v1.Descriptor{MediaType: d.MediaType, Digest: d.Digest, Size: d.Size})
		i.platforms = append(i.platforms, verify.Platform{Name: d.Platform.String(), Digest: d.Digest.String()})
	}
	return i, nil
}

// push pushes the index by digest after everything below it, and reports whether it was new. Layers go side by side.
func (p *publisher) push(ctx context.Context) (bool, error) {
	_, err := p.reader.Manifest(ctx, p.repository.Digest(p.Digest))
	if err == nil {
		return false, nil // a registry takes an index only after its images
	}
	if !errors.Is(err, verify.ErrNotFound) {
		return false, err
	}
	if p.image.typed {
		return true, p.again(ctx, func() error { return p.copyLayout(ctx) })
	}
	push := func(index v1.ImageIndex) error {
		return p.again(ctx, func() error { return p.pusher.Push(ctx, p.repository.Digest(p.Digest), index) })
	}
	if p.Sibling == "" {
		return true, push(p.image.index)
	}
	sibling, err := name.NewRepository(p.Sibling, name.StrictValidation)
	if err != nil {
		return false, err
	}
	err = push(mountable{p.image.index, sibling.Digest(p.Digest)})
	var refused *transport.Error
	if errors.As(err, &refused) {
		err = push(p.image.index) // who may write here may not be allowed to read there
	}
	return true, err
}

func (p *publisher) put(ctx context.Context, ref name.Reference, m remote.Taggable) error {
	return p.again(ctx, func() error { return p.pusher.Put(ctx, ref, m) })
}

func (p *publisher) upload(ctx context.Context, l v1.Layer) error {
	return p.again(ctx, func() error { return p.pusher.Upload(ctx, p.repository, l) })
}

// again repeats what a broken connection interrupted: the transport below repeats requests, but not a layer that was being streamed. It also
// asks anew for the reason where only a cancellation came back: of two images that share a layer, the one that waits for the other's upload
// sees that one give up, not why.
func (p *publisher) again(ctx context.Context, push func() error) error {
	var err error
	for range pushes {
		err = push()
		shared := errors.Is(err, context.Canceled) && ctx.Err() == nil
		if err == nil || !verify.Retry(err) && !shared {
			break
		}
	}
	return verify.Explain(p.repository.Name(), err)
}
