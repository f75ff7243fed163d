package build

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/sys/unix"
)

// refName is the annotation by which tools find an image in a layout.
const refName = "org.opencontainers.image.ref.name"

const layoutVersion = `{"imageLayoutVersion":"1.0.0"}`

// file is one of a layout: with its content, or a layer.
type file struct {
	path    string // below the layout
	content []byte
	layer   v1.Layer
	digest  v1.Hash // of the layer
	size    int64
}

func blobPath(digest v1.Hash) string { return filepath.Join("blobs", digest.Algorithm, digest.Hex) }

// layoutFiles follows the OCI Image Specification 1.1, image layout 1.0.0.
func layoutFiles(tag string, index blob, images []*image) ([]file, error) {
	descriptor := index.descriptor(types.OCIImageIndex)
	descriptor.Annotations = map[string]string{refName: tag}
	root, err := newBlob(v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex, Manifests: []v1.Descriptor{descriptor}})
	if err != nil {
		return nil, err
	}
	document := func(path string, content []byte) file {
		return file{path: path, content: content, size: int64(len(content))}
	}
	files := []file{
		document("oci-layout", []byte(layoutVersion)),
		document("index.json", root.content),
		document(blobPath(index.digest), index.content),
	}
	seen := map[v1.Hash]bool{}
	for _, image := range images {
		for _, b := range []blob{image.config, image.manifest} {
			files = append(files, document(blobPath(b.digest), b.content))
		}
		for i, d := range image.descriptors {
			if !seen[d.Digest] { // platforms may share a layer
				files = append(files, file{path: blobPath(d.Digest), layer: image.layers[i], digest: d.Digest, size: d.Size})
			}
			seen[d.Digest] = true
		}
	}
	return files, nil
}

// writeLayout makes the folder hold the files, and says whether it did already. Nothing is forced to the disk: Open finds what a power failure
// tore, and a build repairs it.
func writeLayout(ctx context.Context, path string, files []file) (unchanged bool, err error) {
	return replace(ctx, path, func() bool { return intact(path, files) }, func(fresh string) error {
		if err := os.MkdirAll(filepath.Join(fresh, "blobs", "sha256"), 0o755); err != nil {
			return err
		}
		for _, f := range files {
			if err := context.Cause(ctx); err != nil {
				return err
			}
			if err := f.write(filepath.Join(fresh, f.path)); err != nil {
				return err
			}
		}
		return nil
	})
}

// replace makes a folder what fill writes into a fresh one, unless done says that nothing is left to do. The fresh one lies beside its place
// and is then moved there.
func replace(ctx context.Context, path string, done func() bool, fill func(fresh string) error) (unchanged bool, err error) {
	parent, name := filepath.Split(path)
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return false, err
	}
	lock, err := acquire(ctx, filepath.Join(parent, "."+name+".lock"))
	if err != nil {
		return false, err
	}
	defer lock.Close()

	// Whoever holds the lock is alone with these names, so what is there was left by a killed build.
	fresh, stale := filepath.Join(parent, "."+name+".new"), filepath.Join(parent, "."+name+".old")
	clean := func() error { return errors.Join(os.RemoveAll(fresh), os.RemoveAll(stale)) }
	if err := clean(); err != nil {
		return false, err
	}
	if done() {
		return true, nil
	}
	defer func() { err = errors.Join(err, clean()) }()
	if err := fill(fresh); err != nil {
		return false, err
	}
	if err := os.Rename(path, stale); err != nil && !errors.Is(err, os.ErrNotExist) {
		return false, err
	}
	return false, os.Rename(fresh, path)
}

// acquire waits for the lock that one build at a time holds; it ends with the process.
func acquire(ctx context.Context, path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		switch {
		case err == nil:
			return f, nil
		case errors.Is(err, unix.EINTR):
			continue
		case !errors.Is(err, unix.EWOULDBLOCK):
			return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), f.Close())
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(fmt.Errorf("wait for another build to finish: %w", context.Cause(ctx)), f.Close())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// intact reads what is there. A layer that is one file with the one in the store was hashed when the store gave it out.
func intact(path string, files []file) bool {
	for _, f := range files {
		name := filepath.Join(path, f.path)
		info, err := os.Lstat(name)
		if err != nil || !info.Mode().IsRegular() || info.Size() != f.size {
			return false
		}
		if f.layer == nil {
			content, err := os.ReadFile(name)
			if err != nil || !bytes.Equal(content, f.content) {
				return false
			}
			continue
		}
		if stored, ok := f.layer.(inFile); ok {
			if other, err := os.Stat(stored.Path()); err == nil && os.SameFile(info, other) {
				continue
			}
		}
		if checkBlob(name, f.digest, f.size) != nil {
			return false
		}
	}
	return true
}

// inFile is a layer that lies in a file of its own, which never changes.
type inFile interface{ Path() string }

func (f file) write(name string) error {
	if f.layer == nil {
		return os.WriteFile(name, f.content, 0o644)
	}
	// Shared where it can be, copied where it cannot, as between file systems.
	if stored, ok := f.layer.(inFile); ok && os.Link(stored.Path(), name) == nil {
		return nil
	}
	return f.copy(name)
}

func (f file) copy(name string) error {
	content, err := f.layer.Compressed()
	if err != nil {
		return fmt.Errorf("layer %s: %w", f.digest, err)
	}
	defer content.Close()
	out, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(out, sum), io.LimitReader(content, f.size+1))
	if err := errors.Join(err, out.Close()); err != nil {
		return fmt.Errorf("layer %s: %w", f.digest, err)
	}
	if got := hex.EncodeToString(sum.Sum(nil)); n != f.size || got != f.digest.Hex {
		return fmt.Errorf("layer %s has another content, sha256:%s: remove it from the layer store and build again", f.digest, got)
	}
	return nil
}
