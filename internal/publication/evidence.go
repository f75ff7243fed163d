package publication

import (
	"path"
	"strings"
	"time"

	"github.com/package-url/packageurl-go"

	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/observation"
	"github.com/slipway-dev/slipway/internal/record"
)

// ownNamespace holds what Slipway says about a server, in every catalog that it publishes; other clients pass over it.
const ownNamespace = "io.github.slipway-dev"

// evidence is what a client can check the artifact against.
type evidence struct {
	Kind             entry.Kind        `json:"kind"`
	Digest           string            `json:"digest,omitempty"`
	Tag              string            `json:"tag,omitempty"`
	Platforms        []record.Platform `json:"platforms,omitempty"`
	Released         string            `json:"released,omitempty"`
	Package          string            `json:"package,omitempty"` // purl of the upstream package
	Commit           string            `json:"commit,omitempty"`  // of the upstream source
	ProtocolVersions []string          `json:"protocolVersions,omitempty"`
	Auth             *observation.Auth `json:"auth,omitempty"` // what a client must know to log in
	StatusReason     string            `json:"statusReason,omitempty"`
	Successor        string            `json:"successor,omitempty"`
}

func newEvidence(p Published) evidence {
	e := evidence{Kind: p.Entry.Kind, StatusReason: p.Entry.StatusReason, Successor: p.Entry.Successor}
	if r := p.Record; r != nil && p.Entry.Remote == nil {
		e.Digest, e.Tag, e.Platforms, e.Released = r.Digest, r.Tag, r.Platforms, r.Released.UTC().Format(time.RFC3339)
	}
	if built(p) {
		e.Package = purl(p.Entry)
		if p.Entry.Repository != nil {
			e.Commit = p.Entry.Repository.Commit
		}
	}
	if p.Observation != nil {
		e.ProtocolVersions, e.Auth = p.Observation.ProtocolVersions, p.Observation.Auth
	}
	return e
}

// built reports whether the entry still says what the released image was built from; it may have moved on since.
func built(p Published) bool {
	switch {
	case p.Record == nil:
		return false
	case p.Entry.Package != nil:
		return p.Entry.Package.Version == p.Record.Version
	case p.Entry.Image != nil:
		return p.Entry.Image.Tag == p.Record.Version
	}
	return false
}

// purl is the package URL of what upstream published, see the purl specification.
func purl(e entry.Entry) string {
	var u *packageurl.PackageURL
	switch {
	case e.Package != nil:
		kind := map[entry.Kind]string{entry.NPX: packageurl.TypeNPM, entry.UVX: packageurl.TypePyPi, entry.Go: packageurl.TypeGolang}[e.Kind]
		namespace, name := path.Split(e.Package.Name)
		u = packageurl.NewPackageURL(kind, strings.TrimSuffix(namespace, "/"), name, e.Package.Version, nil, "")
	case e.Image != nil:
		qualifiers := packageurl.QualifiersFromMap(map[string]string{"repository_url": e.Image.Name, "tag": e.Image.Tag})
		u = packageurl.NewPackageURL(packageurl.TypeOCI, "", path.Base(e.Image.Name), e.Image.Digest, qualifiers, "")
	default:
		return ""
	}
	return u.ToString()
}
