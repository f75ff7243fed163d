package base

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/slipway-dev/slipway/internal/fetch"
	"github.com/slipway-dev/slipway/internal/kind/npm/npmrc"
	"github.com/slipway-dev/slipway/internal/kind/pypi/index"
)

// Sources is where the files of a base come from.
type Sources struct {
	Files   *fetch.Cache
	Mirrors Mirrors
	NPM     *npmrc.Config
	PyPI    *index.Index
}

// Lock resolves base.cue and returns the content of a new lock.json. Debian packages come from indexes that are signed by the base's keys,
// meant for this suite and of this time, and no older than those that the present lock was made from. If what is pinned stays the same, so
// does the lock, byte for byte. It fetches indexes, not packages.
func (b *Base) Lock(ctx context.Context, s Sources, now time.Time) ([]byte, error) {
	lock := Lock{Version: 1}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		lock.Suites, lock.Packages, err = b.resolveDebian(ctx, s, now)
		return err
	})
	group.Go(func() (err error) {
		lock.Runtime, err = b.resolveRuntime(ctx, s)
		return err
	})
	group.Go(func() (err error) {
		lock.Resolver, err = b.resolveManager(ctx, s)
		return err
	})
	if err := group.Wait(); err != nil {
		return nil, fmt.Errorf("base %s cannot be locked: %w", b.Name, err)
	}
	if slices.Equal(lock.Packages, b.Locked.Packages) && slices.Equal(suiteNames(lock), suiteNames(b.Locked)) {
		lock.Suites = b.Locked.Suites
	}
	if err := lock.validate(); err != nil {
		return nil, fmt.Errorf("base %s cannot be locked: %w", b.Name, err)
	}
	return lock.marshal()
}

func suiteNames(l Lock) (names []string) {
	for _, s := range l.Suites {
		names = append(names, s.Name)
	}
	return names
}

func (b *Base) resolveDebian(ctx context.Context, s Sources, now time.Time) ([]Suite, []Package, error) {
	spec := b.Spec.Debian
	suites := make([]Suite, len(spec.Suites))
	found := make([][][]candidate, len(architectures)) // by architecture and suite
	for i := range found {
		found[i] = make([][]candidate, len(spec.Suites))
	}
	group, ctx := errgroup.WithContext(ctx)
	for i, name := range spec.Suites {
		group.Go(func() error {
			root, index, err := b.release(ctx, s, name, now)
			if err != nil {
				return err
			}
			suites[i] = index.suite
			for j, arch := range architectures {
				group.Go(func() (err error) {
					found[j][i], err = candidates(ctx, s, root, index, arch, spec.Packages)
					return err
				})
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, nil, err
	}
	var packages []Package
	for j, arch := range architectures {
		chosen, err := choose(slices.Concat(found[j]...), spec, arch)
		if err != nil {
			return nil, nil, err
		}
		packages = append(packages, chosen...)
	}
	return suites, packages, nil
}

// release fetches and checks the signed index of a suite.
func (b *Base) release(ctx context.Context, s Sources, suite string, now time.Time) (root string, index release, err error) {
	archive, err := s.Mirrors.of(suite)
	if err != nil {
		return "", release{}, err
	}
	root = archive + "/dists/" + suite + "/"
	data, err := s.Files.Document(ctx, root+"InRelease", nil, maxRelease)
	if err != nil {
		return "", release{}, err
	}
	if index, err = readRelease(data, suite, b.keyring, now); err != nil {
		return "", release{}, err
	}
	for _, before := range b.Locked.Suites {
		if date, err := time.Parse(time.RFC3339, before.Date); before.Name == suite && err == nil && index.signed.Before(date) {
			return "", release{}, fmt.Errorf("the index of suite %s is refused: it is of %s, older than that of %s in the lock; "+
				"the mirror is out of date, use another", suite, index.suite.Date, before.Date)
		}
	}
	return root, index, nil
}

// candidates fetches the list of packages that a signed index names.
func candidates(ctx context.Context, s Sources, root string, index release, arch string, wanted []string) ([]candidate, error) {
	name := "main/binary-" + arch + "/Packages.xz"
	file, ok := index.files[name]
	if !ok {
		return nil, fmt.Errorf("the index of suite %s names no %s", index.suite.Name, name)
	}
	if file.size > maxPackages {
		return nil, fmt.Errorf("the index of suite %s names a %s of %d bytes: at most %d are allowed", index.suite.Name, name, file.size, maxPackages)
	}
	address := root + name
	if index.byHash {
		address = root + path.Dir(name) + "/by-hash/SHA256/" + file.digest.Hex
	}
	local, err := s.Files.File(ctx, fetch.Request{URL: address, Digest: file.digest, MaxBytes: max(file.size, 1)})
	if err != nil {
		return nil, err
	}
	f, err := os.Open(local)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readIndex(f, index.suite.Name, arch, wanted)
}

func (b *Base) resolveRuntime(ctx context.Context, s Sources) (runtime []Tarball, err error) {
	spec := b.Spec.Runtime
	if spec == nil {
		return nil, nil
	}
	for _, arch := range architectures {
		t, err := resolveTarball(ctx, s, spec.Packages[arch], spec.Version)
		if err != nil {
			return nil, fmt.Errorf("runtime for %s: %w", arch, err)
		}
		t.Architecture = arch
		runtime = append(runtime, t)
	}
	return runtime, nil
}

// resolveTarball asks the user's registry for the hash of one version.
func resolveTarball(ctx context.Context, s Sources, name, version string) (Tarball, error) {
	address, header, err := npmAddress(ctx, s.NPM, name, strings.Replace(name, "/", "%2f", 1)+"/"+version)
	if err != nil {
		return Tarball{}, err
	}
	const maxManifest = 4 << 20
	data, err := s.Files.Document(ctx, address, header, maxManifest)
	if err != nil {
		return Tarball{}, err
	}
	var manifest struct {
		Name, Version string
		Dist          struct{ Integrity string }
	}
	if err := json.Unmarshal(data, &manifest); err != nil {
		return Tarball{}, fmt.Errorf("the registry's answer for %s %s is not JSON: %w", name, version, err)
	}
	t := Tarball{Package: manifest.Name, Version: manifest.Version, Integrity: manifest.Dist.Integrity}
	if t.Package != name || t.Version != version {
		return Tarball{}, fmt.Errorf("the registry answers for %.100s %.100s where it was asked for %s %s", t.Package, t.Version, name, version)
	}
	if reason := t.invalid(); reason != "" {
		return Tarball{}, fmt.Errorf("the registry's answer for %s %s: %s", name, version, reason)
	}
	return t, nil
}

// npmAddress returns the address of rest at the registry that serves a package, and the credentials for it.
func npmAddress(ctx context.Context, config *npmrc.Config, name, rest string) (string, http.Header, error) {
	registry, err := config.Registry(ctx, name)
	if err != nil {
		return "", nil, err
	}
	address, err := url.Parse(strings.TrimSuffix(registry.String(), "/") + "/" + rest)
	if err != nil {
		return "", nil, fmt.Errorf("the npm registry's address: %w", err)
	}
	header, err := config.Header(address)
	return address.String(), header, err
}
