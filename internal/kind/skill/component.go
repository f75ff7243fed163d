package skill

import (
	"strings"

	"github.com/package-url/packageurl-go"

	"github.com/slipway-dev/slipway/internal/kind"
)

// component describes the skill itself, for the SBOM.
func (p *packer) component() kind.Component {
	license := p.entry.License
	return kind.Component{
		Name: p.about.name, Version: p.entry.Version, PURL: p.purl(), License: license,
		Algorithm: "SHA256", Digest: p.lock.Digest.Encoded(), Supplier: p.entry.Publisher.Name,
	}
}

// purl names the skill where it comes from. There is no package type for skills, nor for most Git hosts.
func (p *packer) purl() string {
	e := p.entry
	purl := packageurl.PackageURL{Type: packageurl.TypeGeneric, Name: e.Name, Version: e.Version}
	if s := e.Source; s != nil {
		purl.Qualifiers = packageurl.QualifiersFromMap(map[string]string{"vcs_url": "git+" + s.URL + "@" + s.Commit})
		purl.Subpath = strings.TrimPrefix(s.Path, ".")
	}
	return purl.ToString()
}
