package sbom

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/package-url/packageurl-go"
	"github.com/spdx/tools-golang/spdx/v2/common"
	spdx "github.com/spdx/tools-golang/spdx/v2/v2_3"

	"github.com/slipway-dev/slipway/internal/kind"
)

// components adds a package for each distinct archive and relates them by their dependencies. It returns the identifiers.
func (d *document) components(components []kind.Component) ([]common.ElementID, error) {
	components = slices.SortedFunc(slices.Values(components), func(a, b kind.Component) int {
		return cmp.Or(cmp.Compare(a.PURL, b.PURL), cmp.Compare(a.Algorithm, b.Algorithm), cmp.Compare(a.Digest, b.Digest), cmp.Compare(a.Path, b.Path))
	})
	var ids []common.ElementID
	byID := map[common.ElementID]*installed{}
	byPURL := map[string][]common.ElementID{}
	for _, c := range components {
		id, err := componentID(c)
		if err != nil {
			return nil, err
		}
		known := byID[id]
		if known == nil {
			p, err := d.component(id, c)
			if err != nil {
				return nil, err
			}
			known = &installed{Package: p}
			byID[id] = known
			byPURL[c.PURL] = append(byPURL[c.PURL], id)
			ids = append(ids, id)
			d.Packages = append(d.Packages, p)
		}
		known.add(c)
	}
	for _, id := range ids {
		known := byID[id]
		if len(known.paths) > 0 {
			known.PackageSourceInfo = "unpacked to: " + strings.Join(known.paths, ", ")
		}
		slices.Sort(known.dependsOn)
		for _, purl := range slices.Compact(known.dependsOn) {
			if len(byPURL[purl]) == 0 {
				return nil, fmt.Errorf("%s depends on %s, which is not in the image", known.PackageName, purl)
			}
			for _, on := range byPURL[purl] {
				d.relate(id, common.TypeRelationshipDependsOn, on)
			}
		}
	}
	return ids, nil
}

// installed is a package with all the places where it lies, of which each may depend on other versions.
type installed struct {
	*spdx.Package
	paths, dependsOn []string
}

func (i *installed) add(c kind.Component) {
	if c.Path != "" && !slices.Contains(i.paths, c.Path) {
		i.paths = append(i.paths, c.Path)
	}
	i.dependsOn = append(i.dependsOn, c.DependsOn...)
}

func (d *document) component(id common.ElementID, c kind.Component) (*spdx.Package, error) {
	p := &spdx.Package{
		PackageName: c.Name, PackageSPDXIdentifier: id, PackageVersion: c.Version,
		PackageSupplier: supplier(c.Supplier), PackageDownloadLocation: noAssertion,
		PackageLicenseConcluded: noAssertion, PackageLicenseDeclared: d.license(c.License), PackageCopyrightText: noAssertion,
		PackageExternalReferences: purlReference(c.PURL),
	}
	if c.Algorithm == "" && c.Digest == "" {
		return p, nil
	}
	length := map[string]int{"SHA256": 64, "SHA512": 128}[c.Algorithm]
	if _, err := hex.DecodeString(c.Digest); err != nil || length == 0 || len(c.Digest) != length {
		return nil, fmt.Errorf("component %s: %q %q is not a SHA256 or SHA512 digest in hex", c.PURL, c.Algorithm, c.Digest)
	}
	p.PackageChecksums = []common.Checksum{{Algorithm: common.ChecksumAlgorithm(c.Algorithm), Value: c.Digest}}
	return p, nil
}

// componentID names a component for a reader, and by a hash of what tells it from all others.
func componentID(c kind.Component) (common.ElementID, error) {
	purl, err := packageurl.FromString(c.PURL)
	if err != nil {
		return "", fmt.Errorf("component %q at %q: package URL %q: %w", c.Name, c.Path, c.PURL, err)
	}
	if c.Name == "" {
		return "", fmt.Errorf("component %s has no name", c.PURL)
	}
	sum := sha256.Sum256([]byte(c.PURL + "\x00" + c.Algorithm + "\x00" + c.Digest))
	parts := []string{"Package", purl.Type, c.Name, c.Version, hex.EncodeToString(sum[:8])}
	return common.ElementID(identifier(strings.Join(parts, "-"))), nil
}

// identifier keeps what an SPDX identifier may hold: letters, digits, dots and hyphens.
func identifier(s string) string {
	return strings.Trim(strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '.', r == '-':
			return r
		}
		return '-'
	}, s), "-")
}
