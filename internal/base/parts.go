package base

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/package-url/packageurl-go"
	"golang.org/x/sync/errgroup"

	"github.com/slipway-dev/slipway/internal/fetch"
	"github.com/slipway-dev/slipway/internal/kind"
	"github.com/slipway-dev/slipway/internal/layer"
)

// Parts is what a base gives to an image for one platform.
type Parts struct {
	Layers     []v1.Layer // Debian below; above it the language runtime, if there is one
	Components []kind.Component
	Env        []string // NAME=value
	User       string
	WorkingDir string
	Labels     map[string]string
}

// Parts fetches what the lock pins for a platform and returns the parts of an image. Layers that are in the store already need nothing to be
// fetched.
func (b *Base) Parts(ctx context.Context, s Sources, layers *layer.Store, platform v1.Platform) (*Parts, error) {
	if err := b.CheckLock(); err != nil {
		return nil, err
	}
	arch := platform.Architecture
	if platform.OS != "linux" || !slices.Contains(architectures, arch) {
		return nil, unsupported(platform.String())
	}
	parts := &Parts{
		Layers:     make([]v1.Layer, 1),
		Components: b.components(arch),
		Env:        []string{"PATH=/usr/local/bin:/usr/bin:/bin", "SSL_CERT_FILE=/" + bundleFile},
		User:       nonroot,
		WorkingDir: "/",
		Labels:     map[string]string{"io.github.slipway-dev.base": b.Name, "io.github.slipway-dev.base.key": b.Key()},
	}
	if b.Spec.Runtime != nil {
		parts.Layers = make([]v1.Layer, 2)
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		l, err := layers.Layer(ctx, b.debianKey(arch), func(ctx context.Context, w *layer.Writer) error { return b.writeDebian(ctx, s, arch, w) })
		parts.Layers[0] = l
		return err
	})
	if b.Spec.Runtime != nil {
		group.Go(func() error {
			l, err := layers.Layer(ctx, b.runtimeKey(arch), func(ctx context.Context, w *layer.Writer) error { return b.writeRuntime(ctx, s, arch, w) })
			parts.Layers[1] = l
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, fmt.Errorf("base %s for %s cannot be built: %w", b.Name, platform, err)
	}
	return parts, nil
}

func unsupported(platform string) error {
	return errors.New("platform " + platform + " is none that bases are built for: linux/" + strings.Join(architectures, ", linux/"))
}

// components lists the packages for the SBOM, Debian's first. Their purls are the ones that vulnerability scanners match: Debian tracks
// vulnerabilities by source package, hence "upstream".
func (b *Base) components(arch string) []kind.Component {
	release := "debian"
	for _, suite := range b.Locked.Suites {
		if major, _, _ := strings.Cut(suite.Release, "."); major != "" {
			major, _, _ = strings.Cut(major, "-") // 13-updates
			release = "debian-" + major
			break
		}
	}
	var all []kind.Component
	for _, p := range b.Locked.of(arch) {
		qualifiers := map[string]string{"arch": arch, "distro": release}
		if strings.HasSuffix(p.Filename, "_all.deb") {
			qualifiers["arch"] = "all"
		}
		if name, version, ok := strings.Cut(p.Source, " ("); ok {
			qualifiers["upstream"] = name + "@" + strings.TrimSuffix(version, ")")
		} else if p.Source != "" {
			qualifiers["upstream"] = p.Source
		}
		purl := packageurl.NewPackageURL(packageurl.TypeDebian, "debian", p.Name, p.Version, packageurl.QualifiersFromMap(qualifiers), "")
		all = append(all, kind.Component{
			Name: p.Name, Version: p.Version, PURL: purl.ToString(),
			Algorithm: "SHA256", Digest: p.SHA256, Path: statusDir + p.Name, Supplier: "Debian",
		})
	}
	runtime, ok := b.Locked.runtime(arch)
	if !ok {
		return all
	}
	digest, _ := fetch.ParseSRI(runtime.Integrity) // a lock that passed CheckLock has only such
	purl := packageurl.NewPackageURL(packageurl.TypeGeneric, "", b.Spec.Runtime.Name, runtime.Version, nil, "")
	return append(all, kind.Component{
		Name: b.Spec.Runtime.Name, Version: runtime.Version, PURL: purl.ToString(),
		Algorithm: "SHA512", Digest: digest.Hex, Path: nodeFile,
	})
}
