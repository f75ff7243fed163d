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

// Built is an item's image, with what is known of its content.
type Built struct {
	*build.Result
	parts    []part            // in the order of Result.Platforms
	sources  []attest.Material // the entry and its lock
	baseLock string
}

// part is what one platform's image is made of.
type part struct {
	platform   v1.Platform
	components []kind.Component
}

// Build lays out an item's image for all platforms of the catalog, from its lock and its base's.
func (l *Line) Build(ctx context.Context, item catalog.Item) (*Built, error) {
	b := &Built{}
	err := l.step(item, "build", func() (string, bool, error) {
		in, err := l.buildInput(ctx, item, b)
		if err != nil {
			return "", false, fmt.Errorf("build %s: %w", item.Entry.ID(), err)
		}
		if b.Result, err = build.Build(ctx, in); err != nil {
			return "", false, err
		}
		return b.Digest.String(), b.Unchanged, nil
	})
	if err != nil {
		return nil, err
	}
	return b, nil
}

// buildInput gathers the base and the payload of all platforms side by side, and notes in b what they consist of.
func (l *Line) buildInput(ctx context.Context, item catalog.Item, b *Built) (build.Input, error) {
	in := build.Input{Entry: item.Entry, Namespace: l.Catalog.Settings.Namespace, Layers: l.layers, Dir: l.Out}
	ecosystem, err := l.ecosystem(item.Entry)
	if err != nil {
		return in, err
	}
	stands, err := l.base(ctx, item.Entry.Base)
	if err != nil {
		return in, err
	}
	lock, err := fs.ReadFile(l.basesFS(item.Entry.Base), path.Join(item.Entry.Base, base.LockFile))
	if err != nil {
		return in, err
	}
	b.baseLock = sha256Of(lock)
	if b.sources, err = l.sources(item, append([]string{catalog.EntryFile}, ecosystem.LockFiles()...)); err != nil {
		return in, err
	}
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
				below, err = stands.on(ctx, *platform)
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
			b.parts[i] = part{platform: *platform, components: append(slices.Clone(below.Components), payload.Components...)}
			return nil
		})
	}
	return in, group.Wait()
}

// hostPlatform is the platform of images that this machine can boot.
func hostPlatform() v1.Platform { return v1.Platform{OS: "linux", Architecture: runtime.GOARCH} }
