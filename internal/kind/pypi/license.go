package pypi

import (
	"strings"

	"github.com/slipway-dev/slipway/internal/kind/pypi/wheel"
	spdx "github.com/slipway-dev/slipway/internal/license"
)

// classifiers are those that stand for one licence. Many others, such as that of BSD, leave open which of several is meant.
var classifiers = map[string]string{
	"Apache Software License":                                 "Apache-2.0",
	"MIT License":                                             "MIT",
	"MIT No Attribution License (MIT-0)":                      "MIT-0",
	"ISC License (ISCL)":                                      "ISC",
	"Mozilla Public License 2.0 (MPL 2.0)":                    "MPL-2.0",
	"The Unlicense (Unlicense)":                               "Unlicense",
	"Python Software Foundation License":                      "PSF-2.0",
	"GNU General Public License v2 (GPLv2)":                   "GPL-2.0-only",
	"GNU General Public License v2 or later (GPLv2+)":         "GPL-2.0-or-later",
	"GNU General Public License v3 (GPLv3)":                   "GPL-3.0-only",
	"GNU General Public License v3 or later (GPLv3+)":         "GPL-3.0-or-later",
	"GNU Lesser General Public License v3 (LGPLv3)":           "LGPL-3.0-only",
	"GNU Lesser General Public License v3 or later (LGPLv3+)": "LGPL-3.0-or-later",
	"GNU Affero General Public License v3":                    "AGPL-3.0-only",
	"GNU Affero General Public License v3 or later (AGPLv3+)": "AGPL-3.0-or-later",
	"zlib/libpng License":                                     "Zlib",
}

// license returns the licence that a package declares: as an SPDX expression, as a text that is one, or by a classifier; nothing if it is
// none of these or not certain.
func license(m *wheel.Metadata) string {
	for _, text := range []string{m.LicenseExpression, strings.TrimSpace(m.License)} {
		if spdx.Valid(text) {
			return text
		}
	}
	found := ""
	for _, c := range m.Classifiers {
		if !strings.HasPrefix(c, "License ::") {
			continue
		}
		id := classifiers[c[strings.LastIndex(c, ":: ")+len(":: "):]]
		if id == "" && strings.HasSuffix(c, ":: OSI Approved") {
			continue // says nothing beyond the others
		}
		if id == "" || found != "" && found != id {
			return ""
		}
		found = id
	}
	return found
}
