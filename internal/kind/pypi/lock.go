package pypi

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

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

// builtDir is the folder that holds the wheels that were built, inside uv's.
const builtDir = "built"

// Lock has uv resolve the entry's package, overrides and constraints. The locks are refused, with the errors of CheckLock, if uv could not meet what
// the entry says. Sdists that the entry allows are built first.
func (p *Ecosystem) Lock(ctx context.Context, e entry.Entry, _ fs.FS) (map[string][]byte, error) {
	if e.Package == nil {
		return nil, fmt.Errorf("entry %s names no package", e.ID())
	}
	built, err := p.buildAllowed(ctx, e)
	if err != nil {
		return nil, err
	}
	what := e.Package.Name + " " + e.Package.Version
	lock, err := p.resolve(ctx, projectOf(e), what, built)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{LockFile: lock.Marshal()}
	if built.tools != nil {
		files[BuildLockFile] = built.tools.Marshal()
	}
	if _, err := check(e, files); err != nil {
		return nil, fmt.Errorf("uv's answer for %s is refused:\n%w", what, err)
	}
	return files, nil
}

// resolve has uv resolve a project in a temporary folder, with the wheels that were built besides those of the index. What says in an error what
// was to be resolved.
func (p *Ecosystem) resolve(ctx context.Context, of project, what string, built *allowed) (*lockfile.Lock, error) {
	env, err := p.config.Environment(ctx)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "slipway-uv-")
	if err != nil {
		return nil, fmt.Errorf("cannot make a folder for uv: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }() // a temporary folder's remains do no harm
	data, err := toml.Marshal(of)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, "pyproject.toml"), data, 0o644); err != nil {
		return nil, fmt.Errorf("cannot prepare uv's folder: %w", err)
	}
	args := resolve
	if len(built.sdists) > 0 {
		if err := built.show(filepath.Join(dir, builtDir)); err != nil {
			return nil, fmt.Errorf("cannot prepare uv's folder: %w", err)
		}
		args = append(slices.Clone(resolve), "--find-links", builtDir)
	}
	if err := p.run(ctx, dir, args, env); err != nil {
		return nil, fmt.Errorf("uv cannot resolve %s with wheels alone; where a package has only an sdist, the entry may allow that under sdists: %w", what, err)
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
	lock, err := fromPylock(data, built)
	if err != nil {
		return nil, fmt.Errorf("uv's answer for %s is refused: %w", what, err)
	}
	return lock, nil
}
