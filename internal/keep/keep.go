// Package keep keeps files that were made here. Each is named by its digest, and a record under the key of what it was made from says which one
// it is and what its maker said of it. What is found there is hashed before it is used.
package keep

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"github.com/slipway-dev/slipway/internal/coalesce"
	"github.com/slipway-dev/slipway/internal/staging"
)

// Store is a folder of files that were made, each with a T about it. It may be used by many goroutines and many processes at once.
type Store[T any] struct {
	dir     string
	partial *staging.Area
	flight  coalesce.Group[*File[T]]
	intact  sync.Map // paths of files that were hashed by this process
}

// New returns the store in dir, which is created when the first file is kept.
func New[T any](dir string) *Store[T] {
	return &Store[T]{dir: dir, partial: staging.New(filepath.Join(dir, "partial"))}
}

// File is a file that was made.
type File[T any] struct {
	Key    string `json:"key"`
	Digest string `json:"digest"` // SHA-256 in hex
	Size   int64  `json:"size"`   // in bytes
	About  T      `json:"about"`

	Path string `json:"-"`
}

// Draft is a file that is being made. It is hashed as it is written.
type Draft struct {
	file *staging.File
	hash hash.Hash
	size int64
}

// Write writes to the end of the file.
func (d *Draft) Write(p []byte) (int, error) {
	n, err := d.file.Write(p)
	_, _ = d.hash.Write(p[:n]) // a hash does not fail
	d.size += int64(n)
	return n, err
}

// Name returns the path of the file, which may be read there meanwhile.
func (d *Draft) Name() string { return d.file.Name() }

// Get returns the file with a key, which must name all that it is made from. If there is none, or if it was damaged, produce writes it and says what
// it is; its errors are returned as they are, and nothing is kept then. Several callers may get the same one.
func (s *Store[T]) Get(ctx context.Context, key string, produce func(*Draft) (T, error)) (*File[T], error) {
	return s.flight.Do(ctx, key, func() (*File[T], error) {
		if f := s.Kept(key); f != nil {
			return f, nil
		}
		return s.produce(key, produce)
	})
}

func (s *Store[T]) recordPath(key string) string { return filepath.Join(s.dir, "keys", key+".json") }

func (s *Store[T]) filePath(digest string) string { return filepath.Join(s.dir, "sha256", digest) }

// Kept returns the file with a key, and nil if there is none or if it was damaged.
func (s *Store[T]) Kept(key string) *File[T] {
	data, err := os.ReadFile(s.recordPath(key))
	if err != nil {
		return nil
	}
	f := &File[T]{}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields() // a record of another version says other things
	if decoder.Decode(f) != nil || f.Key != key || !isDigest(f.Digest) {
		return nil
	}
	f.Path = s.filePath(f.Digest)
	if info, err := os.Stat(f.Path); err != nil || info.Size() != f.Size || !s.sound(f.Digest) {
		return nil
	}
	return f
}

func isDigest(text string) bool {
	return len(text) == 2*sha256.Size && strings.Trim(text, "0123456789abcdef") == ""
}

// sound reports whether the store has the file with a digest, undamaged. A file is hashed once in a process.
func (s *Store[T]) sound(digest string) bool {
	path := s.filePath(digest)
	if _, ok := s.intact.Load(path); ok {
		return true
	}
	file, err := os.Open(path)
	if err != nil {
		return false
	}
	defer file.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, file); err != nil || hex.EncodeToString(sum.Sum(nil)) != digest {
		return false
	}
	s.intact.Store(path, true)
	return true
}

// Digest returns the file with a digest, SHA-256 in hex, whatever its key; ok is false if there is none, or if it was damaged. It must not be
// changed; it may be hard-linked.
func (s *Store[T]) Digest(digest string) (path string, ok bool) {
	if !isDigest(digest) {
		return "", false
	}
	return s.filePath(digest), s.sound(digest)
}

// Adopt has the store hold a file that came from elsewhere and is known to have the digest, so that Digest finds it. Where the file cannot be
// shared, as between file systems, nothing is kept.
func (s *Store[T]) Adopt(file, digest string) error {
	path := s.filePath(digest)
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

func (s *Store[T]) produce(key string, produce func(*Draft) (T, error)) (*File[T], error) {
	file, err := s.partial.Create()
	if err != nil {
		return nil, fmt.Errorf("cannot keep what is made: %w", err)
	}
	defer file.Discard()
	d := &Draft{file: file, hash: sha256.New()}
	about, err := produce(d)
	if err != nil {
		return nil, err
	}
	digest := hex.EncodeToString(d.hash.Sum(nil))
	f := &File[T]{Key: key, Digest: digest, Size: d.size, About: about, Path: s.filePath(digest)}
	if err := s.install(file, f); err != nil {
		return nil, fmt.Errorf("cannot keep what was made: %w", err)
	}
	return f, nil
}

// install moves a file to where Kept looks for it, and then writes its record.
func (s *Store[T]) install(file *staging.File, f *File[T]) error {
	if err := file.Install(f.Path); err != nil {
		return err
	}
	s.intact.Store(f.Path, true)
	data, err := json.Marshal(f)
	if err != nil {
		return err
	}
	record, err := s.partial.Create()
	if err != nil {
		return err
	}
	defer record.Discard()
	if _, err := record.Write(data); err != nil {
		return err
	}
	return record.Install(s.recordPath(f.Key))
}
