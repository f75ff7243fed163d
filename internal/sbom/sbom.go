// Package sbom says as SPDX what an image is made of. The documents follow SPDX 2.3 in its JSON form; equal input gives equal bytes.
package sbom

import (
	"bytes"
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/package-url/packageurl-go"
	spdxjson "github.com/spdx/tools-golang/json"
	"github.com/spdx/tools-golang/spdx/v2/common"
	spdx "github.com/spdx/tools-golang/spdx/v2/v2_3"

	"github.com/slipway-dev/slipway/internal/kind"
)

// MediaType is that of the documents.
const MediaType = "application/spdx+json"

const noAssertion = "NOASSERTION"

// Subject is what a document describes: an index of images or one of them.
type Subject struct {
	Name     string // of the entry with its kind, such as npx/context7
	Version  string
	Tag      string
	License  string // SPDX expression; empty if it is not known
	Supplier string // organisation; empty if it is not known
	Digest   v1.Hash
}

// Platform is one image of an index.
type Platform struct {
	Platform v1.Platform
	Digest   v1.Hash
}

// Origin is when and with what a document was made. Both are written into it.
type Origin struct {
	Created time.Time
	Version string // of Slipway
}

// SPDX describes the image of one platform and the components in it: the document DESCRIBES the image, which CONTAINS the components, which
// DEPEND_ON each other. The components may come in any order, and those that are in the image more than once become one package. It fails on
// a component without a valid package URL and on a dependency that is not among the components.
func SPDX(subject Subject, platform v1.Platform, components []kind.Component, origin Origin) ([]byte, error) {
	d := newDocument(subject, " "+platform.String(), origin)
	image := d.subject(subject, subject.Digest, &platform)
	d.relate("DOCUMENT", common.TypeRelationshipDescribe, image)
	ids, err := d.components(components)
	if err != nil {
		return nil, fmt.Errorf("SBOM of %s for %s: %w", subject.Name, platform, err)
	}
	for _, id := range ids {
		d.relate(image, common.TypeRelationshipContains, id)
	}
	return d.encode()
}

// Index describes an index: each platform's image is a VARIANT_OF it, and has its own document with its components.
func Index(subject Subject, platforms []Platform, origin Origin) ([]byte, error) {
	d := newDocument(subject, "", origin)
	index := d.subject(subject, subject.Digest, nil)
	d.relate("DOCUMENT", common.TypeRelationshipDescribe, index)
	for _, p := range platforms {
		d.relate(d.subject(subject, p.Digest, &p.Platform), common.TypeRelationshipVariantOf, index)
	}
	return d.encode()
}

// document collects packages and relationships in any order.
type document struct {
	spdx.Document
	licenses map[string]string // what is written for a declaration
}

func newDocument(s Subject, suffix string, origin Origin) *document {
	return &document{
		licenses: map[string]string{},
		Document: spdx.Document{
			SPDXVersion: spdx.Version, DataLicense: spdx.DataLicense, SPDXIdentifier: "DOCUMENT",
			DocumentName: s.Name + " " + s.Version + suffix,
			// The place that the specification offers to those without one of their own; the digest makes it unique.
			DocumentNamespace: "https://spdx.org/spdxdocs/slipway/" + (&url.URL{Path: s.Name}).EscapedPath() + "/" + s.Digest.Hex,
			CreationInfo: &spdx.CreationInfo{
				Creators: []common.Creator{{CreatorType: "Tool", Creator: "slipway-" + origin.Version}},
				Created:  origin.Created.UTC().Format("2006-01-02T15:04:05Z"),
			},
		},
	}
}

// subject adds the index, or the image of a platform, as a package.
func (d *document) subject(s Subject, digest v1.Hash, platform *v1.Platform) common.ElementID {
	name := s.Name[strings.LastIndex(s.Name, "/")+1:]
	id, qualifiers := "Index", map[string]string{"tag": s.Tag}
	if platform != nil {
		id, qualifiers["arch"] = "Image-"+identifier(platform.String()), platform.Architecture
	}
	purl := packageurl.NewPackageURL(packageurl.TypeOCI, "", name, digest.String(), packageurl.QualifiersFromMap(qualifiers), "")
	d.Packages = append(d.Packages, &spdx.Package{
		PackageName: s.Name, PackageSPDXIdentifier: common.ElementID(id), PackageVersion: s.Version,
		PackageSupplier: supplier(s.Supplier), PackageDownloadLocation: noAssertion,
		PackageChecksums:        []common.Checksum{{Algorithm: common.SHA256, Value: digest.Hex}},
		PackageLicenseConcluded: noAssertion, PackageLicenseDeclared: d.license(s.License), PackageCopyrightText: noAssertion,
		PackageExternalReferences: purlReference(purl.ToString()), PrimaryPackagePurpose: "CONTAINER",
	})
	return common.ElementID(id)
}

func (d *document) relate(a common.ElementID, how string, b common.ElementID) {
	d.Relationships = append(d.Relationships, &spdx.Relationship{
		RefA: common.DocElementID{ElementRefID: a}, RefB: common.DocElementID{ElementRefID: b}, Relationship: how,
	})
}

func (d *document) encode() ([]byte, error) {
	slices.SortFunc(d.Packages, func(a, b *spdx.Package) int { return cmp.Compare(a.PackageSPDXIdentifier, b.PackageSPDXIdentifier) })
	slices.SortFunc(d.OtherLicenses, func(a, b *spdx.OtherLicense) int { return cmp.Compare(a.LicenseIdentifier, b.LicenseIdentifier) })
	slices.SortFunc(d.Relationships, func(a, b *spdx.Relationship) int {
		return cmp.Or(
			cmp.Compare(a.RefA.ElementRefID, b.RefA.ElementRefID),
			cmp.Compare(a.Relationship, b.Relationship),
			cmp.Compare(a.RefB.ElementRefID, b.RefB.ElementRefID),
		)
	})
	var b bytes.Buffer
	if err := spdxjson.Write(&d.Document, &b, spdxjson.EscapeHTML(false)); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func purlReference(purl string) []*spdx.PackageExternalReference {
	return []*spdx.PackageExternalReference{{Category: common.CategoryPackageManager, RefType: common.TypePackageManagerPURL, Locator: purl}}
}

func supplier(name string) *common.Supplier {
	if name = strings.TrimSpace(name); name == "" {
		return &common.Supplier{Supplier: noAssertion}
	}
	return &common.Supplier{SupplierType: "Organization", Supplier: name}
}
