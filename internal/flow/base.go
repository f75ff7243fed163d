package flow

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/slipway-dev/slipway/catalog/bases"
	"github.com/slipway-dev/slipway/internal/base"
	"github.com/slipway-dev/slipway/internal/staging"
)

// mirrorVariable names the Debian archive to use instead of apt's own, as base.FindMirrors takes it.
const mirrorVariable = "SLIPWAY_APT_MIRROR"

// standing is a base with where its files come from, built at most once a platform.
type standing struct {
	base    *base.Base
	sources base.Sources
	line    *Line
	parts   memo[*base.Parts]
}

// base returns the base called name: the catalog's own, or else the one of that name that comes with Slipway.
func (l *Line) base(ctx context.Context, name string) (*standing, error) {
	return l.bases.get(ctx, name, func() (*standing, error) {
		loaded, err := base.Load(l.basesFS(name), name)
		if err != nil {
			return nil, err
		}
		var etc fs.FS
		if info, err := os.Stat("/etc/apt"); err == nil && info.IsDir() {
			etc = os.DirFS("/etc/apt")
		}
		mirrors, err := base.FindMirrors(etc, l.variable(mirrorVariable))
		if err != nil {
			return nil, err
		}
		return &standing{base: loaded, line: l, sources: base.Sources{Files: l.downloads, Mirrors: mirrors, NPM: l.npmrc, PyPI: l.pypi}}, nil
	})
}

func (l *Line) basesFS(name string) fs.FS {
	own := filepath.Join(l.Root, "catalog", "bases")
	if _, err := os.Stat(filepath.Join(own, name, base.SpecFile)); err == nil {
		return os.DirFS(own)
	}
	return bases.Files
}

// on returns what the base gives to images for a platform.
func (s *standing) on(ctx context.Context, platform v1.Platform) (*base.Parts, error) {
	return s.parts.get(ctx, platform.String(), func() (*base.Parts, error) {
		if err := s.base.CheckLock(); err != nil {
			return nil, fmt.Errorf("base %s is not locked: run 'catalogctl lock --base %s': %w", s.base.Name, s.base.Name, err)
		}
		return s.base.Parts(ctx, s.sources, s.line.layers, platform)
	})
}

// LockBase resolves a base of the catalog anew and writes its lock, if that changes it.
func (l *Line) LockBase(ctx context.Context, name string) (file string, changed bool, err error) {
	file = path.Join("catalog", "bases", name, base.LockFile)
	if _, err := os.Stat(filepath.Join(l.Root, "catalog", "bases", name, base.SpecFile)); err != nil {
		return file, false, fmt.Errorf("this catalog has no base %s of its own, so there is nothing to lock: %w", name, err)
	}
	standing, err := l.base(ctx, name)
	if err != nil {
		return file, false, err
	}
	lock, err := standing.base.Lock(ctx, standing.sources, l.Now())
	if err != nil {
		return file, false, fmt.Errorf("lock base %s: %w", name, err)
	}
	target := filepath.Join(l.Root, filepath.FromSlash(file))
	old, err := os.ReadFile(target)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return file, false, err
	}
	if string(old) == string(lock) {
		return file, false, nil
	}
	return file, true, staging.Replace(target, lock)
}
