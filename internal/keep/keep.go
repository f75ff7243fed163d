// Package keep keeps files that were made here. Each is named by its digest, and a record under the key of what it was made from says which one
// it is and what its maker said of it. What is found there is hashed before it is used.
package keep

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/slipway-dev/slipway/internal/coalesce"
	"github.com/slipway-dev/slipway/internal/staging"
)

// Store is a folder of files that were made, each with a T about it. It may be used by many goroutines and many processes at once.
type Store[T any] struct {
	dir     string
	partial *staging.Area
	flight  coalesce.Group[*File[T]]
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

// Get returns the file with a key, which must name all that it is made from. If there is none, or if it was damaged, produce writes it and says what
// it is; its errors are returned as they are, and nothing is kept then. Several callers may get the same one.
func (s *Store[T]) Get(ctx context.Context, key string, produce func(*os.File) (T, error)) (*File[T], error) {
	return s.flight.Do(ctx, key, func() (*File[T], error) {
		if f := s.kept(key); f != nil {
			return f, nil
		}
		return s.produce(key, produce)
	})
}

func (s *Store[T]) recordPath(key string) string { return filepath.Join(s.dir, "keys", key+".json") }

func (s *Store[T]) filePath(digest string) string { return filepath.Join(s.dir, "sha256", digest) }

// kept returns nil if there is no such file or if it is damaged.
func (s *Store[T]) kept(key string) *File[T] {
	data, err := os.ReadFile(s.recordPath(key))
	if err != nil {
		return nil
	}
	f := &File[T]{}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields() // a record of another version says other things
	if decoder.Decode(f) != nil || f.Key != key || len(f.Digest) != 2*sha256.Size {
		return nil
	}
	f.Path = s.filePath(f.Digest)
	file, err := os.Open(f.Path)
	if err != nil {
		return nil
	}
	defer file.Close()
	hash := sha256.New()
	if n, err := io.Copy(hash, io.LimitReader(file, f.Size+1)); err != nil || n != f.Size || hex.EncodeToString(hash.Sum(nil)) != f.Digest {
		return nil
	}
	return f
}

func (s *Store[T]) produce(key string, produce func(*os.File) (T, error)) (*File[T], error) {
	file, err := s.partial.Create()
	if err != nil {
		return nil, fmt.Errorf("cannot keep what is made: %w", err)
	}
	defer file.Discard()
	f := &File[T]{Key: key}
	if f.About, err = produce(file.File); err != nil {
		return nil, err
	}
	if err := s.install(file, f); err != nil {
		return nil, fmt.Errorf("cannot keep what was made: %w", err)
	}
	return f, nil
}

// install moves a file to where kept looks for it, and then writes its record.
func (s *Store[T]) install(file *staging.File, f *File[T]) (err error) {
	if _, err = file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	hash := sha256.New()
	if f.Size, err = io.Copy(hash, file); err != nil {
		return err
	}
	f.Digest = hex.EncodeToString(hash.Sum(nil))
	f.Path = s.filePath(f.Digest)
	if err := file.Install(f.Path); err != nil {
		return err
	}
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
