package wheel

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/mail"
	"strings"
	"unicode/utf8"

	"deps.dev/util/pypi"
	"deps.dev/util/semver"

	"github.com/slipway-dev/slipway/internal/kind/pypi/marker"
)

// Metadata is what a package says of itself (Python packaging specification "Core metadata").
type Metadata struct {
	Name, Version  string
	RequiresPython string
	Requires       []Requirement
	Summary        string
	// LicenseExpression is an SPDX expression in packages that follow PEP 639; License is any text, and Classifiers may tell, too.
	LicenseExpression, License string
	Classifiers                []string
	URLs                       []URL
	Author, AuthorEmail        string
	Maintainer                 string
	Description                string // of the package, mostly Markdown
}

// URL is an address with the name that the package gives it.
type URL struct{ Label, Address string }

// Requirement is a dependency.
type Requirement struct {
	Project   string // normalised
	Extras    []string
	Specifier string // of versions
	Address   string // where the package says that it must come from; empty for the index
	Marker    marker.Marker
}

// maxRequirements bounds the dependencies of one package, all its extras together.
const maxRequirements = 20_000

// parseHeader reads a file of header fields, as in a mail.
func parseHeader(data []byte) (mail.Header, error) {
	message, err := mail.ReadMessage(io.MultiReader(bytes.NewReader(data), strings.NewReader("\n\n")))
	if err != nil {
		return nil, err
	}
	return message.Header, nil
}

// parseMetadata reads a METADATA.
func parseMetadata(data []byte) (*Metadata, error) {
	if !utf8.Valid(data) {
		return nil, errors.New("its METADATA is not valid UTF-8")
	}
	message, err := mail.ReadMessage(io.MultiReader(bytes.NewReader(data), strings.NewReader("\n\n")))
	if err != nil {
		return nil, fmt.Errorf("its METADATA cannot be read: %w", err)
	}
	h := message.Header
	body, err := io.ReadAll(message.Body)
	if err != nil {
		return nil, err
	}
	m := &Metadata{
		Name: h.Get("Name"), Version: h.Get("Version"), RequiresPython: h.Get("Requires-Python"), Summary: known(h.Get("Summary")),
		LicenseExpression: h.Get("License-Expression"), License: known(h.Get("License")), Classifiers: h["Classifier"],
		Author: known(h.Get("Author")), AuthorEmail: known(h.Get("Author-Email")), Maintainer: known(h.Get("Maintainer")),
		Description: string(body),
	}
	if page := known(h.Get("Home-Page")); page != "" {
		m.URLs = append(m.URLs, URL{"Homepage", page})
	}
	for _, text := range h["Project-Url"] {
		label, address, _ := strings.Cut(text, ",")
		m.URLs = append(m.URLs, URL{strings.TrimSpace(label), strings.TrimSpace(address)})
	}
	if len(h["Requires-Dist"]) > maxRequirements {
		return nil, fmt.Errorf("it has more than %d dependencies", maxRequirements)
	}
	for _, text := range h["Requires-Dist"] {
		r, err := ParseRequirement(text)
		if err != nil {
			return nil, fmt.Errorf("its dependency %.200q cannot be read: %w", text, err)
		}
		m.Requires = append(m.Requires, r)
	}
	return m, nil
}

// known returns nothing for what old tools write where nothing is known.
func known(text string) string {
	if text == "UNKNOWN" {
		return ""
	}
	return text
}

// ParseRequirement reads a dependency (Python packaging specification "Dependency specifiers", PEP 508).
func ParseRequirement(text string) (Requirement, error) {
	text, address := splitAddress(text)
	d, err := pypi.ParseDependency(text)
	if err != nil {
		return Requirement{}, err
	}
	r := Requirement{Project: d.Name, Specifier: d.Constraint, Address: address}
	for extra := range strings.SplitSeq(d.Extras, ",") {
		if extra = strings.TrimSpace(extra); extra != "" {
			r.Extras = append(r.Extras, Project(extra))
		}
	}
	r.Marker, err = marker.Parse(d.Environment)
	return r, err
}

// splitAddress takes the address out of a dependency such as "name @ https://example.com/name.whl ; extra == 'x'".
func splitAddress(text string) (rest, address string) {
	head, _, _ := strings.Cut(text, ";")
	before, _, ok := strings.Cut(head, "@")
	if !ok {
		return text, ""
	}
	after := strings.TrimLeft(text[len(before)+1:], " \t")
	address, condition, _ := strings.Cut(after, " ;") // a semicolon alone is part of the address
	if condition != "" {
		before += ";" + condition
	}
	return before, strings.TrimSpace(address)
}

// Accepts says whether a version satisfies the requirement. A version that was chosen may be a pre-release whatever the specifier says of
// those: it was chosen by name.
func (r Requirement) Accepts(version string) bool { return accepts(r.Specifier, version) }

// RunsOn says whether the package declares that it runs under a version of Python.
func (m *Metadata) RunsOn(python string) bool { return accepts(m.RequiresPython, python) }

// maxSpecifier bounds what is read as a specifier; real ones have a tenth of it.
const maxSpecifier = 2000

func accepts(specifier, version string) bool {
	if specifier = strings.TrimSpace(specifier); specifier == "" {
		return true
	}
	if len(specifier) > maxSpecifier {
		return false
	}
	constraint, err := semver.PyPI.ParseConstraint(specifier)
	if err != nil {
		return false
	}
	v, err := semver.PyPI.Parse(version)
	return err == nil && constraint.MatchVersionPrerelease(v)
}
