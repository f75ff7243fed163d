package main

import "dagger/slipway/internal/dagger"

// Scan is what was found out about an entry, and what the gate made of it.
type Scan struct {
	// Everything: SARIF, verdict, SBOMs, tools.json, and how the session with the server went
	Report *dagger.Directory
}

// Sarif returns the findings as SARIF 2.1.0.
func (s *Scan) Sarif() *dagger.File { return s.Report.File("findings.sarif") }

// Verdict returns verdict.json: whether the gate opens, every finding and what became of it.
func (s *Scan) Verdict() *dagger.File { return s.Report.File("verdict.json") }
