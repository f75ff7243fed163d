package registry

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"os"
	"path"

	"cuelabs.dev/go/oci/ociregistry"
	"github.com/opencontainers/go-digest"
)

const (
	// maxUploads bounds the uploads that clients began and left; past it the one left longest is dropped.
	maxUploads = 1024
	chunkSize  = 1 << 20
)

// upload is a blob that is not complete. It lives as long as its process: clients of a killed one start again.
type upload struct {
	repo string
	name string // of its file
	hash hash.Hash
	size int64
	turn uint64 // when it was last used, counted in uses
	busy bool   // a request is writing
}

// uploadWriter is one request's hold on an upload.
type uploadWriter struct {
	store  *store
	id     string
	upload *upload
	file   *os.File
	offset int64 // where the first write must begin; negative: anywhere
	size   int64 // as of this request
	closed bool
}

func (s *store) PushBlobChunked(_ context.Context, repo string, _ int) (ociregistry.BlobWriter, error) {
	if err := checkName(repo); err != nil {
		return nil, err
	}
	id := rand.Text()
	u := &upload{repo: repo, name: path.Join(s.session.Path, id), hash: sha256.New(), busy: true}
	f, err := s.root.OpenFile(u.name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.turn++
	u.turn = s.turn
	s.uploads[id] = u
	left := s.dropLeft()
	s.mu.Unlock()
	if left != nil {
		if err := s.root.Remove(left.name); err != nil {
			return nil, errors.Join(err, f.Close())
		}
	}
	return &uploadWriter{store: s, id: id, upload: u, file: f, offset: -1}, nil
}

// dropLeft forgets the upload that was left longest if there are too many, and returns it.
func (s *store) dropLeft() *upload {
	if len(s.uploads) <= maxUploads {
		return nil
	}
	var oldest string
	for id, u := range s.uploads {
		if !u.busy && (oldest == "" || u.turn < s.uploads[oldest].turn) {
			oldest = id
		}
	}
	left := s.uploads[oldest]
	delete(s.uploads, oldest)
	return left
}

func (s *store) PushBlobChunkedResume(_ context.Context, repo, id string, offset int64, _ int) (ociregistry.BlobWriter, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.uploads[id]
	switch {
	case u == nil || u.repo != repo:
		return nil, ociregistry.ErrBlobUploadUnknown
	case u.busy:
		return nil, fmt.Errorf("%w: another request is writing to it", ociregistry.ErrBlobUploadInvalid)
	case offset > 0 && offset != u.size:
		return nil, fmt.Errorf("%w: the chunk begins at %d, the upload has %d bytes", ociregistry.ErrRangeInvalid, offset, u.size)
	}
	f, err := s.root.OpenFile(u.name, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return nil, err
	}
	s.turn++
	u.turn, u.busy = s.turn, true
	return &uploadWriter{store: s, id: id, upload: u, file: f, offset: offset, size: u.size}, nil
}

func (w *uploadWriter) Write(p []byte) (int, error) {
	u := w.upload
	// The protocol library says zero both for a first chunk and for a closing request without any content.
	if w.offset >= 0 && w.offset != u.size {
		return 0, fmt.Errorf("%w: the chunk begins at %d, the upload has %d bytes", ociregistry.ErrRangeInvalid, w.offset, u.size)
	}
	w.offset = -1
	if int64(len(p)) > maxBlob-u.size {
		return 0, fmt.Errorf("%w: a blob can have at most %d bytes", ociregistry.ErrSizeInvalid, int64(maxBlob))
	}
	n, err := w.file.Write(p)
	u.hash.Write(p[:n])
	u.size += int64(n)
	w.size = u.size
	return n, err
}

// Commit puts the content under its digest's name, if it has that digest; if not, the upload is lost.
func (w *uploadWriter) Commit(d digest.Digest) (ociregistry.Descriptor, error) {
	u := w.upload
	err := checkDigest(d)
	if err == nil {
		if got := digest.NewDigest(digest.SHA256, u.hash); got != d {
			err = fmt.Errorf("%w: announced %s, received %s", ociregistry.ErrDigestInvalid, d, got)
		}
	}
	if err != nil {
		return ociregistry.Descriptor{}, errors.Join(err, w.Cancel())
	}
	desc := ociregistry.Descriptor{MediaType: octetStream, Digest: d, Size: u.size}
	// A file of another size is what a power failure left, and is replaced.
	if info, err := w.store.root.Stat(blobPath(d)); err == nil && info.Size() == u.size {
		return desc, w.Cancel()
	}
	err = w.file.Sync()
	if err == nil {
		err = w.store.rename(u.name, blobPath(d))
	}
	if err != nil {
		return ociregistry.Descriptor{}, errors.Join(err, w.Cancel())
	}
	w.store.forget(w.id)
	return desc, w.Close()
}

// Cancel drops the upload. After Commit or Close it does nothing.
func (w *uploadWriter) Cancel() error {
	if w.closed {
		return nil
	}
	w.store.forget(w.id)
	return errors.Join(w.Close(), w.store.root.Remove(w.upload.name))
}

func (w *uploadWriter) Close() error {
	if w.closed {
		return nil
	}
	w.closed = true
	err := w.file.Close()
	w.store.mu.Lock()
	w.upload.busy = false
	w.store.mu.Unlock()
	return err
}

func (w *uploadWriter) Size() int64    { return w.size }
func (w *uploadWriter) ChunkSize() int { return chunkSize }
func (w *uploadWriter) ID() string     { return w.id }

func (s *store) forget(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.uploads, id)
}
