// Package osv looks up the packages of an artifact in the database of known vulnerabilities that osv.dev collects, with the osv-scanner command
// (github.com/google/osv-scanner, v2).
//
// The command compares; what it is asked and what its answer means is decided here. It is asked about the packages that the SBOMs list, each
// once, whichever platforms have it.
package osv

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/slipway-dev/slipway/internal/scan"
)

// Name is the scanner's name in findings and in the catalog's list of required scanners.
const Name = "osv-scanner"

// Scanner asks a command about packages.
type Scanner struct {
	command     *Command
	unavailable error
}

// New returns a scanner that asks what [Find] returned. Without a command every scan fails, with the error that says why there is none.
func New(command *Command, unavailable error) *Scanner {
	return &Scanner{command: command, unavailable: unavailable}
}

// Name returns [Name].
func (*Scanner) Name() string { return Name }

// Version returns the command's; nothing if there is none.
func (s *Scanner) Version() string {
	if s.command == nil {
		return ""
	}
	return s.command.version
}

// Packages counts the distinct packages among the components. What several were built from is one.
func (*Scanner) Packages(s scan.Subject) int {
	asked := ask(s.Components)
	return len(asked.queries) + len(asked.unknown)
}

// Scan reports each vulnerability of each package once, and what could not be looked up.
func (s *Scanner) Scan(ctx context.Context, subject scan.Subject) (scan.Result, error) {
	if s.unavailable != nil {
		return scan.Result{}, s.unavailable
	}
	asked := ask(subject.Components)
	if len(asked.queries) == 0 {
		return scan.Result{}, nil
	}
	dir, err := os.MkdirTemp("", "osv-")
	if err != nil {
		return scan.Result{}, err
	}
	defer func() { _ = os.RemoveAll(dir) }() // nothing of it is needed any more
	document, err := asked.spdx()
	if err != nil {
		return scan.Result{}, fmt.Errorf("what to ask %s: %w", Name, err)
	}
	file := filepath.Join(dir, "packages.spdx.json")
	if err := os.WriteFile(file, document, 0o600); err != nil {
		return scan.Result{}, err
	}
	output, found, err := s.command.scan(ctx, file)
	if err != nil {
		return scan.Result{}, err
	}
	answered, err := parse(output)
	if err != nil {
		return scan.Result{}, fmt.Errorf("the answer of %s %w", Name, err)
	}
	if found && !answered.found() {
		return scan.Result{}, fmt.Errorf("%s says by its exit code that it found something, and its answer holds nothing", Name)
	}
	return asked.result(answered, subject)
}
