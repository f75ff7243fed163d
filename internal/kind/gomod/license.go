package gomod

import (
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/github/go-spdx/v2/spdxexp"
	"github.com/google/licensecheck"

	"github.com/slipway-dev/slipway/internal/bounded"
)

const (
	maxLicense = 1 << 20 // bytes; the module zip format allows 16 MiB
	// covered is how much of a file must be a known licence's text, in percent. The rest is names and years.
	covered = 75
)

// licenseFile matches the names of files in which Go modules keep their licence.
var licenseFile = regexp.MustCompile(`(?i)^(licen[cs]e|copying|unlicense)(\.(md|markdown|txt|rst))?$`)

// licenseOf returns the licence of a module as an SPDX expression, by the text that lies in its top folder. It is empty where there is none, or
// where it is not clear which one: what several files mean together they do not say.
func licenseOf(dir string) (string, error) {
	files := os.DirFS(dir)
	entries, err := fs.ReadDir(files, ".")
	if err != nil {
		return "", fmt.Errorf("cannot look for its licence: %w", err)
	}
	found := ""
	for _, entry := range entries {
		if !licenseFile.MatchString(entry.Name()) || !entry.Type().IsRegular() {
			continue
		}
		text, err := bounded.File(files, entry.Name(), maxLicense)
		if err != nil {
			return "", fmt.Errorf("cannot read its licence: %w", err)
		}
		license := recognise(text)
		if license == "" || found != "" && found != license {
			return "", nil
		}
		found = license
	}
	return found, nil
}

// recognise names the licences whose texts a file consists of.
func recognise(text []byte) string {
	coverage := licensecheck.Scan(text)
	if coverage.Percent < covered {
		return ""
	}
	var names []string
	for _, match := range coverage.Match {
		if match.IsURL {
			continue
		}
		if valid, _ := spdxexp.ValidateLicenses([]string{match.ID}); !valid {
			return ""
		}
		names = append(names, match.ID)
	}
	slices.Sort(names)
	return strings.Join(slices.Compact(names), " AND ")
}
