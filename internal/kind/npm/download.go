package npm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/slipway-dev/slipway/internal/fetch"
	"github.com/slipway-dev/slipway/internal/kind/npm/lockfile"
)

const (
	// parallel bounds the downloads at a time.
	parallel = 16
	// maxPackument bounds what a registry says of one package, all its versions together.
	maxPackument = 64 << 20
)

// download returns the archive of every package, each fetched, checked against the lock's hash and read through.
func (n *Ecosystem) download(ctx context.Context, packages []*lockfile.Package) (map[*lockfile.Package]*archive, error) {
	archives := make([]*archive, len(packages))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	for i, p := range packages {
		group.Go(func() (err error) {
			if archives[i], err = n.archive(ctx, p.Name, p.Version, p.Integrity); err != nil {
				return fmt.Errorf("package %s %s: %w", p.Name, p.Version, err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	byPackage := make(map[*lockfile.Package]*archive, len(packages))
	for i, p := range packages {
		byPackage[p] = archives[i]
	}
	return byPackage, nil
}

// archive fetches one version of a package by the hash of its archive.
func (n *Ecosystem) archive(ctx context.Context, name, version, integrity string) (*archive, error) {
	digest, err := fetch.ParseSRI(integrity)
	if err != nil {
		return nil, err
	}
	file, err := n.file(ctx, name, digest, func(registry *url.URL) (*url.URL, error) {
		return registry.JoinPath(name, "-", path.Base(name)+"-"+version+".tgz"), nil
	})
	var status *fetch.StatusError
	if errors.As(err, &status) && status.Code == http.StatusNotFound {
		// Not every registry keeps its archives at npm's usual place.
		elsewhere, listErr := n.file(ctx, name, digest, func(registry *url.URL) (*url.URL, error) { return n.listedArchive(ctx, registry, name, version) })
		if listErr != nil {
			return nil, errors.Join(err, listErr)
		}
		file, err = elsewhere, nil
	}
	if err != nil {
		return nil, err
	}
	return n.archives.archive(ctx, file, digest)
}

// file fetches an archive of a package from where its registry has it. The registry is asked for only if the archive is not here yet.
func (n *Ecosystem) file(ctx context.Context, name string, digest fetch.Digest, at func(registry *url.URL) (*url.URL, error)) (string, error) {
	return n.cache.File(ctx, fetch.Request{Digest: digest, MaxBytes: maxArchive, Locate: func(ctx context.Context) (string, http.Header, error) {
		registry, err := n.config.Registry(ctx, name)
		if err != nil {
			return "", nil, err
		}
		u, err := at(registry)
		if err != nil {
			return "", nil, err
		}
		header, err := n.config.Header(u)
		if err != nil {
			return "", nil, err
		}
		return u.String(), header, nil
	}})
}

// listedArchive returns where the registry itself says that the archive is, which must be on the registry's own host.
func (n *Ecosystem) listedArchive(ctx context.Context, registry *url.URL, name, version string) (*url.URL, error) {
	document, err := n.packument(ctx, registry, name, "application/vnd.npm.install-v1+json")
	if err != nil {
		return nil, err
	}
	var dist struct {
		Tarball string `json:"tarball"`
	}
	listed, ok := document.Versions[version]
	if !ok {
		return nil, fmt.Errorf("the registry does not list version %s", version)
	}
	if err := json.Unmarshal(field[json.RawMessage](listed, "dist"), &dist); err != nil {
		return nil, fmt.Errorf("the registry's description of version %s has no valid dist: %w", version, err)
	}
	u, err := url.Parse(dist.Tarball)
	if err != nil || u.Host != registry.Host || u.User != nil {
		return nil, errors.New("the registry names an archive that is not on its own host: such archives are not fetched")
	}
	u.Scheme = registry.Scheme // some registries behind a proxy do not know their own
	return u, nil
}

// packument is a registry's description of a package and all its versions.
type packument struct {
	Tags     map[string]string
	Versions map[string]fields
	Fields   fields
}

// packument asks the registry about a package, accepting one media type.
func (n *Ecosystem) packument(ctx context.Context, registry *url.URL, name, accept string) (*packument, error) {
	u := registry.JoinPath(name)
	// A scope's slash is part of the name, so it is escaped.
	u.RawPath = strings.TrimSuffix(u.EscapedPath(), name) + strings.ReplaceAll(name, "/", "%2f")
	header, err := n.config.Header(u)
	if err != nil {
		return nil, err
	}
	header.Set("Accept", accept)
	data, err := n.cache.Document(ctx, u.String(), header, maxPackument)
	if err != nil {
		return nil, err
	}
	f, err := parseFields(data)
	if err != nil {
		return nil, fmt.Errorf("the registry's answer about %s is not a JSON object: %w", name, err)
	}
	if answered := f.text("name"); answered != name {
		return nil, fmt.Errorf("asked about %s, the registry answered about %q: check which registry is configured", name, lockfile.Abbreviate(answered))
	}
	return &packument{Tags: field[map[string]string](f, "dist-tags"), Versions: field[map[string]fields](f, "versions"), Fields: f}, nil
}
