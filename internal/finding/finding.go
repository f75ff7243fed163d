// Package finding holds what scanners report: one finding model for all of them.
package finding

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// Severity orders findings. The zero value is Unknown, which a gate treats as Critical.
type Severity int

// The severities, in ascending order but for Unknown.
const (
	Unknown Severity = iota
	Info
	Low
	Medium
	High
	Critical
)

var severities = [...]string{"unknown", "info", "low", "medium", "high", "critical"}

func (s Severity) String() string {
	if s < 0 || int(s) >= len(severities) {
		return severities[Unknown]
	}
	return severities[s]
}

// MarshalText returns the lower-case name.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads a lower-case name; any other text is an error.
func (s *Severity) UnmarshalText(text []byte) error {
	for i, name := range severities {
		if name == string(text) {
			*s = Severity(i)
			return nil
		}
	}
	return fmt.Errorf("severity %q is none of %s", text, strings.Join(severities[:], ", "))
}

// Reaches reports whether s is at least threshold. Unknown reaches every threshold.
func (s Severity) Reaches(threshold Severity) bool { return s == Unknown || s >= threshold }

// Finding is one observation of one rule of one scanner about one target.
type Finding struct {
	Scanner  string   `json:"scanner"`
	Version  string   `json:"version"` // of the scanner
	Rule     string   `json:"rule"`    // the rule's identifier within the scanner, such as "hidden-unicode"
	Severity Severity `json:"severity"`
	// Target is the part of the artifact that the finding is about, such as "tool/query-docs" or "instructions".
	Target   string   `json:"target"`
	Location Location `json:"location"`
	Message  string   `json:"message"`            // one sentence: what was found, and why it matters
	Help     string   `json:"help,omitempty"`     // one sentence: what to do
	Evidence string   `json:"evidence,omitempty"` // a bounded excerpt, made printable
	Taxonomy []string `json:"taxonomy,omitempty"` // identifiers of public taxonomies, such as "MCP03:2025"
	// Fingerprint identifies the finding across runs; see [Fingerprint].
	Fingerprint string `json:"fingerprint"`
}

// Location is a place in a file of the catalog or of the artifact.
type Location struct {
	File    string `json:"file"`              // slash-separated, relative to the catalog's root or to the image's
	Pointer string `json:"pointer,omitempty"` // JSON Pointer (RFC 6901) into the file
	Line    int    `json:"line,omitempty"`    // from 1; 0 is unknown
}

// Fingerprint returns a stable identity for a finding: 32 hex digits of SHA-256 over scanner, rule, target and the evidence itself. It
// leaves the versions out, so that a waiver survives a new release of the scanner but not a change of what was found.
func Fingerprint(scanner, rule, target, evidence string) string {
	h := sha256.New()
	for _, part := range []string{scanner, rule, target, evidence} {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}
