package layer

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"github.com/google/go-containerregistry/pkg/v1"
	"github.com/klauspost/compress/zstd"

	"github.com/slipway-dev/slipway/internal/coalesce"
	"github.com/slipway-dev/slipway/internal/staging"
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
type Store struct {
	dir    string
	flight coalesce.Group[*Layer]
	area   *staging.Area
	intact sync.Map // paths of layers that were hashed by this process
}

// record is what is kept of a layer under its key.
type record struct {
	Key    string  `json:"key"`
	Digest v1.Hash `json:"digest"`
	DiffID v1.Hash `json:"diffID"`
	Size   int64   `json:"size"`
}

// NewStore returns a store in dir, which is created when the first layer is stored.
func NewStore(dir string) *Store {
	return &Store{dir: dir, area: staging.New(filepath.Join(dir, "partial"))}
}

// Layer returns the layer with the given key, and has it written if there is none or if it was damaged. The key must name all that write
// depends on: equal keys mean equal layers. What write returns as an error is returned wrapped, and nothing is kept of that layer.
func (s *Store) Layer(ctx context.Context, key string, write func(context.Context, *Writer) error) (*Layer, error) {
	return s.flight.Do(ctx, key, func() (*Layer, error) {
		if l := s.stored(key); l != nil {
			return l, nil
		}
		return s.write(ctx, key, write)
	})
}

// stored returns nil if there is no such layer or if it is damaged: then it is written anew.
func (s *Store) stored(key string) *Layer {
	data, err := os.ReadFile(s.keyPath(key))
	if err != nil {
		return nil
	}
	var r record
	if json.Unmarshal(data, &r) != nil || r.Key != key || r.Digest.Algorithm != "sha256" || r.DiffID.Algorithm != "sha256" {
		return nil
	}
	l := &Layer{path: s.blobPath(r.Digest), digest: r.Digest, diffID: r.DiffID, size: r.Size}
	info, err := os.Stat(l.path)
	if err != nil || info.Size() != l.size {
		return nil
	}
	if !s.sound(l.digest) {
		return nil
	}
	return l
}

// sound reports whether the store has the content with a digest, undamaged.
func (s *Store) sound(digest v1.Hash) bool {
	path := s.blobPath(digest)
	if _, ok := s.intact.Load(path); ok {
		return true
	}
	file, err := os.Open(path)
	if err != nil {
		return false
	}
	defer file.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil || hex.EncodeToString(hash.Sum(nil)) != digest.Hex {
		return false
	}
	s.intact.Store(path, true)
	return true
}

// Blob returns the file of a compressed layer by its digest, whatever its key; ok is false if there is none, or if it was damaged. It must not be
// changed; it may be hard-linked.
func (s *Store) Blob(digest v1.Hash) (path string, ok bool) {
	return s.blobPath(digest), digest.Algorithm == "sha256" && s.sound(digest)
}

// Keep has the store hold a compressed layer that came from elsewhere, in a file that is known to have the digest, so that Blob finds it. Where
// the file cannot be shared, as between file systems, nothing is kept.
func (s *Store) Keep(file string, digest v1.Hash) error {
	path := s.blobPath(digest)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	switch err := os.Link(file, path); {
	case errors.Is(err, fs.ErrExist), errors.Is(err, syscall.EXDEV):
		return nil
	default:
		return err
	}
}

func (s *Store) write(ctx context.Context, key string, write func(context.Context, *Writer) error) (*Layer, error) {
	file, err := s.area.Create()
	if err != nil {
		return nil, fmt.Errorf("cannot write to the layer store: %w", err)
	}
	defer file.Discard()
	l, err := compress(ctx, file, write)
	if err != nil {
		return nil, err
	}
	l.path = s.blobPath(l.digest)
	if err := file.Install(l.path); err != nil {
		return nil, fmt.Errorf("cannot write to the layer store: %w", err)
	}
	if err := s.enter(record{Key: key, Digest: l.digest, DiffID: l.diffID, Size: l.size}); err != nil {
		return nil, fmt.Errorf("cannot write to the layer store: %w", err)
	}
	s.intact.Store(l.path, true)
	return l, nil
}

// enter makes a layer that is stored known under its key.
func (s *Store) enter(r record) error {
	data, err := json.Marshal(r)
	if err != nil {
		return err
	}
	file, err := s.area.Create()
	if err != nil {
		return err
	}
	defer file.Discard()
	if _, err := file.Write(data); err != nil {
		return err
	}
	return file.Install(s.keyPath(r.Key))
}

// compress writes a layer to w and returns all of it but the path.
func compress(ctx context.Context, w io.Writer, write func(context.Context, *Writer) error) (*Layer, error) {
	digest, diffID := sha256.New(), sha256.New()
	size := &counter{}
	buffer := bufio.NewWriterSize(io.MultiWriter(w, digest, size), 256<<10)
	compressor, err := newCompressor(buffer, level)
	if err != nil {
		return nil, err
	}
	defer compressor.Close() // its buffers, should the layer fail; closing twice does nothing
	layer := newWriter(ctx, io.MultiWriter(compressor, diffID))
	if err := write(ctx, layer); err != nil {
		return nil, err
	}
	if layer.err != nil { // also if write did not pass it on
		return nil, layer.err
	}
	for _, finish := range []func() error{layer.tar.Close, compressor.Close, buffer.Flush} {
		if err := finish(); err != nil {
			return nil, fmt.Errorf("cannot write the layer: %w", err)
		}
	}
	hash := func(sum []byte) v1.Hash { return v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(sum)} }
	return &Layer{digest: hash(digest.Sum(nil)), diffID: hash(diffID.Sum(nil)), size: size.n}, nil
}

// newCompressor compresses on the caller's goroutine, so that blocks are cut alike whatever the number of processors.
func newCompressor(w io.Writer, level zstd.EncoderLevel) (*zstd.Encoder, error) {
	return zstd.NewWriter(w, zstd.WithEncoderLevel(level), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<22))
}

func (s *Store) blobPath(digest v1.Hash) string { return filepath.Join(s.dir, "sha256", digest.Hex) }

func (s *Store) keyPath(key string) string {
	sum := sha256.Sum256([]byte(format + "\n" + key))
	return filepath.Join(s.dir, "keys", hex.EncodeToString(sum[:])+".json")
}

type counter struct{ n int64 }

func (c *counter) Write(p []byte) (int, error) {
	c.n += int64(len(p))
	return len(p), nil
}
