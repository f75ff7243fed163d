package sbom

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/github/go-spdx/v2/spdxexp"
	spdx "github.com/spdx/tools-golang/spdx/v2/v2_3"
)

// maxExpression is far above the longest expression that a real package declares.
const maxExpression = 1000

// license returns what a package declares: as it is if that is an SPDX licence expression, and else a reference to the declaration, which
// is kept word for word. Nothing is guessed from it.
func (d *document) license(declared string) string {
	declared = strings.TrimSpace(declared)
	if known, ok := d.licenses[declared]; ok {
		return known
	}
	license := declared
	switch {
	case declared == "":
		license = noAssertion
	case declared == "NONE", declared == noAssertion, isExpression(declared):
	default:
		sum := sha256.Sum256([]byte(declared))
		license = "LicenseRef-declared-" + hex.EncodeToString(sum[:8])
		d.OtherLicenses = append(d.OtherLicenses, &spdx.OtherLicense{
			LicenseIdentifier: license, ExtractedText: declared, LicenseName: noAssertion,
			LicenseComment: "What the package declares in place of a licence on the SPDX list.",
		})
	}
	d.licenses[declared] = license
	return license
}

// isExpression leaves out references to licences, since what they refer to is explained in another document.
func isExpression(s string) (valid bool) {
	if len(s) > maxExpression || strings.Contains(s, "LicenseRef-") {
		return false
	}
	// The library panics on parentheses that are not closed.
	defer func() {
		if recover() != nil {
			valid = false
		}
	}()
	valid, _ = spdxexp.ValidateLicenses([]string{s})
	return valid
}
