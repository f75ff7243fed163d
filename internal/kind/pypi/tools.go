package pypi

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/kind"
	"github.com/slipway-dev/slipway/internal/kind/pypi/lockfile"
	"github.com/slipway-dev/slipway/internal/kind/pypi/sdist"
)

// maxRounds bounds how often backends may want more than they have said before. One that is honest does so once.
const maxRounds = 3

// lockTools resolves what sdists are built with: what they say, and what their backends say when they are asked.
func (p *Ecosystem) lockTools(ctx context.Context, e entry.Entry, sdists []*sdist.Sdist) (*lockfile.Lock, error) {
	var wants []string
	for _, s := range sdists {
		wants = append(wants, s.System.Requires...)
	}
	for range maxRounds {
		tools, err := p.resolveTools(ctx, e, wants)
		if err != nil {
			return nil, err
		}
		more, err := p.askBackends(ctx, tools, sdists)
		if err != nil {
			return nil, err
		}
		more = slices.DeleteFunc(more, func(text string) bool { return slices.Contains(wants, text) })
		if len(more) == 0 {
			return tools, nil
		}
		wants = append(wants, more...)
	}
	return nil, errors.New("the build requirements of the allowed sdists cannot be locked: their backends want something else each time they are asked")
}

// resolveTools has uv resolve build requirements, with wheels alone. The entry's constraints are theirs, too.
func (p *Ecosystem) resolveTools(ctx context.Context, e entry.Entry, wants []string) (*lockfile.Lock, error) {
	if len(wants) == 0 {
		return &lockfile.Lock{}, nil
	}
	of := projectOf(e)
	of.Project.Name = "slipway-build-" + e.Name
	of.Project.Dependencies = slices.Compact(slices.Sorted(slices.Values(wants)))
	of.Tool.UV.Overrides = nil
	return p.resolve(ctx, of, "what the allowed sdists are built with", &allowed{})
}

// askBackends returns what the backends of sdists want beyond what these say.
func (p *Ecosystem) askBackends(ctx context.Context, tools *lockfile.Lock, sdists []*sdist.Sdist) (more []string, err error) {
	b, err := p.bench(ctx, tools)
	if err != nil {
		return nil, err
	}
	defer b.close()
	for _, s := range sdists {
		wants, err := b.Requires(ctx, s)
		if err != nil {
			return nil, fmt.Errorf("the sdist %s: %w", s.File, err)
		}
		more = append(more, wants...)
	}
	return more, nil
}

// checkUsed refuses tools that no sdist wants.
func checkUsed(tools *lockfile.Lock, used []string) error {
	target, err := machine()
	if err != nil {
		return err
	}
	for _, pkg := range tools.On(target.Machine) {
		if !slices.Contains(used, pkg.Name) {
			return &kind.LockError{File: BuildLockFile, Field: pkg.Name, Reason: "is wanted by no sdist of the lock: lock again, and ask who changed it"}
		}
	}
	return nil
}

// tools returns what was built with, for provenance: the wheels that a lock pins for the machine that sdists are built on.
func tools(l *lockfile.Lock) (all []kind.Source) {
	target, err := machine()
	if l == nil || err != nil {
		return nil
	}
	for _, pkg := range l.On(target.Machine) {
		if w, ok := take(pkg, target); ok {
			all = append(all, kind.Source{URI: purl(installed{name: pkg.Name, version: pkg.Version}), Digest: map[string]string{"sha256": w.SHA256}})
		}
	}
	return all
}
