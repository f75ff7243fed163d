package base

import (
	"context"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/slipway-dev/slipway/internal/fetch"
	"github.com/slipway-dev/slipway/internal/kind/pypi/wheel"
)

// registry is where a package manager comes from.
type registry int

const (
	npmRegistry registry = iota
	pypiRegistry
)

func (r Resolver) registry() registry {
	if r.Package == "uv" {
		return pypiRegistry
	}
	return npmRegistry
}

// Resolver returns where the package manager for a Debian architecture is found and what it must hash to; a base without one is an error. It
// is an npm package, whose files lie below one folder, or a wheel, as its name in base.cue says. It is used for locking only and has no place
// in an image.
func (b *Base) Resolver(ctx context.Context, s Sources, arch string) (fetch.Request, error) {
	if err := b.CheckLock(); err != nil {
		return fetch.Request{}, err
	}
	m := b.Locked.Resolver
	if m == nil {
		return fetch.Request{}, fmt.Errorf("base %s has no package manager to resolve with: add a resolver to its %s", b.Name, SpecFile)
	}
	if b.Spec.Resolver.registry() == npmRegistry {
		return Tarball{Package: m.Package, Version: m.Version, Integrity: m.Integrity}.request(ctx, s)
	}
	for _, w := range m.Wheels {
		if w.Architecture == arch {
			return fetch.Request{
				Locate: s.PyPI.Locate(m.Package, w.SHA256), Digest: fetch.Digest{Algorithm: "sha256", Hex: w.SHA256}, MaxBytes: maxTarball,
			}, nil
		}
	}
	return fetch.Request{}, fmt.Errorf("base %s has no package manager for %s", b.Name, arch)
}

// resolveManager asks the package manager's registry for its hash.
func (b *Base) resolveManager(ctx context.Context, s Sources) (*Manager, error) {
	spec := b.Spec.Resolver
	if spec == nil {
		return nil, nil
	}
	if spec.registry() == npmRegistry {
		t, err := resolveTarball(ctx, s, spec.Package, spec.Version)
		if err != nil {
			return nil, fmt.Errorf("resolver: %w", err)
		}
		return &Manager{Package: t.Package, Version: t.Version, Integrity: t.Integrity}, nil
	}
	files, err := s.PyPI.Files(ctx, spec.Package)
	if err != nil {
		return nil, fmt.Errorf("resolver: %w", err)
	}
	hashes := map[string]string{}
	var names []wheel.Name
	for _, f := range files {
		name, err := wheel.ParseName(f.Name)
		if err == nil && name.Project == spec.Package && wheel.SameVersion(name.Version, spec.Version) && f.SHA256 != "" {
			names = append(names, name)
			hashes[f.Name] = f.SHA256
		}
	}
	m := &Manager{Package: spec.Package, Version: spec.Version}
	for _, arch := range architectures {
		target, err := wheel.TargetOf(v1.Platform{OS: "linux", Architecture: arch})
		if err != nil {
			return nil, err
		}
		best, ok := wheel.Choose(names, target)
		if !ok {
			return nil, fmt.Errorf("resolver: the package index has no wheel of %s %s for %s", spec.Package, spec.Version, arch)
		}
		m.Wheels = append(m.Wheels, Wheel{Architecture: arch, Filename: best.File, SHA256: hashes[best.File]})
	}
	return m, nil
}
