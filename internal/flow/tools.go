package flow

import (
	"context"
	"os"
	"path/filepath"

	"github.com/slipway-dev/slipway/internal/sandbox"
	"github.com/slipway-dev/slipway/internal/scan"
	"github.com/slipway-dev/slipway/internal/scan/osv"
)

// findSandbox looks for gVisor.
func (l *Line) findSandbox(ctx context.Context) (*sandbox.Runtime, error) {
	dirs, err := l.tools()
	if err != nil {
		return nil, err
	}
	return sandbox.Find(ctx, dirs...)
}

// findOSV looks for osv-scanner.
func (l *Line) findOSV(ctx context.Context) (*osv.Command, error) {
	dirs, err := l.tools()
	if err != nil {
		return nil, err
	}
	return osv.Find(ctx, l.Environ, dirs...)
}

// vulnerabilities looks for known ones in packages.
func (l *Line) vulnerabilities(ctx context.Context) scan.Scanner {
	command, err := l.osv(ctx)
	return osv.New(osv.NewAnswers(filepath.Join(l.Cache, "vulnerabilities"), l.Environ, l.Now), command, err)
}

// tools are the folders where the commands that a line needs are looked for before PATH: that of this command, and the catalog's own.
func (l *Line) tools() ([]string, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	root, err := filepath.Abs(l.Root)
	if err != nil {
		return nil, err
	}
	return []string{filepath.Dir(self), filepath.Join(root, ".tools", "bin")}, nil
}
