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
	answers     *Answers
	command     *Command
	unavailable error
}

// New returns a scanner that asks what [Find] returned. Without a command a scan fails unless its answer is known, with the error that says why
// there is none.
func New(answers *Answers, command *Command, unavailable error) *Scanner {
	return &Scanner{answers: answers, command: command, unavailable: unavailable}
}

// Name returns [Name].
func (*Scanner) Name() string { return Name }

// Version returns the command's; nothing if there is none, and then the answer knows it.
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
	asked := ask(subject.Components)
	if len(asked.queries) == 0 {
		return scan.Result{}, nil
	}
	document, err := asked.spdx()
	if err != nil {
		return scan.Result{}, fmt.Errorf("what to ask %s: %w", Name, err)
	}
	output, about, err := s.answers.to(ctx, document, s.Version(), func() ([]byte, bool, error) { return s.ask(ctx, document) })
	if err != nil {
		return scan.Result{}, err
	}
	answered, err := read(output, about.Found)
	if err != nil {
		return scan.Result{}, err
	}
	result, err := asked.result(answered, subject)
	result.Version = about.Version
	return result, err
}

// read reads an answer, with what the exit code says of it.
func read(output []byte, found bool) (*answer, error) {
	answered, err := parse(output)
	if err != nil {
		return nil, fmt.Errorf("the answer of %s %w", Name, err)
	}
	if found && !answered.found() {
		return nil, fmt.Errorf("%s says by its exit code that it found something, and its answer holds nothing", Name)
	}
	return answered, nil
}

// ask runs the command on a document.
func (s *Scanner) ask(ctx context.Context, document []byte) (answer []byte, found bool, err error) {
	if s.unavailable != nil {
		return nil, false, s.unavailable
	}
	dir, err := os.MkdirTemp("", "osv-")
	if err != nil {
		return nil, false, err
	}
	defer func() { _ = os.RemoveAll(dir) }() // nothing of it is needed any more
	file := filepath.Join(dir, "packages.spdx.json")
	if err := os.WriteFile(file, document, 0o600); err != nil {
		return nil, false, err
	}
	return s.command.scan(ctx, file)
}
