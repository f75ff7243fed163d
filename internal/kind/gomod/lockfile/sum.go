package lockfile

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/mod/module"
)

// goModSuffix follows the version on the lines of a go.sum that are about a go.mod alone.
const goModSuffix = "/go.mod"

// Sums are the hashes of a go.sum: by module, and with /go.mod after the version for its go.mod alone.
type Sums map[module.Version]string

// Module returns the hash of a module's files in the form h1:BASE64, empty if there is none.
func (s Sums) Module(m module.Version) string { return s[m] }

// GoMod returns the hash of a module's go.mod, empty if there is none.
func (s Sums) GoMod(m module.Version) string {
	return s[module.Version{Path: m.Path, Version: m.Version + goModSuffix}]
}

// DecodeSum returns the 32 bytes of a hash in the form h1:BASE64, which is a SHA-256 over the names and hashes of a module's files.
func DecodeSum(sum string) ([]byte, error) {
	text, ok := strings.CutPrefix(sum, "h1:")
	if !ok {
		return nil, fmt.Errorf("%q is no hash of the kind h1", Abbreviate(sum))
	}
	data, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || len(data) != 32 || strings.ContainsAny(text, "\r\n") {
		return nil, fmt.Errorf("%q does not hold a SHA-256", Abbreviate(sum))
	}
	return data, nil
}

// parseSums reads a go.sum. Go accepts several hashes of one module and passes over those of a kind that it does not know; here there is one of
// each, and of the kind h1.
func parseSums(data []byte) (Sums, error) {
	if len(data) > MaxBytes {
		return nil, fmt.Errorf("is larger than %d bytes", MaxBytes)
	}
	sums := Sums{}
	number := 0
	for line := range strings.Lines(string(data)) {
		number++
		if number > maxSums {
			return nil, fmt.Errorf("has more than %d lines", maxSums)
		}
		m, sum, err := parseSum(strings.TrimSuffix(line, "\n"))
		if err != nil {
			return nil, fmt.Errorf("line %d %w: lock again", number, err)
		}
		if _, twice := sums[m]; twice {
			return nil, fmt.Errorf("line %d is the second one about %s %s: lock again", number, m.Path, m.Version)
		}
		sums[m] = sum
	}
	return sums, nil
}

func parseSum(line string) (m module.Version, sum string, err error) {
	fields := strings.Split(line, " ")
	if len(fields) != 3 {
		return m, "", errors.New("is not a module, its version and a hash")
	}
	m, sum = module.Version{Path: fields[0], Version: fields[1]}, fields[2]
	plain := strings.TrimSuffix(m.Version, goModSuffix)
	if err := module.Check(m.Path, plain); err != nil || module.CanonicalVersion(plain) != plain {
		return m, "", fmt.Errorf("names %q at %q, which is not one version of a module", Abbreviate(m.Path), Abbreviate(m.Version))
	}
	if _, err := DecodeSum(sum); err != nil {
		return m, "", fmt.Errorf("has a hash that cannot be used: %w", err)
	}
	return m, sum, nil
}
