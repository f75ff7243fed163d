package flow

import (
	"fmt"
	"path/filepath"
	"slices"
	"sync"

	"github.com/slipway-dev/slipway/internal/catalog"
	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/kind"
	"github.com/slipway-dev/slipway/internal/kind/image"
	"github.com/slipway-dev/slipway/internal/kind/npm"
	"github.com/slipway-dev/slipway/internal/kind/pypi"
	"github.com/slipway-dev/slipway/internal/kind/remote"
)

// ecosystems returns what knows each kind of entry. Base names the base that the entries stand on, if they do.
func (l *Line) ecosystems(base string) map[entry.Kind]kind.Ecosystem {
	return map[entry.Kind]kind.Ecosystem{
		entry.Container: image.New(l.downloads, l.images()),
		entry.NPX:       npm.New(l.downloads, l.packages, l.npmrc, l.resolver(base, "npm")),
		entry.UVX:       l.python(base),
		entry.Go:        l.gomod,
		entry.Skill:     l.skills,
		entry.Remote:    remote.New(l.ask),
	}
}

// pythons are the ecosystems of uvx entries by the base that these stand on.
type pythons struct {
	sync.Mutex
	on map[string]*pypi.Ecosystem
}

// python returns the ecosystem of the uvx entries on a base, the same each time: so what is opened and compiled for one entry is there for the next.
func (l *Line) python(base string) *pypi.Ecosystem {
	l.pythons.Lock()
	defer l.pythons.Unlock()
	if l.pythons.on == nil {
		l.pythons.on = map[string]*pypi.Ecosystem{}
	}
	if l.pythons.on[base] == nil {
		l.pythons.on[base] = pypi.New(pypi.Options{
			Cache: l.downloads, Config: l.pipconf, Index: l.pypi, Resolve: l.resolver(base, "uv"),
			Sandbox: &room{line: l, base: base}, Built: filepath.Join(l.Cache, "built"),
		})
	}
	return l.pythons.on[base]
}

// ecosystem returns what knows an entry's kind.
func (l *Line) ecosystem(e entry.Entry) (kind.Ecosystem, error) {
	if found, ok := l.ecosystems(e.Base)[e.Kind]; ok {
		return found, nil
	}
	return nil, fmt.Errorf("%s: entries of kind %s cannot be built by this version of catalogctl", e.ID(), e.Kind)
}

// Buildable returns the items whose kind can be built. Images of which no digest is known yet are none of them: they are listed, and that is all.
func (l *Line) Buildable() []catalog.Item {
	known := l.ecosystems("")
	return slices.DeleteFunc(slices.Clone(l.Catalog.Items), func(item catalog.Item) bool {
		return known[item.Entry.Kind] == nil || item.Entry.Image != nil && !item.Entry.Pinned()
	})
}
