package pypi

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/slipway-dev/slipway/internal/fetch"
	"github.com/slipway-dev/slipway/internal/kind/pypi/lockfile"
	"github.com/slipway-dev/slipway/internal/kind/pypi/wheel"
)

// parallel bounds the downloads at a time.
const parallel = 16

// opened are the wheels that this process has read. Those of several platforms and entries are mostly the same.
type opened struct {
	mutex  sync.Mutex
	wheels map[string]*wheel.Wheel // by SHA-256 and file name
}

func (o *opened) get(key string) (*wheel.Wheel, bool) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	w, ok := o.wheels[key]
	return w, ok
}

func (o *opened) put(key string, w *wheel.Wheel) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	if o.wheels == nil {
		o.wheels = map[string]*wheel.Wheel{}
	}
	o.wheels[key] = w
}

// download fetches the wheel that a target takes of each package, by the hashes in the lock, and opens it. Those that
// were built from an sdist are taken from built.
func (p *Ecosystem) download(ctx context.Context, packages []lockfile.Package, built built, target *wheel.Target) ([]installed, error) {
	all := make([]installed, len(packages))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	for i, pkg := range packages {
		group.Go(func() error {
			all[i] = installed{name: pkg.Name, version: pkg.Version}
			var err error
			if pkg.Sdist != nil {
				all[i].sdist, all[i].sha256 = pkg.Sdist.File, pkg.Sdist.SHA256
				all[i].wheel = built[pkg.Sdist.File]
				return nil
			}
			best, ok := take(pkg, target)
			if !ok {
				return fmt.Errorf("package %s %s has no wheel for %s", pkg.Name, pkg.Version, target.Machine)
			}
			all[i].sha256 = best.SHA256
			if all[i].wheel, err = p.open(ctx, best.Name, best.SHA256); err != nil {
				return fmt.Errorf("package %s %s: wheel %s: %w", pkg.Name, pkg.Version, best.File, err)
			}
			return nil
		})
	}
	return all, group.Wait()
}

// take returns the wheel of a package that a target takes, and false if it has none.
func take(pkg lockfile.Package, target *wheel.Target) (lockfile.Wheel, bool) {
	best, ok := wheel.Choose(names(pkg), target)
	at := slices.IndexFunc(pkg.Wheels, func(w lockfile.Wheel) bool { return w.File == best.File })
	if !ok {
		return lockfile.Wheel{}, false
	}
	return pkg.Wheels[at], true
}

// open fetches a wheel by its hash and reads it.
func (p *Ecosystem) open(ctx context.Context, name wheel.Name, sha256 string) (*wheel.Wheel, error) {
	file, err := p.cache.File(ctx, fetch.Request{
		Digest: fetch.Digest{Algorithm: "sha256", Hex: sha256}, MaxBytes: wheel.MaxBytes, Locate: p.index.Locate(name.Project, sha256),
	})
	if err != nil {
		return nil, err
	}
	key := sha256 + " " + name.File
	if known, ok := p.opened.get(key); ok {
		return known, nil
	}
	w, err := wheel.Open(ctx, file, name)
	if err != nil {
		return nil, err
	}
	p.opened.put(key, w)
	return w, nil
}
