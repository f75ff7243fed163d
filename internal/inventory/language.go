package inventory

import (
	"bytes"
	"encoding/json"
	"net/mail"
	"strings"
)

// packageJSON reads the manifest of an npm package that lies in a node_modules folder.
func packageJSON(text []byte) *trace {
	var p struct {
		Name    string          `json:"name"`
		Version string          `json:"version"`
		License json.RawMessage `json:"license"`
	}
	if json.Unmarshal(text, &p) != nil || p.Name == "" || p.Version == "" {
		return nil // packages keep parts of themselves in folders that look like packages
	}
	var license string
	_ = json.Unmarshal(p.License, &license) // older packages have another shape
	return &trace{packages: []found{{ecosystem: npm, name: p.Name, version: p.Version, license: declared(license)}}}
}

// coreMetadata reads the metadata of an installed Python package (core metadata specifications; the header of a mail in form).
func coreMetadata(text []byte) *trace {
	head, _, _ := bytes.Cut(text, []byte("\n\n"))
	m, err := mail.ReadMessage(bytes.NewReader(append(bytes.TrimSpace(head), "\n\n"...)))
	if err != nil {
		return nil
	}
	name, version := m.Header.Get("Name"), m.Header.Get("Version")
	if name == "" || version == "" {
		return nil
	}
	license := declared(m.Header.Get("License-Expression"))
	if license == "" {
		license = declared(m.Header.Get("License"))
	}
	return &trace{packages: []found{{ecosystem: pypi, name: name, version: version, license: license}}}
}

// maxLicense bounds what is taken for a licence, in bytes: some packages put the whole text there.
const maxLicense = 200

// declared returns a licence as its package writes it, which need not be an SPDX expression.
func declared(license string) string {
	license = strings.TrimSpace(license)
	if len(license) > maxLicense || strings.ContainsFunc(license, func(r rune) bool { return r < ' ' || r > '~' }) {
		return ""
	}
	return license
}
