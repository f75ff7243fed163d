package osv

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/slipway-dev/slipway/internal/finding"
)

// Bounds on an answer.
const (
	maxPackages = 200_000
	maxRecords  = 10_000 // that are known of one package
)

// answer is what osv-scanner prints as JSON, as far as it matters here.
type answer struct {
	Results []struct {
		Packages []packageAnswer `json:"packages"`
	} `json:"results"`
}

// packageAnswer is what is known of one package.
type packageAnswer struct {
	Package struct {
		Name    string `json:"name"`
		Version string `json:"version"`
		// Ecosystem is OSV's name for where the package comes from; empty if it has none, so that nothing was looked up.
		Ecosystem string `json:"ecosystem"`
	} `json:"package"`
	Records []record `json:"vulnerabilities"`
	Groups  []group  `json:"groups"`
}

// record is a vulnerability in the OSV format (ossf.github.io/osv-schema).
type record struct {
	ID       string `json:"id"`
	Summary  string `json:"summary"`
	Affected []struct {
		Package struct {
			Ecosystem string `json:"ecosystem"`
			Name      string `json:"name"`
		} `json:"package"`
		Ranges []struct {
			Type   string `json:"type"`
			Events []struct {
				Fixed string `json:"fixed"`
			} `json:"events"`
		} `json:"ranges"`
	} `json:"affected"`
}

// group are the records about one vulnerability.
type group struct {
	IDs      []string `json:"ids"`
	Aliases  []string `json:"aliases"` // those and all other names of it
	Analysis map[string]struct {
		// Unimportant says that the distribution holds it for harmless in its packages.
		Unimportant bool `json:"unimportant"`
	} `json:"experimental_analysis"`
	// MaxSeverity is a CVSS score as a number; empty if no record has one.
	MaxSeverity string `json:"max_severity"`
}

// parse reads an answer.
func parse(data []byte) (*answer, error) {
	var a answer
	if err := json.Unmarshal(data, &a); err != nil {
		return nil, fmt.Errorf("cannot be read: %w", err)
	}
	if a.Results == nil {
		return nil, errors.New("has no results")
	}
	count := 0
	for _, r := range a.Results {
		if count += len(r.Packages); count > maxPackages {
			return nil, fmt.Errorf("is about more than %d packages", maxPackages)
		}
		for _, p := range r.Packages {
			if err := p.check(); err != nil {
				return nil, err
			}
		}
	}
	return &a, nil
}

// check refuses what would leave a record untold.
func (p packageAnswer) check() error {
	if len(p.Records) > maxRecords || len(p.Groups) > maxRecords {
		return fmt.Errorf("has more than %d records of %.100q", maxRecords, p.Package.Name)
	}
	grouped := map[string]bool{}
	for _, g := range p.Groups {
		if len(g.IDs) == 0 {
			return fmt.Errorf("has a vulnerability of %.100q without a name", p.Package.Name)
		}
		for _, id := range g.IDs {
			if id == "" || grouped[id] {
				return fmt.Errorf("names the vulnerability %.100q of %.100q twice, or not at all", id, p.Package.Name)
			}
			grouped[id] = true
		}
		if _, err := g.severity(); err != nil {
			return fmt.Errorf("has no severity of %.100q that can be read: %w", g.IDs[0], err)
		}
	}
	for _, r := range p.Records {
		if !grouped[r.ID] {
			return fmt.Errorf("has the record %.100q of %.100q in no group", r.ID, p.Package.Name)
		}
	}
	return nil
}

// found reports whether there is a vulnerability in it.
func (a *answer) found() bool {
	for _, r := range a.Results {
		for _, p := range r.Packages {
			if len(p.Groups) > 0 {
				return true
			}
		}
	}
	return false
}

// unimportant reports whether every record of the group says so.
func (g group) unimportant() bool {
	for _, id := range g.IDs {
		if !g.Analysis[id].Unimportant {
			return false
		}
	}
	return true
}

// severity follows the ratings of CVSS (v3.1, section 5; the same in v4.0).
func (g group) severity() (finding.Severity, error) {
	if g.unimportant() {
		return finding.Info, nil
	}
	if g.MaxSeverity == "" {
		return finding.Unknown, nil
	}
	score, err := strconv.ParseFloat(g.MaxSeverity, 64)
	switch {
	case err != nil:
		return finding.Unknown, err
	case score >= 9 && score <= 10:
		return finding.Critical, nil
	case score >= 7 && score < 9:
		return finding.High, nil
	case score >= 4 && score < 7:
		return finding.Medium, nil
	case score > 0 && score < 4:
		return finding.Low, nil
	case score == 0:
		return finding.Info, nil
	}
	return finding.Unknown, fmt.Errorf("%g is no CVSS score", score)
}
