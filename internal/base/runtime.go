package base

import (
	"context"
	"errors"
	"fmt"
	"io"
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
	found := false
	limits := unpack.Limits{Entries: 100_000, Bytes: 1 << 30, FileBytes: 512 << 20}
	err = unpack.TarGzip(ctx, f, 1, limits, func(f unpack.File, content io.Reader) error {
		switch {
		case !f.Mode.IsRegular():
			return nil
		case f.Path == "bin/node":
			found = true
			return w.WriteFile(nodeFile, 0o755, f.Size, content)
		case f.Path == "LICENSE":
			return w.WriteFile(nodeLicense, 0o644, f.Size, content)
		}
		return nil
	})
	if err == nil && !found {
		err = errors.New("it has no bin/node")
	}
	if err != nil {
		return fmt.Errorf("runtime for %s: %w", arch, err)
	}
	return nil
}
