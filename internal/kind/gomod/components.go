package gomod

import (
	"encoding/hex"
	"fmt"
	"runtime/debug"
	"strings"

	"github.com/package-url/packageurl-go"
	"golang.org/x/mod/module"

	"github.com/slipway-dev/slipway/internal/kind"
	"github.com/slipway-dev/slipway/internal/kind/gomod/lockfile"
)

// components lists the modules of a binary for the SBOM, and the standard library, which has vulnerabilities of its own.
func components(info *debug.BuildInfo, parts *parts, goRoot string) ([]kind.Component, error) {
	versions := map[string]string{}
	for _, m := range modules(info) {
		versions[m.Path] = m.Version
	}
	list := make([]kind.Component, 0, len(versions)+1)
	for _, m := range modules(info) {
		part := parts.modules[m.Path]
		if part == nil {
			return nil, fmt.Errorf("module %s is in the binary, but go does not list it", lockfile.Abbreviate(m.Path))
		}
		sum, err := lockfile.DecodeSum(m.Sum)
		if err != nil {
			return nil, fmt.Errorf("module %s: %w", lockfile.Abbreviate(m.Path), err)
		}
		license, err := licenseOf(part.dir)
		if err != nil {
			return nil, fmt.Errorf("module %s: %w", m.Path, err)
		}
		c := kind.Component{
			Name: m.Path, Version: m.Version, PURL: purl(m.Path, m.Version), License: license, Algorithm: "SHA256", Digest: hex.EncodeToString(sum),
		}
		for _, path := range part.imported() {
			if version, ok := versions[path]; ok {
				c.DependsOn = append(c.DependsOn, purl(path, version))
			}
		}
		list = append(list, c)
	}
	standard, err := standard(info, parts, goRoot)
	if err != nil {
		return nil, fmt.Errorf("the standard library of Go: %w", err)
	}
	return append(list, standard), nil
}

// standard is the standard library as a component, of the packages that are compiled in.
func standard(info *debug.BuildInfo, parts *parts, goRoot string) (kind.Component, error) {
	license, err := licenseOf(goRoot)
	if err != nil {
		return kind.Component{}, err
	}
	sum, err := parts.standardSum(goRoot)
	if err != nil {
		return kind.Component{}, err
	}
	digest, err := lockfile.DecodeSum(sum)
	if err != nil {
		return kind.Component{}, err
	}
	release := strings.TrimPrefix(info.GoVersion, "go")
	return kind.Component{
		Name: "stdlib", Version: release, PURL: purl("stdlib", release), License: license, Algorithm: "SHA256", Digest: hex.EncodeToString(digest),
	}, nil
}

// purl returns the package URL (purl specification, type golang), as scanners write it for the standard library, too.
func purl(path, version string) string {
	namespace, name := "", path
	if slash := strings.LastIndexByte(path, '/'); slash >= 0 {
		namespace, name = path[:slash], path[slash+1:]
	}
	return packageurl.NewPackageURL(packageurl.TypeGolang, namespace, name, version, nil, "").ToString()
}

func lockVersion(m *debug.Module) module.Version {
	return module.Version{Path: m.Path, Version: m.Version}
}
