package pypi

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/slipway-dev/slipway/internal/fetch"
	"github.com/slipway-dev/slipway/internal/keep"
	"github.com/slipway-dev/slipway/internal/kind"
	"github.com/slipway-dev/slipway/internal/kind/pypi/lockfile"
	"github.com/slipway-dev/slipway/internal/kind/pypi/sdist"
	"github.com/slipway-dev/slipway/internal/kind/pypi/wheel"
)

// source is an sdist by its hash.
type source struct {
	sdist.Name
	sha256 string
}

// fetch downloads an sdist and reads it.
func (p *Ecosystem) fetch(ctx context.Context, s source) (*sdist.Sdist, error) {
	file, err := p.cache.File(ctx, fetch.Request{
		Digest: fetch.Digest{Algorithm: "sha256", Hex: s.sha256}, MaxBytes: sdist.MaxBytes, Locate: p.index.Locate(s.Project, s.sha256),
	})
	if err != nil {
		return nil, err
	}
	return sdist.Open(ctx, file, s.Name)
}

// made is what is known of a wheel that was built.
type made struct {
	Wheel string   `json:"wheel"` // name of the file that it stands for
	Uses  []string `json:"uses"`  // names of the build requirements that it was built with, sorted
}

// make returns the wheel that is built from an sdist with the tools that a lock pins: the one that was built before, if there is one.
func (p *Ecosystem) make(ctx context.Context, s source, tools *lockfile.Lock) (*keep.File[made], error) {
	key, err := p.madeFrom(ctx, s, tools)
	if err != nil {
		return nil, err
	}
	return p.built.Get(ctx, key, func(file *keep.Draft) (made, error) {
		w, uses, err := p.build(ctx, s, tools, file)
		if err != nil {
			return made{}, err
		}
		return made{w.File, uses}, nil
	})
}

// rebuild builds a wheel whatever was built before, and keeps nothing of it but what it says of itself.
func (p *Ecosystem) rebuild(ctx context.Context, s source, tools *lockfile.Lock) (*wheel.Wheel, error) {
	file, err := os.CreateTemp("", "slipway-wheel-")
	if err != nil {
		return nil, fmt.Errorf("cannot build a wheel: %w", err)
	}
	defer func() { _ = errors.Join(file.Close(), os.Remove(file.Name())) }() // a temporary file's remains do no harm
	w, _, err := p.build(ctx, s, tools, file)
	return w, err
}

// madeFrom names all that a wheel depends on.
func (p *Ecosystem) madeFrom(ctx context.Context, s source, tools *lockfile.Lock) (string, error) {
	target, err := machine()
	if err != nil {
		return "", err
	}
	inside, err := p.sandbox.Key(ctx)
	if err != nil {
		return "", err
	}
	hash := sha256.New()
	_, _ = fmt.Fprintf(hash, "%s\n%s\n%s\n%q %q\n", sdist.Version, layoutVersion, inside, s.File, s.sha256) // a hash does not fail
	for _, pkg := range tools.On(target.Machine) {
		if best, ok := take(pkg, target); ok {
			_, _ = fmt.Fprintf(hash, "%q %q\n", best.File, best.SHA256)
		}
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

// named is a file that is written and can be read by its name.
type named interface {
	io.Writer
	Name() string
}

// build builds a wheel into a file and reads it to its end. It returns the names of the tools that were used, too.
func (p *Ecosystem) build(ctx context.Context, s source, tools *lockfile.Lock, file named) (*wheel.Wheel, []string, error) {
	opened, err := p.fetch(ctx, s)
	if err != nil {
		return nil, nil, err
	}
	b, err := p.bench(ctx, tools)
	if err != nil {
		return nil, nil, err
	}
	defer b.close()
	if _, err := b.uses(opened, nil); err != nil {
		return nil, nil, err
	}
	name, more, err := b.Build(ctx, opened, file)
	if err != nil {
		return nil, nil, err
	}
	uses, err := b.uses(opened, more)
	if err != nil {
		return nil, nil, err
	}
	w, err := wheel.Open(ctx, file.Name(), name)
	if err == nil {
		nowhere := func(string, fs.FileMode, int64, io.Reader) error { return nil }
		err = w.Write(ctx, interpreter, func(string) bool { return true }, nowhere)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("the wheel that its backend has built: %w", err)
	}
	return w, uses, nil
}

// built are wheels by the file names of the sdists that they were built from.
type built map[string]*wheel.Wheel

// buildLocked builds all sdists of a lock, side by side, and holds what comes of them against the lock.
func (p *Ecosystem) buildLocked(ctx context.Context, l *locks) (built, error) {
	all, used := built{}, []string{}
	var mutex sync.Mutex
	group, building := errgroup.WithContext(ctx)
	group.SetLimit(runtime.NumCPU())
	for _, pkg := range l.installed.Packages {
		if pkg.Sdist == nil {
			continue
		}
		group.Go(func() error {
			m, w, err := p.makeLocked(building, pkg, l.building)
			if err != nil {
				return fmt.Errorf("package %s %s: sdist %s: %w", pkg.Name, pkg.Version, pkg.Sdist.File, err)
			}
			mutex.Lock()
			defer mutex.Unlock()
			all[pkg.Sdist.File], used = w, append(used, m.About.Uses...)
			return nil
		})
	}
	if err := group.Wait(); err != nil || len(all) == 0 {
		return nil, err
	}
	return all, checkUsed(l.building, used)
}

// makeLocked returns what is built from the sdist of a package, if it is what the lock says.
func (p *Ecosystem) makeLocked(ctx context.Context, pkg lockfile.Package, tools *lockfile.Lock) (*keep.File[made], *wheel.Wheel, error) {
	s := pkg.Sdist
	m, err := p.make(ctx, source{s.Name, s.SHA256}, tools)
	if err != nil {
		return nil, nil, err
	}
	w, err := wheel.Open(ctx, m.Path, s.Wheel)
	if err != nil {
		return nil, nil, err
	}
	if m.About.Wheel != s.Wheel.File || w.Content() != s.Content {
		return nil, nil, &kind.LockError{File: LockFile, Field: pkg.Name, Reason: fmt.Sprintf(
			"%s is built with content sha256:%s, and the lock has %s with sha256:%s: lock again, and look at what has changed (the base may have)",
			m.About.Wheel, w.Content(), s.Wheel.File, s.Content)}
	}
	return m, w, nil
}
