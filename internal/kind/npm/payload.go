package npm

import (
	"context"
	"io/fs"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/package-url/packageurl-go"

	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/kind"
	"github.com/slipway-dev/slipway/internal/kind/npm/lockfile"
)

// Payload fetches the packages that the lock pins for a platform; see kind.Packaged.
func (n *Ecosystem) Payload(ctx context.Context, e entry.Entry, dir fs.FS, platform v1.Platform) (*kind.Payload, error) {
	lock, err := load(e, dir)
	if err != nil {
		return nil, err
	}
	target, err := targetOf(platform)
	if err != nil {
		return nil, err
	}
	packages, err := choose(lock, target)
	if err != nil {
		return nil, err
	}
	own := slices.DeleteFunc(slices.Clone(packages), func(p *lockfile.Package) bool { return p.InBundle })
	archives, err := n.download(ctx, own)
	if err != nil {
		return nil, err
	}
	i := &installation{lock: lock, packages: packages, archives: archives}
	if err := i.verify(e); err != nil {
		return nil, err
	}
	command, err := i.entrypoint(e)
	if err != nil {
		return nil, err
	}
	return &kind.Payload{
		Key:        i.key(),
		Write:      i.write,
		Entrypoint: []string{NodePath, command},
		Env:        []string{"NODE_ENV=production"},
		WorkingDir: AppDir,
		Components: i.components(),
	}, nil
}

// components lists the packages for the SBOM, ordered by path.
func (i *installation) components() []kind.Component {
	taken := make(map[*lockfile.Package]bool, len(i.packages))
	for _, p := range i.packages {
		taken[p] = true
	}
	list := make([]kind.Component, 0, len(i.packages))
	for _, p := range i.packages {
		archive, _ := i.source(p)
		c := kind.Component{
			Name: p.Name, Version: p.Version, PURL: purl(p), License: i.manifest(p).License,
			Algorithm: strings.ToUpper(archive.digest.Algorithm), Digest: archive.digest.Hex,
			Path: AppDir + "/" + p.Path,
		}
		for _, edge := range p.Edges() {
			if to := i.lock.Resolve(p, edge.Name); taken[to] {
				c.DependsOn = append(c.DependsOn, purl(to))
			}
		}
		slices.Sort(c.DependsOn)
		c.DependsOn = slices.Compact(c.DependsOn)
		list = append(list, c)
	}
	return list
}

// purl returns the package URL (purl specification, type npm).
func purl(p *lockfile.Package) string {
	scope, name, scoped := strings.Cut(p.Name, "/")
	if !scoped {
		scope, name = "", p.Name
	}
	return packageurl.NewPackageURL(packageurl.TypeNPM, scope, name, p.Version, nil, "").ToString()
}
