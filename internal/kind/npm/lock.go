package npm

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/kind/npm/lockfile"
)

// project is the package.json that a lock is made for. Together with the lock it is all that `npm ci` needs.
type project struct {
	Name         string            `json:"name"`
	Version      string            `json:"version"`
	Private      bool              `json:"private"`
	Dependencies map[string]string `json:"dependencies"`
	Overrides    map[string]string `json:"overrides,omitempty"`
}

func projectOf(e entry.Entry) project {
	p := project{Name: e.Name, Version: "0.0.0", Private: true, Dependencies: map[string]string{e.Package.Name: e.Package.Version}}
	for _, override := range e.Overrides {
		if p.Overrides == nil {
			p.Overrides = map[string]string{}
		}
		p.Overrides[override.Package] = override.Version
	}
	return p
}

// resolve are npm's arguments. Those that say what npm does anyway keep a later default from changing locks.
var resolve = []string{
	"install", "--package-lock-only", "--ignore-scripts", "--lockfile-version=3", "--omit-lockfile-registry-resolved",
	"--install-strategy=hoisted", "--no-legacy-peer-deps", "--no-strict-peer-deps", "--no-engine-strict", "--no-prefer-dedupe", "--prefer-online",
	"--no-audit", "--no-fund", "--no-update-notifier", "--no-progress", "--loglevel=error",
}

// Lock has npm resolve the entry's package and overrides in a temporary folder. The lock is refused, with the errors of CheckLock, if npm
// could not meet what the entry says.
func (n *Ecosystem) Lock(ctx context.Context, e entry.Entry, _ fs.FS) (map[string][]byte, error) {
	if e.Package == nil {
		return nil, fmt.Errorf("entry %s names no package", e.ID())
	}
	env, err := n.config.Environment(ctx)
	if err != nil {
		return nil, err
	}
	// Files that are not there: npm is to see the configuration that it is given and no other.
	env = append(env, "npm_config_userconfig=none.user.npmrc", "npm_config_globalconfig=none.global.npmrc")

	dir, err := os.MkdirTemp("", "slipway-npm-")
	if err != nil {
		return nil, fmt.Errorf("cannot make a folder for npm: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }() // a temporary folder's remains do no harm
	data, err := json.MarshalIndent(projectOf(e), "", "  ")
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, "package.json"), append(data, '\n'), 0o644); err != nil {
		return nil, fmt.Errorf("cannot prepare npm's folder: %w", err)
	}
	if err := n.run(ctx, dir, resolve, env); err != nil {
		return nil, fmt.Errorf("npm cannot resolve %s@%s: %w", e.Package.Name, e.Package.Version, err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("cannot open npm's folder: %w", err)
	}
	defer root.Close()
	data, err = readLock(root.FS())
	if err != nil {
		return nil, fmt.Errorf("npm has written no lock: %w", err)
	}
	if _, err := check(e, data); err != nil {
		return nil, fmt.Errorf("npm's answer for %s@%s is refused:\n%w", e.Package.Name, e.Package.Version, err)
	}
	return map[string][]byte{LockFile: data}, nil
}

// readLock returns the lock's bytes, and at most one more than may be read of it.
func readLock(dir fs.FS) ([]byte, error) {
	file, err := dir.Open(LockFile)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", LockFile)
	}
	return io.ReadAll(io.LimitReader(file, lockfile.MaxBytes+1))
}
