package pypi

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"deps.dev/util/semver"
	"golang.org/x/sync/errgroup"

	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/kind/pypi/lockfile"
	"github.com/slipway-dev/slipway/internal/kind/pypi/sdist"
	"github.com/slipway-dev/slipway/internal/kind/pypi/wheel"
)

// allowed are the sdists that an entry allows, with what is built from them.
type allowed struct {
	tools  *lockfile.Lock
	sdists []lockfile.Sdist
	files  []string // the wheels, in the same order
}

// find returns the sdist of a version of a package, and nil if there is none.
func (a *allowed) find(name, version string) *lockfile.Sdist {
	for i, s := range a.sdists {
		if s.Project == name && wheel.SameVersion(s.Version, version) {
			return &a.sdists[i]
		}
	}
	return nil
}

// show copies the wheels into a new folder.
func (a *allowed) show(dir string) error {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	for i, s := range a.sdists {
		data, err := os.ReadFile(a.files[i])
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, s.Wheel.File), data, 0o644) //nolint:gosec // the name was parsed
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// buildAllowed builds the sdists that an entry allows. Only then is known what they depend on: so it comes before anything is resolved, and the
// resolver sees wheels alone.
func (p *Ecosystem) buildAllowed(ctx context.Context, e entry.Entry) (*allowed, error) {
	a := &allowed{}
	if len(e.Sdists) == 0 {
		return a, nil
	}
	sources, opened := make([]source, len(e.Sdists)), make([]*sdist.Sdist, len(e.Sdists))
	group, looking := errgroup.WithContext(ctx)
	for i, s := range e.Sdists {
		group.Go(func() (err error) {
			if sources[i], err = p.candidate(looking, e, s.Package); err == nil {
				opened[i], err = p.fetch(looking, sources[i])
			}
			if err != nil {
				return fmt.Errorf("the sdist of %s, which the entry allows: %w", s.Package, err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	tools, err := p.lockTools(ctx, e, opened)
	if err != nil {
		return nil, err
	}
	a.tools = tools
	for _, s := range sources {
		if err := p.buildTwice(ctx, a, s); err != nil {
			return nil, fmt.Errorf("the sdist %s: %w", s.File, err)
		}
	}
	return a, nil
}

// buildTwice enters what is built from an sdist, if the same comes of it each time.
func (p *Ecosystem) buildTwice(ctx context.Context, a *allowed, s source) error {
	first, err := p.make(ctx, s, a.tools)
	if err != nil {
		return err
	}
	name, err := wheel.ParseName(first.About.Wheel)
	if err != nil {
		return err
	}
	w, err := wheel.Open(ctx, first.Path, name)
	if err != nil {
		return err
	}
	again, err := p.rebuild(ctx, s, a.tools)
	if err != nil {
		return err
	}
	if again.File != name.File || again.Content() != w.Content() {
		return fmt.Errorf("its backend has built two wheels that differ, so nobody could tell later whether what is built is what was looked at: "+
			"choose a version that has wheels (%s with content %s, then %s with %s)", name.File, w.Content(), again.File, again.Content())
	}
	a.sdists = append(a.sdists, lockfile.Sdist{Name: s.Name, SHA256: s.sha256, Wheel: name, Content: w.Content()})
	a.files = append(a.files, first.Path)
	return nil
}

// candidate chooses the sdist of a package: that of the version which the entry says, or else of the latest which it does not rule out.
func (p *Ecosystem) candidate(ctx context.Context, e entry.Entry, project string) (source, error) {
	files, err := p.index.Files(ctx, project)
	if err != nil {
		return source{}, err
	}
	accepts := acceptable(e, project)
	var found source
	var best *semver.Version
	var wheels []wheel.Name
	for _, f := range files {
		if n, err := wheel.ParseName(f.Name); err == nil && n.Project == project {
			wheels = append(wheels, n)
		}
		n, err := sdist.ParseName(f.Name)
		if err != nil || n.Project != project || f.SHA256 == "" {
			continue
		}
		v, err := semver.PyPI.Parse(n.Version)
		runs := wheel.Requirement{Specifier: f.RequiresPython}.Accepts(wheel.PythonFull)
		if err == nil && accepts(v, f.Yanked || !runs) && (best == nil || v.Compare(best) > 0) {
			found, best = source{n, f.SHA256}, v
		}
	}
	if best == nil {
		return source{}, errors.New("the package index has none (.tar.gz, with a SHA-256) of a version that the entry wants")
	}
	wheels = slices.DeleteFunc(wheels, func(n wheel.Name) bool { return !wheel.SameVersion(n.Version, found.Version) })
	if !slices.ContainsFunc(wheel.Targets, func(t *wheel.Target) bool { _, ok := wheel.Choose(wheels, t); return !ok }) {
		return source{}, fmt.Errorf("version %s has wheels for every platform: remove it from sdists, or choose another version by an override or a constraint",
			found.Version)
	}
	return found, nil
}

// acceptable returns whether a version of a package may be taken; poor is one that nobody should without asking for it by name.
func acceptable(e entry.Entry, project string) func(v *semver.Version, poor bool) bool {
	exact := ""
	if project == e.Package.Name {
		exact = e.Package.Version
	}
	for _, o := range e.Overrides {
		if o.Package == project {
			exact = o.Version
		}
	}
	return func(v *semver.Version, poor bool) bool {
		if exact != "" {
			return wheel.SameVersion(v.Canon(true), exact)
		}
		for _, c := range e.Constraints {
			if c.Package == project && !(wheel.Requirement{Specifier: c.Versions}).Accepts(v.Canon(true)) {
				return false
			}
		}
		return !poor && !v.IsPrerelease()
	}
}
