package gomod

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/slipway-dev/slipway/internal/bounded"
	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/kind/gomod/gocmd"
	"github.com/slipway-dev/slipway/internal/kind/gomod/lockfile"
)

// modulePath returns the path of the module that stands for an entry. No module can be published under it (RFC 2606, section 2).
func modulePath(e entry.Entry) string { return "catalog.invalid/go/" + e.Name }

// Lock has Go resolve the entry's command and overrides in a temporary folder, and check each module against the checksum database unless the
// user's settings except it. The release of Go stays the one that the lock in dir pins; where there is none it is the user's own.
func (g *Ecosystem) Lock(ctx context.Context, e entry.Entry, dir fs.FS) (map[string][]byte, error) {
	if e.Package == nil {
		return nil, fmt.Errorf("entry %s names no package", e.ID())
	}
	release, err := g.release(dir)
	if err != nil {
		return nil, err
	}
	golang, err := g.golang.Toolchain(ctx, release)
	if err != nil {
		return nil, err
	}
	// Tools came to go.mod with Go 1.24; where the module asks for more, go get writes more.
	var mod bytes.Buffer
	_, _ = fmt.Fprintf(&mod, "module %s\n\ngo 1.24\n\ntoolchain %s\n\ntool %s\n", modulePath(e), release, e.Package.Name) // a buffer does not fail
	work, err := newWorkspace(mod.Bytes(), nil)
	if err != nil {
		return nil, err
	}
	defer work.remove()
	args := []string{"get", e.Package.Name + "@" + e.Package.Version}
	for _, override := range e.Overrides {
		args = append(args, override.Package+"@"+override.Version)
	}
	if _, err := golang.Run(ctx, gocmd.Task{Dir: work.dir, Args: args, Network: true}); err != nil {
		return nil, fmt.Errorf("go cannot resolve %s@%s: %w", e.Package.Name, e.Package.Version, err)
	}
	files, err := readLock(os.DirFS(work.dir))
	if err != nil {
		return nil, fmt.Errorf("go has written no lock: %w", err)
	}
	lock, err := check(e, files)
	if err != nil {
		return nil, fmt.Errorf("go's answer for %s@%s is refused:\n%w", e.Package.Name, e.Package.Version, err)
	}
	if err := asked(ctx, golang, work.dir, e, lock); err != nil {
		return nil, err
	}
	return files, nil
}

// release returns the release of Go that the lock in dir pins, or else the user's own.
func (g *Ecosystem) release(dir fs.FS) (string, error) {
	if dir == nil {
		return g.golang.Local()
	}
	mod, err := bounded.File(dir, lockfile.ModFile, lockfile.MaxBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return g.golang.Local()
	}
	if err != nil {
		return "", err
	}
	lock, _ := lockfile.Parse(mod, nil) // the rest of it is about to be written anew
	if !lockfile.IsRelease(lock.Toolchain) {
		return "", fmt.Errorf("%s: toolchain: it names no release of Go: write one, such as toolchain go1.26.8, or remove the file", lockfile.ModFile)
	}
	return lock.Toolchain, nil
}

// readLock returns the lock files by name.
func readLock(dir fs.FS) (map[string][]byte, error) {
	files := map[string][]byte{}
	for _, name := range []string{lockfile.ModFile, lockfile.SumFile} {
		data, err := bounded.File(dir, name, lockfile.MaxBytes)
		if err != nil {
			return nil, err
		}
		files[name] = data
	}
	return files, nil
}

// workspace is a temporary folder with a lock, for the go command to work in.
type workspace struct{ dir string }

func newWorkspace(mod, sum []byte) (*workspace, error) {
	dir, err := os.MkdirTemp("", "slipway-gomod-")
	if err != nil {
		return nil, fmt.Errorf("cannot make a folder for go: %w", err)
	}
	w := &workspace{dir}
	for name, data := range map[string][]byte{lockfile.ModFile: mod, lockfile.SumFile: sum} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			w.remove()
			return nil, fmt.Errorf("cannot prepare a folder for go: %w", err)
		}
	}
	return w, nil
}

func (w *workspace) remove() { _ = os.RemoveAll(w.dir) } // a temporary folder's remains do no harm
