package layer

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/slipway-dev/slipway/internal/layer/layertest"
)

func TestStoreWritesOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var writes atomic.Int32
	write := func(ctx context.Context, w *Writer) error {
		writes.Add(1)
		return sample(ctx, w)
	}
	store := NewStore(dir)
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			if _, err := store.Layer(t.Context(), "k", write); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	again, err := NewStore(dir).Layer(t.Context(), "k", write)
	if err != nil {
		t.Fatal(err)
	}
	if n := writes.Load(); n != 1 {
		t.Errorf("written %d times", n)
	}
	if err := layertest.Check(again); err != nil {
		t.Error(err)
	}
	if _, err := store.Layer(t.Context(), "other", write); err != nil || writes.Load() != 2 {
		t.Errorf("another key: %d writes, %v", writes.Load(), err)
	}
}

func TestStoreMendsDamage(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func(path string) error{
		"content":   flip,
		"truncated": func(p string) error { return os.Truncate(p, 10) },
		"removed":   os.Remove,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			l, err := NewStore(dir).Layer(t.Context(), "k", sample)
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(os.Chmod(l.Path(), 0o644), damage(l.Path())); err != nil {
				t.Fatal(err)
			}
			mended, err := NewStore(dir).Layer(t.Context(), "k", sample)
			if err != nil {
				t.Fatal(err)
			}
			if err := layertest.Check(mended); err != nil {
				t.Error(err)
			}
		})
	}
}

func flip(path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	data[len(data)/2] ^= 1
	return os.WriteFile(path, data, 0o644)
}

func TestStoreEndsWithItsContext(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	store := NewStore(dir)
	ctx, cancel := context.WithCancel(t.Context())
	started := make(chan struct{})
	finish := make(chan error, 2)
	go func() {
		_, err := store.Layer(ctx, "k", func(ctx context.Context, _ *Writer) error {
			close(started)
			<-ctx.Done()
			return ctx.Err()
		})
		finish <- err
	}()
	<-started
	go func() {
		_, err := store.Layer(t.Context(), "k", sample)
		finish <- err
	}()
	cancel()
	if a, b := <-finish, <-finish; (a == nil) == (b == nil) {
		t.Errorf("one must fail and one succeed: %v, %v", a, b)
	}
}

func TestBlobsAreFoundByDigest(t *testing.T) {
	t.Parallel()
	made, err := NewStore(t.TempDir()).Layer(t.Context(), "k", sample)
	if err != nil {
		t.Fatal(err)
	}
	store := NewStore(filepath.Join(t.TempDir(), "new"))
	if err := store.Keep(made.path, made.digest); err != nil {
		t.Fatal(err)
	}
	if _, ok := store.Blob(made.digest); !ok {
		t.Error("what came is not found")
	}
	if _, ok := store.Blob(v1.Hash{Algorithm: "sha512", Hex: made.digest.Hex}); ok {
		t.Error("another algorithm is found")
	}
}
