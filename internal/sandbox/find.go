package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Variable is the environment variable that names the runsc executable, before any other place is looked at.
const Variable = "SLIPWAY_RUNSC"

// Runtime is a gVisor that works on this machine. It holds no resources and may be used from many goroutines.
type Runtime struct {
	path     string
	version  string
	rootless bool
}

// Find returns the gVisor to run sandboxes with: the file that SLIPWAY_RUNSC names, else runsc in the first of dirs that has it, else in PATH.
// As root it runs sandboxes as root, else in a user namespace. It tries whether the machine lets it; each error wraps [ErrUnavailable].
func Find(ctx context.Context, dirs ...string) (*Runtime, error) {
	path, err := locate(dirs)
	if err != nil {
		return nil, err
	}
	rootless := os.Geteuid() != 0
	probe, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	version, err := probeRuntime(probe, path, rootless)
	if err != nil {
		return nil, err
	}
	return &Runtime{path: path, version: version, rootless: rootless}, nil
}

// Version names the runtime and its version, such as "runsc release-20261116.0", for evidence.
func (r *Runtime) Version() string { return r.version }

// Path is the executable.
func (r *Runtime) Path() string { return r.path }

// Rootless reports whether sandboxes run in a user namespace rather than as root.
func (r *Runtime) Rootless() bool { return r.rootless }

func locate(dirs []string) (string, error) {
	if path := os.Getenv(Variable); path != "" {
		if err := executable(path); err != nil {
			return "", fmt.Errorf("%w: %s names %s: %w", ErrUnavailable, Variable, path, err)
		}
		return filepath.Abs(path)
	}
	for _, dir := range dirs {
		if path := filepath.Join(dir, "runsc"); executable(path) == nil {
			return filepath.Abs(path)
		}
	}
	path, err := exec.LookPath("runsc")
	if err != nil {
		return "", fmt.Errorf("%w: gVisor's runsc is in none of %s and PATH; install it with `make tools`, or name it in %s",
			ErrUnavailable, strings.Join(dirs, ", "), Variable)
	}
	return filepath.Abs(path)
}

func executable(path string) error {
	info, err := os.Stat(path) //nolint:gosec // the user names it
	switch {
	case err != nil:
		return err
	case !info.Mode().IsRegular() || info.Mode()&0o111 == 0:
		return errors.New("not an executable file")
	}
	return nil
}
