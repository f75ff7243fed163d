package pypi

import (
	"context"
	"io/fs"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/package-url/packageurl-go"

	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/kind"
	"github.com/slipway-dev/slipway/internal/kind/pypi/wheel"
	"github.com/slipway-dev/slipway/internal/layer"
)

// Payload fetches the wheels that the lock pins for a platform; see kind.Packaged.
func (p *Ecosystem) Payload(ctx context.Context, e entry.Entry, dir fs.FS, platform v1.Platform) (*kind.Payload, error) {
	locks, err := load(e, dir)
	if err != nil {
		return nil, err
	}
	target, err := wheel.TargetOf(platform)
	if err != nil {
		return nil, err
	}
	built, err := p.buildLocked(ctx, locks)
	if err != nil {
		return nil, err
	}
	packages, err := p.download(ctx, locks.installed.On(target.Machine), built, target)
	if err != nil {
		return nil, err
	}
	i := &installation{packages: packages, environment: environment(target)}
	if err := i.verify(e); err != nil {
		return nil, err
	}
	if err := i.place(); err != nil {
		return nil, err
	}
	command, err := i.entrypoint(e)
	if err != nil {
		return nil, err
	}
	compiler, err := p.compiler.Key(ctx)
	if err != nil {
		return nil, err
	}
	return &kind.Payload{
		Key:        i.key(compiler),
		Write:      func(ctx context.Context, w *layer.Writer) error { return i.write(ctx, p.compiler, w) },
		Entrypoint: command,
		WorkingDir: AppDir,
		Components: i.components(),
		Sources:    tools(locks.building),
	}, nil
}

// components lists the packages for the SBOM, ordered by name.
func (i *installation) components() []kind.Component {
	list := make([]kind.Component, 0, len(i.packages))
	for _, p := range i.packages {
		c := kind.Component{
			Name: p.name, Version: p.version, PURL: purl(p), License: license(p.wheel.Metadata),
			Algorithm: "SHA256", Digest: p.sha256, Path: AppDir + "/" + wheel.SitePackages + "/" + p.wheel.InfoDir,
		}
		for name := range i.edges[p.name] {
			c.DependsOn = append(c.DependsOn, purl(*i.find(name)))
		}
		slices.Sort(c.DependsOn)
		list = append(list, c)
	}
	return list
}

// purl returns the package URL (purl specification, type pypi). Of what was built from an sdist it names the file.
func purl(p installed) string {
	var file packageurl.Qualifiers
	if p.sdist != "" {
		file = packageurl.Qualifiers{{Key: "file_name", Value: p.sdist}}
	}
	return packageurl.NewPackageURL(packageurl.TypePyPi, "", p.name, p.version, file, "").ToString()
}
