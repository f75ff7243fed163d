package base

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/slipway-dev/slipway/internal/layer"
	"github.com/slipway-dev/slipway/internal/unpack"
)

// runtimeFormat is part of a layer's key: it changes with what is written for the same tarball.
const runtimeFormat = "base runtime 1"

const (
	nodeFile    = "usr/local/bin/node" // local, as no Debian package owns it
	nodeLicense = "usr/local/share/doc/node/LICENSE"
)

// errComplete ends the reading of a tarball when all that is wanted of it was read. Its hash was checked before.
var errComplete = errors.New("complete")

func (b *Base) runtimeKey(arch string) string {
	t, _ := b.Locked.runtime(arch)
	return fmt.Sprintf("%s %s %s", runtimeFormat, arch, t.Integrity)
}

// writeRuntime writes the one executable and its licence; the npm package has headers and documentation besides.
func (b *Base) writeRuntime(ctx context.Context, s Sources, arch string, w *layer.Writer) error {
	request, err := b.Runtime(ctx, s, arch)
	if err != nil {
		return err
	}
	name, err := s.Files.File(ctx, request)
	if err != nil {
		return err
	}
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	left := map[string]string{"bin/node": nodeFile, "LICENSE": nodeLicense}
	limits := unpack.Limits{Entries: 100_000, Bytes: 1 << 30, FileBytes: 512 << 20}
	err = unpack.TarGzip(ctx, f, 1, limits, func(f unpack.File, content io.Reader) error {
		name, wanted := left[f.Path]
		if !wanted || !f.Mode.IsRegular() || f.Link != "" {
			return nil
		}
		delete(left, f.Path)
		mode := fs.FileMode(0o644)
		if name == nodeFile {
			mode = 0o755
		}
		if err := w.WriteFile(name, mode, f.Size, content); err != nil {
			return err
		}
		if len(left) == 0 {
			return errComplete
		}
		return nil
	})
	switch _, missing := left["bin/node"]; {
	case errors.Is(err, errComplete):
		err = nil
	case err == nil && missing:
		err = errors.New("it has no bin/node")
	}
	if err != nil {
		return fmt.Errorf("runtime for %s: %w", arch, err)
	}
	return nil
}
