package osv

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/package-url/packageurl-go"
	spdxjson "github.com/spdx/tools-golang/json"
	"github.com/spdx/tools-golang/spdx/v2/common"
	spdx "github.com/spdx/tools-golang/spdx/v2/v2_3"

	"github.com/slipway-dev/slipway/internal/kind"
)

// query is a package that the command is asked about.
type query struct {
	key
	ask  string   // the package URL that it is asked with
	purl string   // the one to show: without architecture, and that of the source package where distributions track that
	from []string // names of the components, sorted
}

// key is how an answer names a package.
type key struct{ name, version string }

// asked is what the components come to.
type asked struct {
	queries []*query
	// unknown are packages that no query stands for.
	unknown []*query
}

// ask returns what to ask about components, sorted by package URL.
func ask(components []kind.Component) asked {
	byPURL := map[string]*query{}
	var a asked
	for _, c := range components {
		q, ok := newQuery(c)
		if known := byPURL[q.purl]; known != nil {
			known.from = append(known.from, q.from...)
			continue
		}
		byPURL[q.purl] = q
		if ok {
			a.queries = append(a.queries, q)
		} else {
			a.unknown = append(a.unknown, q)
		}
	}
	for _, all := range [][]*query{a.queries, a.unknown} {
		slices.SortFunc(all, func(a, b *query) int { return cmp.Compare(a.purl, b.purl) })
		for _, q := range all {
			slices.Sort(q.from)
			q.from = slices.Compact(q.from)
		}
	}
	return a
}

// newQuery returns the query about a component, and whether the command would understand it.
//
// The command takes a package's name out of its URL, and names it in its answer without the namespace: so the namespace becomes part of the
// name. Of distributions it would look for the binary package, where advisories name the source package.
func newQuery(c kind.Component) (*query, bool) {
	q := &query{key: key{c.Name, c.Version}, purl: c.PURL, from: []string{c.Name}}
	p, err := packageurl.FromString(c.PURL)
	if err != nil {
		return q, false
	}
	switch p.Type {
	case packageurl.TypeDebian, packageurl.TypeApk:
		qualifiers := p.Qualifiers.Map()
		if name, version, _ := strings.Cut(qualifiers["upstream"], "@"); name != "" {
			p.Name, p.Version = name, cmp.Or(version, p.Version)
		}
		p.Qualifiers = nil
		if distro := qualifiers["distro"]; distro != "" {
			p.Qualifiers = packageurl.Qualifiers{{Key: "distro", Value: distro}}
		}
		q.purl = p.ToString()
	case packageurl.TypeNPM, packageurl.TypeGolang:
		p.Namespace, p.Name = "", c.Name
	}
	q.ask, q.key = p.ToString(), key{p.Name, p.Version}
	// The URLs of some ecosystems have no capital letters, where the names of their packages do: the command would look for another package.
	read, err := packageurl.FromString(q.ask)
	return q, err == nil && read.Name == p.Name && read.Version == p.Version
}

// spdx returns the queries as an SPDX 2.3 document.
func (a asked) spdx() ([]byte, error) {
	d := &spdx.Document{
		SPDXVersion: spdx.Version, DataLicense: spdx.DataLicense, SPDXIdentifier: "DOCUMENT",
		DocumentName: "packages", DocumentNamespace: "https://spdx.org/spdxdocs/packages",
		CreationInfo: &spdx.CreationInfo{Creators: []common.Creator{{CreatorType: "Tool", Creator: "slipway"}}, Created: "1970-01-01T00:00:00Z"},
	}
	for i, q := range a.queries {
		d.Packages = append(d.Packages, &spdx.Package{
			PackageName: q.name, PackageVersion: q.version, PackageSPDXIdentifier: common.ElementID(fmt.Sprintf("Package-%d", i)),
			PackageDownloadLocation: "NOASSERTION",
			PackageExternalReferences: []*spdx.PackageExternalReference{{
				Category: common.CategoryPackageManager, RefType: common.TypePackageManagerPURL, Locator: q.ask,
			}},
		})
	}
	var b bytes.Buffer
	if err := spdxjson.Write(d, &b); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
