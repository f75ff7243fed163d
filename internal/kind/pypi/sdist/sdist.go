// Package sdist reads source distributions (Python packaging specification "Source distribution format", PEP 517 and 625) and has wheels built from
// them, in a sandbox: the only place where code of a package runs before there is an image.
package sdist

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/slipway-dev/slipway/internal/bounded"
	"github.com/slipway-dev/slipway/internal/unpack"
)

// MaxBytes bounds an sdist's file.
const MaxBytes = 128 << 20

// limits of one sdist, unpacked.
var limits = unpack.Limits{Entries: 50_000, Bytes: 512 << 20, FileBytes: 128 << 20, Links: true}

// Sdist is a source distribution whose archive was read and is harmless. It is unpacked in the sandbox only.
type Sdist struct {
	Name
	System System

	file string
}

// Open reads the sdist in a local file. The name is that of the file in the index.
func Open(ctx context.Context, file string, name Name) (*Sdist, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("cannot open the downloaded sdist: %w", err)
	}
	defer f.Close()
	s := &Sdist{Name: name, file: file}
	top, setup := "", false
	var project []byte
	err = unpack.TarGzip(ctx, f, 0, limits, func(entry unpack.File, content io.Reader) (err error) {
		folder, rest, _ := strings.Cut(entry.Path, "/")
		if top == "" {
			top = folder
		}
		if folder != top || rest == "" && !entry.Mode.IsDir() {
			return fmt.Errorf("it has %.100q beside its folder %.100q: an sdist is one folder", folder, top)
		}
		switch {
		case rest == "setup.py":
			setup = true
		case rest == "pyproject.toml" && entry.Link == "":
			project, err = bounded.Read(content, maxProject)
			if err != nil {
				return fmt.Errorf("its pyproject.toml: %w", err)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if project == nil && !setup {
		return nil, errors.New("it has neither a pyproject.toml nor a setup.py, so nothing says how to build it")
	}
	if s.System, err = parseSystem(project); err != nil {
		return nil, err
	}
	return s, nil
}
