package pypi

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/pelletier/go-toml/v2"

	"github.com/slipway-dev/slipway/internal/bounded"
	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/kind/pypi/lockfile"
	"github.com/slipway-dev/slipway/internal/kind/pypi/wheel"
)

// project is the pyproject.toml that a lock is made for.
type project struct {
	Project struct {
		Name           string   `toml:"name"`
		Version        string   `toml:"version"`
		RequiresPython string   `toml:"requires-python"`
		Dependencies   []string `toml:"dependencies"`
	} `toml:"project"`
	Tool struct {
		UV struct {
			Environments []string `toml:"environments"`
			Required     []string `toml:"required-environments"`
			Overrides    []string `toml:"override-dependencies"`
			Constraints  []string `toml:"constraint-dependencies"`
		} `toml:"uv"`
	} `toml:"tool"`
}

func projectOf(e entry.Entry) project {
	var p project
	p.Project.Name, p.Project.Version = "slipway-lock-"+e.Name, "0"
	p.Project.RequiresPython = "==" + wheel.Python + ".*"
	p.Project.Dependencies = []string{e.Package.Name + "==" + e.Package.Version}
	for _, machine := range lockfile.Machines {
		linux := fmt.Sprintf("sys_platform == 'linux' and platform_machine == '%s'", machine)
		// Of requires-python uv heeds the lower bound only.
		python := fmt.Sprintf(" and implementation_name == 'cpython' and python_version == '%s'", wheel.Python)
		p.Tool.UV.Environments = append(p.Tool.UV.Environments, linux+python)
		p.Tool.UV.Required = append(p.Tool.UV.Required, linux)
	}
	for _, override := range e.Overrides {
		p.Tool.UV.Overrides = append(p.Tool.UV.Overrides, override.Package+"=="+override.Version)
	}
	for _, constraint := range e.Constraints {
		p.Tool.UV.Constraints = append(p.Tool.UV.Constraints, constraint.Package+constraint.Versions)
	}
	return p
}

// resolve are uv's arguments. Those that say what uv does anyway keep a later default from changing locks.
var resolve = []string{
	"pip", "compile", "pyproject.toml", "--universal", "--python-version", wheel.Python, "--only-binary", ":all:", "--no-sources",
	"--index-strategy", "first-index", "--prerelease", "if-necessary-or-explicit", "--resolution", "highest", "--fork-strategy", "requires-python",
	"--format", "pylock.toml", "--output-file", pylockFile, "--no-header", "--no-annotate", "--quiet", "--no-progress", "--color", "never",
}

// Lock has uv resolve the entry's package, overrides and constraints in a temporary folder. The lock is refused, with the errors of CheckLock, if uv could
// not meet what the entry says.
func (p *Ecosystem) Lock(ctx context.Context, e entry.Entry, _ fs.FS) (map[string][]byte, error) {
	if e.Package == nil {
		return nil, fmt.Errorf("entry %s names no package", e.ID())
	}
	env, err := p.config.Environment(ctx)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "slipway-uv-")
	if err != nil {
		return nil, fmt.Errorf("cannot make a folder for uv: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }() // a temporary folder's remains do no harm
	data, err := toml.Marshal(projectOf(e))
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, "pyproject.toml"), data, 0o644); err != nil {
		return nil, fmt.Errorf("cannot prepare uv's folder: %w", err)
	}
	if err := p.run(ctx, dir, resolve, env); err != nil {
		return nil, fmt.Errorf("uv cannot resolve %s %s with wheels alone, which are all that is built from here: %w", e.Package.Name, e.Package.Version, err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("cannot open uv's folder: %w", err)
	}
	defer root.Close()
	data, err = bounded.File(root.FS(), pylockFile, maxPylock)
	if err != nil {
		return nil, fmt.Errorf("uv has written no lock: %w", err)
	}
	lock, err := fromPylock(data)
	if err != nil {
		return nil, fmt.Errorf("uv's answer for %s %s is refused: %w", e.Package.Name, e.Package.Version, err)
	}
	data = lock.Marshal()
	if _, err := check(e, data); err != nil {
		return nil, fmt.Errorf("uv's answer for %s %s is refused:\n%w", e.Package.Name, e.Package.Version, err)
	}
	return map[string][]byte{LockFile: data}, nil
}
