package layer

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"

	"github.com/google/go-containerregistry/pkg/v1"
	"github.com/klauspost/compress/zstd"

	"github.com/slipway-dev/slipway/internal/keep"
)

const (
	// level trades size for time. Of Node.js 24, 127 MB, SpeedFastest makes 46.8 MB in 0.56 s, SpeedDefault 42.7 MB in 0.86 s,
	// SpeedBetterCompression 40.1 MB in 1.5 s. gzip made 46.9 MB in 1.5 s at its level 6. See BenchmarkCompression.
	level = zstd.SpeedFastest
	// format is part of every key: what an older one wrote would differ from what is written today. Compression is as much a part of it as
	// this package, so it changes with the version of the library in go.mod.
	format = "1 github.com/klauspost/compress v1.20.3 zstd fastest"
)

// Store keeps layers in a folder: each in a file named by its digest, and for each key a small file that says which. It may be used by many
// goroutines and many processes at once.
type Store struct{ files *keep.Store[about] }

// about is what is kept of a layer beside its file.
type about struct {
	DiffID v1.Hash `json:"diffID"`
}

// NewStore returns a store in dir, which is created when the first layer is stored.
func NewStore(dir string) *Store { return &Store{files: keep.New[about](dir)} }

// Layer returns the layer with the given key, and has it written if there is none or if it was damaged. The key must name all that write
// depends on: equal keys mean equal layers. What write returns as an error is returned wrapped, and nothing is kept of that layer.
func (s *Store) Layer(ctx context.Context, key string, write func(context.Context, *Writer) error) (*Layer, error) {
	sum := sha256.Sum256([]byte(format + "\n" + key))
	file, err := s.files.Get(ctx, hex.EncodeToString(sum[:]), func(draft *keep.Draft) (about, error) {
		diffID, err := compress(ctx, draft, write)
		return about{DiffID: diffID}, err
	})
	if err != nil {
		return nil, err
	}
	return &Layer{path: file.Path, digest: sha256Hash(file.Digest), diffID: file.About.DiffID, size: file.Size}, nil
}

// Blob returns the file of a compressed layer by its digest, whatever its key; ok is false if there is none, or if it was damaged. It must not be
// changed; it may be hard-linked.
func (s *Store) Blob(digest v1.Hash) (path string, ok bool) {
	if digest.Algorithm != "sha256" {
		return "", false
	}
	return s.files.Digest(digest.Hex)
}

// Keep has the store hold a compressed layer that came from elsewhere, in a file that is known to have the digest, so that Blob finds it. Where
// the file cannot be shared, as between file systems, nothing is kept.
func (s *Store) Keep(file string, digest v1.Hash) error { return s.files.Adopt(file, digest.Hex) }

// compress writes a layer to w and returns the SHA-256 of what is in it.
func compress(ctx context.Context, w io.Writer, write func(context.Context, *Writer) error) (v1.Hash, error) {
	diffID := sha256.New()
	buffer := bufio.NewWriterSize(w, 256<<10)
	compressor, err := newCompressor(buffer, level)
	if err != nil {
		return v1.Hash{}, err
	}
	defer compressor.Close() // its buffers, should the layer fail; closing twice does nothing
	layer := newWriter(ctx, io.MultiWriter(compressor, diffID))
	if err := write(ctx, layer); err != nil {
		return v1.Hash{}, err
	}
	if layer.err != nil { // also if write did not pass it on
		return v1.Hash{}, layer.err
	}
	for _, finish := range []func() error{layer.tar.Close, compressor.Close, buffer.Flush} {
		if err := finish(); err != nil {
			return v1.Hash{}, fmt.Errorf("cannot write the layer: %w", err)
		}
	}
	return sha256Hash(hex.EncodeToString(diffID.Sum(nil))), nil
}

func sha256Hash(sum string) v1.Hash { return v1.Hash{Algorithm: "sha256", Hex: sum} }

// newCompressor compresses on the caller's goroutine, so that blocks are cut alike whatever the number of processors.
func newCompressor(w io.Writer, level zstd.EncoderLevel) (*zstd.Encoder, error) {
	return zstd.NewWriter(w, zstd.WithEncoderLevel(level), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<22))
}
