package sbom

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	spdx "github.com/spdx/tools-golang/spdx/v2/v2_3"

	"github.com/slipway-dev/slipway/internal/license"
)

// license returns what a package declares: as it is if that is an SPDX licence expression, and else a reference to the declaration, which
// is kept word for word. Nothing is guessed from it.
func (d *document) license(declared string) string {
	declared = strings.TrimSpace(declared)
	if known, ok := d.licenses[declared]; ok {
		return known
	}
	id := declared
	switch {
	case declared == "":
		id = noAssertion
	case declared == "NONE", declared == noAssertion, isExpression(declared):
	default:
		sum := sha256.Sum256([]byte(declared))
		id = "LicenseRef-declared-" + hex.EncodeToString(sum[:8])
		d.OtherLicenses = append(d.OtherLicenses, &spdx.OtherLicense{
			LicenseIdentifier: id, ExtractedText: declared, LicenseName: noAssertion,
			LicenseComment: "What the package declares in place of a licence on the SPDX list.",
		})
	}
	d.licenses[declared] = id
	return id
}

// isExpression leaves out references to licences, since what they refer to is explained in another document.
func isExpression(s string) bool {
	return !strings.Contains(s, "LicenseRef-") && license.Valid(s)
}
