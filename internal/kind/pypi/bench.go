package pypi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/slipway-dev/slipway/internal/kind/pypi/lockfile"
	"github.com/slipway-dev/slipway/internal/kind/pypi/sdist"
	"github.com/slipway-dev/slipway/internal/kind/pypi/wheel"
)

// bench is a workshop with its tools: the build requirements, for the machine that this is.
type bench struct {
	*sdist.Workshop
	dir   string
	tools *installation
}

// machine is what sdists are built on; what is built there is for all machines.
func machine() (*wheel.Target, error) {
	return wheel.TargetOf(v1.Platform{OS: "linux", Architecture: runtime.GOARCH})
}

// bench lays the tools that a lock pins out in a temporary folder, which must be closed.
func (p *Ecosystem) bench(ctx context.Context, tools *lockfile.Lock) (_ *bench, err error) {
	target, err := machine()
	if err != nil {
		return nil, err
	}
	packages, err := p.download(ctx, tools.On(target.Machine), nil, target)
	if err != nil {
		return nil, err
	}
	b := &bench{tools: &installation{packages: packages, environment: environment(target)}}
	if err := b.tools.place(); err != nil {
		return nil, err
	}
	if b.dir, err = os.MkdirTemp("", "slipway-sdist-"); err != nil {
		return nil, fmt.Errorf("prepare the workshop: %w", err)
	}
	defer func() {
		if err != nil {
			b.close()
		}
	}()
	if b.Workshop, err = sdist.NewWorkshop(b.dir, p.sandbox); err != nil {
		return nil, err
	}
	return b, b.lay(ctx)
}

func (b *bench) close() { _ = os.RemoveAll(b.dir) } // a temporary folder's remains do no harm

// lay writes the tools where the workshop looks for them.
func (b *bench) lay(ctx context.Context) error {
	folder := filepath.Join(b.dir, sdist.Tools)
	if err := os.Mkdir(folder, 0o755); err != nil {
		return fmt.Errorf("prepare the workshop: %w", err)
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return fmt.Errorf("prepare the workshop: %w", err)
	}
	defer root.Close()
	write := func(name string, mode fs.FileMode, _ int64, content io.Reader) error {
		if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
			return err
		}
		file, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
		if err != nil {
			return err
		}
		_, err = io.Copy(file, content)
		return errors.Join(err, file.Close())
	}
	link := func(name, target string) error {
		if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
			return err
		}
		return root.Symlink(target, name)
	}
	return b.tools.lay(ctx, sdist.Interpreter, write, link)
}

// uses returns the names of the tools that an sdist is built with, if these are all that it wants; more is what its backend wants.
func (b *bench) uses(s *sdist.Sdist, more []string) ([]string, error) {
	v := newVerifier(&installation{packages: b.tools.packages, environment: b.tools.environment}, BuildLockFile, nil)
	v.edges[s.Project] = map[string]bool{}
	var queue []wanted
	for _, text := range slices.Concat(s.System.Requires, more) {
		r, err := wheel.ParseRequirement(text)
		if err != nil {
			return nil, err // was read before
		}
		if r.Marker.Holds(v.environment, nil) && v.depend(s.Project, r) {
			queue = append(queue, wanted{r.Project, r.Extras})
		}
	}
	if len(v.errs) == 0 {
		v.reach(queue...)
	}
	return slices.Sorted(maps.Keys(v.reached)), errors.Join(v.errs...)
}
