// Package license judges licence expressions that strangers wrote.
package license

import (
	"github.com/github/go-spdx/v2/spdxexp"
)

// maxLength bounds an expression, in bytes.
const maxLength = 500

// Valid reports whether an expression is one of SPDX licence identifiers (SPDX 2.3, annex D). What is overlong is not.
func Valid(expression string) (valid bool) {
	if expression == "" || len(expression) > maxLength {
		return false
	}
	// The library panics on parentheses that are not closed.
	defer func() {
		if recover() != nil {
			valid = false
		}
	}()
	valid, _ = spdxexp.ValidateLicenses([]string{expression})
	return valid
}
