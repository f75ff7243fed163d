package gomod

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/slipway-dev/slipway/internal/bounded"
	"github.com/slipway-dev/slipway/internal/kind/gomod/gocmd"
)

// fetched is what go mod download says of a module.
type fetched struct {
	Path, Version string

	Error string
	Info  string // file with what the module proxy says of the version
	GoMod string // file with its go.mod
	Dir   string // folder with its files
}

// download returns a module that was fetched before, or fetches it if task says so. The go.sum in the task's folder counts.
func download(ctx context.Context, golang *gocmd.Toolchain, task gocmd.Task, module string) (*fetched, error) {
	task.Args = []string{"mod", "download", "-json", module}
	out, err := golang.Run(ctx, task)
	f := &fetched{}
	if decodeErr := json.Unmarshal(out, f); err == nil && decodeErr != nil {
		return nil, fmt.Errorf("cannot read what go says of %s: %w", module, decodeErr)
	}
	if f.Error != "" {
		return nil, errors.New(f.Error)
	}
	return f, err
}

// origin is where the module proxy got a version from, if it says so.
type origin struct {
	URL, Subdir string
	Hash        string // the commit
}

// maxInfo bounds what a module proxy says of one version, in bytes.
const maxInfo = 1 << 20

func (f *fetched) origin() (origin, error) {
	var said struct{ Origin origin }
	data, err := bounded.File(os.DirFS(filepath.Dir(f.Info)), filepath.Base(f.Info), maxInfo)
	if err == nil {
		err = json.Unmarshal(data, &said)
	}
	if err != nil {
		return origin{}, fmt.Errorf("cannot read where %s %s comes from: %w", f.Path, f.Version, err)
	}
	return said.Origin, nil
}
