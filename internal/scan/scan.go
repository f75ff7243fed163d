// Package scan runs scanners over what an entry became, and holds their answers to one shape.
//
// A scanner that crashed, ran out of time, answered nonsense or saw nothing has failed. Its report says so in Failure, and a gate must
// never read such a report as a clean one.
package scan

import (
	"context"

	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/finding"
	"github.com/slipway-dev/slipway/internal/kind"
	"github.com/slipway-dev/slipway/internal/observation"
)

// MaxFindings bounds what one scanner may report about one subject. A scanner that finds more has failed: nobody could review it.
const MaxFindings = 1000

// Subject is what is scanned of one entry.
type Subject struct {
	Entry entry.Entry
	// File is where the observation is kept, slash-separated and relative to the catalog's root, such as catalog/npx/fetch/tools.json.
	// Findings point into it.
	File string
	// Observation is what the server says of itself now.
	Observation observation.Observation
	// Baseline is what was reviewed and committed; nil for an entry that has no tools.json yet.
	Baseline *observation.Observation
	// Components are what the artifact's SBOMs list, those of all platforms.
	Components []kind.Component
	// Documents are the texts inside the artifact that an agent reads, such as a skill's.
	Documents []kind.Document
	// Folder is where the documents lie in the catalog, slash-separated and relative to its root; empty where only the artifact has them.
	Folder string
}

// Definitions counts the tools, prompts, resources and templates of the observation, and the documents.
func (s Subject) Definitions() int {
	o := s.Observation
	return len(o.Tools) + len(o.Prompts) + len(o.Resources) + len(o.Templates) + len(s.Documents)
}

// Scanner looks at a subject and says what is wrong with it. Equal subjects must give equal results.
type Scanner interface {
	// Name identifies the scanner in findings, waivers and the catalog's settings.
	Name() string
	// Version identifies the scanner's rules and engine.
	Version() string
	// Scan returns everything found, in any order. It stops early, with the context's error, when ctx ends.
	Scan(ctx context.Context, s Subject) (Result, error)
}

// PackageScanner is a [Scanner] that looks at the packages of an artifact instead of definitions. An artifact without packages it cannot have
// scanned.
type PackageScanner interface {
	Scanner
	// Packages counts the packages that there are to look at, by the scanner's own measure of what is one package.
	Packages(s Subject) int
}

// Result is a scanner's own answer.
type Result struct {
	// Findings need no scanner, version or fingerprint; [Run] fills those in.
	Findings []finding.Finding
	// Version is the scanner's, where only the answer tells it; else it is empty.
	Version string
	// Seen counts the definitions, or the packages, that the scanner really looked at.
	Seen int
	// Rules describes the scanner's rules, where it can say so; they need not have fired.
	Rules []Rule
}

// Rule describes one rule of a scanner to a person.
type Rule struct {
	ID       string
	Severity finding.Severity // the highest that the rule reports
	Summary  string           // one sentence
	Help     string           // what to do about a finding
	Taxonomy []string         // identifiers of public taxonomies, such as "MCP03:2025"
}

// Report is what [Run] makes of one scanner's answer. Without a Failure, the scanner looked at the subject and Findings is complete.
type Report struct {
	Scanner  string            `json:"scanner"`
	Version  string            `json:"version"`
	Findings []finding.Finding `json:"findings"`
	// Failure is one sentence that says why there is no trustworthy answer; empty if there is one.
	Failure string `json:"failure,omitempty"`
	// Seen and Of count the definitions, or the packages, looked at and those there were.
	Seen  int    `json:"seen"`
	Of    int    `json:"of"`
	Rules []Rule `json:"-"`
}
