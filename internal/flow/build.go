package flow

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"runtime"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"

	"github.com/slipway-dev/slipway/internal/attest"
	"github.com/slipway-dev/slipway/internal/base"
	"github.com/slipway-dev/slipway/internal/build"
	"github.com/slipway-dev/slipway/internal/catalog"
	"github.com/slipway-dev/slipway/internal/kind"
)

// Built is an item's artifact, with what is known of its content.
type Built struct {
	*build.Result // nil for a server that somebody else runs
	// artifact is what the ecosystem gave as a whole; nil for an image that was built on a base.
	artifact *kind.Artifact
	parts    []part            // in the order of Result.Platforms
	sources  []attest.Material // the entry and its lock
	baseLock string
}

// part is what one platform's image is made of.
type part struct {
	platform   v1.Platform
	components []kind.Component
	sources    []kind.Source // besides the components themselves
}

// Hosted reports whether there is nothing to build: the server runs elsewhere.
func (b *Built) Hosted() bool { return b.Result == nil }

// Foreign reports whether others built and published it.
func (b *Built) Foreign() bool { return b.artifact != nil && b.artifact.Foreign }

// bootable reports whether it holds a server to boot.
func (b *Built) bootable() bool { return !b.Hosted() && (b.artifact == nil || b.artifact.Server) }

// components are what its SBOMs list, those of all platforms.
func (b *Built) components() (all []kind.Component) {
	for _, p := range b.parts {
		all = append(all, p.components...)
	}
	return all
}

// Build makes an item's artifact, for all platforms of the catalog, from its lock and, if it stands on one, its base's. Of a server that
// somebody else runs nothing is built.
func (l *Line) Build(ctx context.Context, item catalog.Item) (*Built, error) {
	ecosystem, err := l.ecosystem(item.Entry)
	if err != nil {
		return nil, err
	}
	b := &Built{}
	if b.sources, err = l.sources(item, ecosystem); err != nil {
		return nil, fmt.Errorf("build %s: %w", item.Entry.ID(), err)
	}
	if _, hosted := ecosystem.(kind.Hosted); hosted {
		return b, nil
	}
	err = l.step(item, "build", func() (string, bool, error) {
		var err error
		switch ecosystem := ecosystem.(type) {
		case kind.Packaged:
			err = l.buildImage(ctx, item, ecosystem, b)
		case kind.Complete:
			err = l.takeArtifact(ctx, item, ecosystem, b)
		default:
			err = fmt.Errorf("entries of kind %s cannot be built", item.Entry.Kind)
		}
		if err != nil {
			return "", false, fmt.Errorf("build %s: %w", item.Entry.ID(), err)
		}
		return b.Digest.String(), b.Unchanged, nil
	})
	if err != nil {
		return nil, err
	}
	return b, nil
}

// buildImage lays packages out on a base.
func (l *Line) buildImage(ctx context.Context, item catalog.Item, ecosystem kind.Packaged, b *Built) error {
	in, err := l.buildInput(ctx, item, ecosystem, b)
	if err != nil {
		return err
	}
	b.Result, err = build.Build(ctx, in)
	return err
}

// takeArtifact takes what the ecosystem gives as a whole. What others published is not copied.
func (l *Line) takeArtifact(ctx context.Context, item catalog.Item, ecosystem kind.Complete, b *Built) error {
	artifact, err := ecosystem.Artifact(ctx, item.Entry, l.files(item))
	if err != nil {
		return err
	}
	b.artifact = artifact
	if artifact.Foreign {
		if b.Result, err = build.Describe(artifact.Upstream.Digest, artifact.Index, l.Catalog.Settings.Platforms); err == nil {
			b.Tag = build.Version(item.Entry) // upstream's
		}
	} else {
		b.Result, err = build.Store(ctx, item.Entry, artifact.Index, l.Out)
	}
	if err != nil {
		return err
	}
	for _, image := range b.Platforms {
		b.parts = append(b.parts, part{platform: image.Platform, components: artifact.Components[image.Platform.String()]})
	}
	return nil
}

// buildInput gathers the base and the payload of all platforms side by side, and notes in b what they consist of.
func (l *Line) buildInput(ctx context.Context, item catalog.Item, ecosystem kind.Packaged, b *Built) (build.Input, error) {
	in := build.Input{Entry: item.Entry, Namespace: l.Catalog.Settings.Namespace, Layers: l.layers, Dir: l.Out}
	stands, err := l.base(ctx, item.Entry.Base)
	if err != nil {
		return in, err
	}
	lock, err := fs.ReadFile(l.basesFS(item.Entry.Base), path.Join(item.Entry.Base, base.LockFile))
	if err != nil {
		return in, err
	}
	b.baseLock = sha256Of(lock)
	platforms := slices.Sorted(slices.Values(l.Catalog.Settings.Platforms))
	in.Platforms = make([]build.Platform, len(platforms))
	b.parts = make([]part, len(platforms))
	group, ctx := errgroup.WithContext(ctx)
	for i, text := range platforms {
		group.Go(func() error {
			platform, err := v1.ParsePlatform(text)
			if err != nil {
				return fmt.Errorf("platforms in %s: %w", catalog.SettingsFile, err)
			}
			var below *base.Parts
			var payload *kind.Payload
			halves, ctx := errgroup.WithContext(ctx)
			halves.Go(func() (err error) {
				below, err = l.below(ctx, stands, ecosystem, *platform)
				return err
			})
			halves.Go(func() (err error) {
				if payload, err = ecosystem.Payload(ctx, item.Entry, l.files(item), *platform); err != nil {
					return err
				}
				// build asks for the layer again and finds it in the store; here it is compressed while the base is.
				_, err = l.layers.Layer(ctx, payload.Key, payload.Write)
				return err
			})
			if err := halves.Wait(); err != nil {
				return err
			}
			in.Platforms[i] = build.Platform{
				Platform: *platform, Payload: payload,
				Base: build.Base{Layers: below.Layers, Env: below.Env, User: below.User, Labels: below.Labels},
			}
			b.parts[i] = part{platform: *platform, components: append(slices.Clone(below.Components), payload.Components...), sources: payload.Sources}
			return nil
		})
	}
	return in, group.Wait()
}

// below returns what the packages of an ecosystem stand on.
func (l *Line) below(ctx context.Context, stands *standing, ecosystem kind.Packaged, platform v1.Platform) (*base.Parts, error) {
	parts, err := stands.on(ctx, platform)
	if err != nil {
		return nil, err
	}
	furnishing, ok := ecosystem.(kind.Furnishing)
	if !ok {
		return parts, nil
	}
	own, err := furnishing.Furnish(ctx, l.layers, parts.Layers[0])
	if err != nil {
		return nil, fmt.Errorf("base %s for %s: %w", stands.base.Name, platform, err)
	}
	furnished := *parts
	furnished.Layers = append(slices.Clip(parts.Layers), own)
	return &furnished, nil
}

// hostPlatform is the platform of images that this machine can boot.
func hostPlatform() v1.Platform { return v1.Platform{OS: "linux", Architecture: runtime.GOARCH} }
