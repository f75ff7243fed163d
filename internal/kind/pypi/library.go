package pypi

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/slipway-dev/slipway/internal/bounded"
	"github.com/slipway-dev/slipway/internal/kind/pypi/bytecode"
	"github.com/slipway-dev/slipway/internal/kind/pypi/wheel"
	"github.com/slipway-dev/slipway/internal/layer"
)

// standardLibrary is where Debian has CPython's own modules.
const standardLibrary = "usr/lib/python" + wheel.Python + "/"

// Furnish returns the layer with CPython's standard library compiled, as the sources of wheels are; see kind.Furnishing. Debian compiles it when the
// package is installed, which no base does.
func (p *Ecosystem) Furnish(ctx context.Context, layers *layer.Store, debian v1.Layer) (v1.Layer, error) {
	diffID, err := debian.DiffID()
	if err != nil {
		return nil, err
	}
	key, err := p.library.Key(ctx)
	if err != nil {
		return nil, err
	}
	return layers.Layer(ctx, "python "+key+" "+diffID.String(), func(ctx context.Context, w *layer.Writer) error {
		unit := bytecode.Unit{
			Name: "the standard library", Content: diffID.String(),
			Write: func(ctx context.Context, write func(string, io.Reader) error) error {
				return eachModule(ctx, debian, write)
			},
		}
		err := eachModule(ctx, debian, func(name string, _ io.Reader) error {
			unit.Sources = append(unit.Sources, name)
			return nil
		})
		if err != nil {
			return err
		}
		slices.Sort(unit.Sources)
		compiled, err := p.library.Compile(ctx, []bytecode.Unit{unit})
		if err != nil {
			return err
		}
		return compiled[0].Each(func(_, name string, size int64, content io.Reader) error {
			return w.WriteFile(name, 0o644, size, content)
		})
	})
}

// eachModule visits the sources of the standard library in a layer.
func eachModule(ctx context.Context, debian v1.Layer, visit func(name string, content io.Reader) error) error {
	content, err := debian.Uncompressed()
	if err != nil {
		return err
	}
	defer content.Close()
	for archive := tar.NewReader(bounded.Reader(ctx, content)); ; {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read the layer of Debian's packages: %w", err)
		}
		if h.Typeflag == tar.TypeReg && strings.HasPrefix(h.Name, standardLibrary) && strings.HasSuffix(h.Name, ".py") {
			if err := visit(h.Name, archive); err != nil {
				return err
			}
		}
	}
}
