package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"cuelabs.dev/go/oci/ociregistry"
	"github.com/opencontainers/go-digest"
)

const octetStream = "application/octet-stream"

// blobReader streams a blob, or a part of it, from its file.
type blobReader struct {
	io.Reader
	file       *os.File
	descriptor ociregistry.Descriptor
}

func (r *blobReader) Close() error                       { return r.file.Close() }
func (r *blobReader) Descriptor() ociregistry.Descriptor { return r.descriptor }

func (s *store) openBlob(repo string, d digest.Digest) (*os.File, ociregistry.Descriptor, error) {
	if err := errors.Join(checkName(repo), checkDigest(d)); err != nil {
		return nil, ociregistry.Descriptor{}, err
	}
	f, err := s.root.Open(blobPath(d))
	if errors.Is(err, os.ErrNotExist) {
		return nil, ociregistry.Descriptor{}, ociregistry.ErrBlobUnknown
	}
	if err != nil {
		return nil, ociregistry.Descriptor{}, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, ociregistry.Descriptor{}, err
	}
	return f, ociregistry.Descriptor{MediaType: octetStream, Digest: d, Size: info.Size()}, nil
}

func (s *store) GetBlob(_ context.Context, repo string, d digest.Digest) (ociregistry.BlobReader, error) {
	f, desc, err := s.openBlob(repo, d)
	if err != nil {
		return nil, err
	}
	return &blobReader{Reader: f, file: f, descriptor: desc}, nil
}

func (s *store) GetBlobRange(_ context.Context, repo string, d digest.Digest, from, to int64) (ociregistry.BlobReader, error) {
	f, desc, err := s.openBlob(repo, d)
	if err != nil {
		return nil, err
	}
	if to < 0 || to > desc.Size {
		to = desc.Size
	}
	if from < 0 || from >= to {
		f.Close()
		return nil, fmt.Errorf("%w: bytes %d to %d of a blob of %d bytes", ociregistry.ErrRangeInvalid, from, to, desc.Size)
	}
	return &blobReader{Reader: io.NewSectionReader(f, from, to-from), file: f, descriptor: desc}, nil
}

func (s *store) ResolveBlob(_ context.Context, repo string, d digest.Digest) (ociregistry.Descriptor, error) {
	if err := errors.Join(checkName(repo), checkDigest(d)); err != nil {
		return ociregistry.Descriptor{}, err
	}
	info, err := s.root.Stat(blobPath(d))
	if errors.Is(err, os.ErrNotExist) {
		return ociregistry.Descriptor{}, ociregistry.ErrBlobUnknown
	}
	if err != nil {
		return ociregistry.Descriptor{}, err
	}
	return ociregistry.Descriptor{MediaType: octetStream, Digest: d, Size: info.Size()}, nil
}

// MountBlob finds the blob already in its place, since all repositories share one store.
func (s *store) MountBlob(ctx context.Context, _, to string, d digest.Digest) (ociregistry.Descriptor, error) {
	return s.ResolveBlob(ctx, to, d)
}

func (s *store) PushBlob(ctx context.Context, repo string, desc ociregistry.Descriptor, r io.Reader) (ociregistry.Descriptor, error) {
	w, err := s.PushBlobChunked(ctx, repo, 0)
	if err != nil {
		return ociregistry.Descriptor{}, err
	}
	if _, err := io.Copy(w, r); err != nil {
		return ociregistry.Descriptor{}, errors.Join(err, w.Cancel())
	}
	if desc.Size >= 0 && w.Size() != desc.Size {
		err := fmt.Errorf("%w: %d bytes announced, %d received", ociregistry.ErrSizeInvalid, desc.Size, w.Size())
		return ociregistry.Descriptor{}, errors.Join(err, w.Cancel())
	}
	return w.Commit(desc.Digest)
}

// DeleteBlob is refused: another repository may use the blob, and the store is not asked who does.
func (s *store) DeleteBlob(context.Context, string, digest.Digest) error {
	return fmt.Errorf("%w: blobs are shared by all repositories and are not deleted one by one", ociregistry.ErrUnsupported)
}
