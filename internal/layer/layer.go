// Package layer writes the tar layers of images, byte for byte the same for the same files in the same order: no owner, no time, no user's
// umask and no number of processors shows in them. A Store keeps each layer under the name of its content, so that it is compressed once.
// Of anybody's layers it reads the entries.
package layer

import (
	"errors"
	"io"
	"os"

	"github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/klauspost/compress/zstd"
)

// Layer is a compressed layer in a file, of which everything is known without reading it. It is a v1.Layer.
type Layer struct {
	path           string
	digest, diffID v1.Hash
	size           int64
}

var _ v1.Layer = (*Layer)(nil)

// Path returns the file that holds the compressed layer. It must not be changed; it may be hard-linked.
func (l *Layer) Path() string { return l.path }

// Digest returns the SHA-256 of the compressed layer.
func (l *Layer) Digest() (v1.Hash, error) { return l.digest, nil }

// DiffID returns the SHA-256 of the uncompressed layer.
func (l *Layer) DiffID() (v1.Hash, error) { return l.diffID, nil }

// Size returns the compressed size in bytes.
func (l *Layer) Size() (int64, error) { return l.size, nil }

// MediaType returns that of a zstd-compressed OCI layer (OCI image specification 1.1, "Image Layer Filesystem Changeset", "+zstd Media Types").
func (l *Layer) MediaType() (types.MediaType, error) { return types.OCILayerZStd, nil }

// Compressed opens the layer's file.
func (l *Layer) Compressed() (io.ReadCloser, error) { return os.Open(l.path) }

// Uncompressed opens the tar archive inside the layer's file.
func (l *Layer) Uncompressed() (io.ReadCloser, error) {
	file, err := os.Open(l.path)
	if err != nil {
		return nil, err
	}
	plain, err := zstd.NewReader(file)
	if err != nil {
		_ = file.Close() // only read from
		return nil, err
	}
	return &zstdFile{plain.IOReadCloser(), file}, nil
}

type zstdFile struct {
	io.ReadCloser
	file *os.File
}

func (z *zstdFile) Close() error {
	return errors.Join(z.ReadCloser.Close(), z.file.Close())
}
