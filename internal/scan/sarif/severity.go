package sarif

import (
	"net/url"

	"github.com/slipway-dev/slipway/internal/finding"
)

// level is SARIF's coarse scale. What is unknown is an error: the gate treats it as critical.
func level(s finding.Severity) string {
	switch s {
	case finding.Info:
		return "note"
	case finding.Low, finding.Medium:
		return "warning"
	default:
		return "error"
	}
}

// score is a number from 0 to 10 as text, by which code scanning services tell low, medium, high and critical alerts apart.
func score(s finding.Severity) string {
	switch s {
	case finding.Info:
		return "0.0"
	case finding.Low:
		return "3.0"
	case finding.Medium:
		return "5.5"
	case finding.High:
		return "8.0"
	default:
		return "9.5"
	}
}

// reference turns a slash-separated path into a relative URI reference (RFC 3986, section 4.2).
func reference(path string) string { return (&url.URL{Path: path}).String() }
