package registry

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"sync"

	"cuelabs.dev/go/oci/ociregistry"
	"cuelabs.dev/go/oci/ociregistry/ociref"
	"github.com/opencontainers/go-digest"

	"github.com/slipway-dev/slipway/internal/bounded"
)

const (
	blobFolder       = "blobs/sha256"
	repositoryFolder = "repositories"
	uploadFolder     = "uploads"

	maxManifest = 4 << 20 // the size that the specification asks every registry to take at least
	maxBlob     = 8 << 30
	maxName     = 255
)

// store is the registry's folder as the protocol library sees it.
type store struct {
	*ociregistry.Funcs // the rest of the interface: nothing is left to it but its private method
	root               *os.Root
	session            *session

	mu      sync.Mutex
	uploads map[string]*upload
	turn    uint64
}

var _ ociregistry.Interface = (*store)(nil)

func blobPath(d digest.Digest) string { return path.Join(blobFolder, d.Encoded()) }

func manifestsPath(repo string) string { return path.Join(repositoryFolder, repo, "_manifests") }

func manifestPath(repo string, d digest.Digest) string {
	return path.Join(manifestsPath(repo), d.Encoded())
}

func tagsPath(repo string) string { return path.Join(repositoryFolder, repo, "_tags") }

func tagPath(repo, tag string) string { return path.Join(tagsPath(repo), tag) }

func referrersPath(repo string, subject digest.Digest) string {
	return path.Join(repositoryFolder, repo, "_referrers", subject.Encoded())
}

func checkName(repo string) error {
	if len(repo) > maxName || !ociref.IsValidRepository(repo) {
		return fmt.Errorf("%w: %.*q", ociregistry.ErrNameInvalid, maxName, repo)
	}
	return nil
}

// checkDigest allows SHA-256 only: it is what all known clients use, and one algorithm gives every blob one name.
func checkDigest(d digest.Digest) error {
	if err := d.Validate(); err != nil {
		return fmt.Errorf("%w: %.200q", ociregistry.ErrDigestInvalid, d)
	}
	if d.Algorithm() != digest.SHA256 {
		return fmt.Errorf("%w: digest algorithm %s, use sha256", ociregistry.ErrUnsupported, d.Algorithm())
	}
	return nil
}

// place writes a small file so that it is seen complete, on the disk, or not at all.
func (s *store) place(name string, content []byte) error {
	if known, err := s.read(name, int64(len(content))); err == nil && bytes.Equal(known, content) {
		return nil // which spares waiting for the disk
	}
	temporary := path.Join(s.session.folder, rand.Text())
	f, err := s.root.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = s.rename(temporary, name)
	}
	if err != nil {
		return errors.Join(err, s.root.Remove(temporary))
	}
	return nil
}

func (s *store) rename(from, to string) error {
	if err := s.root.MkdirAll(path.Dir(to), 0o755); err != nil {
		return err
	}
	return s.root.Rename(from, to)
}

// syncFolder puts the names in a folder on the disk.
func (s *store) syncFolder(name string) error {
	f, err := s.root.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// descriptor reads a file that holds one; absent is the error where there is none.
func (s *store) descriptor(name string, absent error) (ociregistry.Descriptor, error) {
	var d ociregistry.Descriptor
	content, err := s.read(name, 2*maxManifest) // annotations may grow when they are written anew
	if errors.Is(err, os.ErrNotExist) {
		return d, absent
	}
	if err != nil {
		return d, err
	}
	if err := json.Unmarshal(content, &d); err != nil {
		return d, fmt.Errorf("registry file %s is damaged, remove it and push again: %w", name, err)
	}
	if err := checkDigest(d.Digest); err != nil {
		return d, fmt.Errorf("registry file %s is damaged, remove it and push again: %w", name, err)
	}
	return d, nil
}

func (s *store) read(name string, limit int64) ([]byte, error) {
	f, err := s.root.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	content, err := bounded.Read(f, limit)
	if err != nil {
		return nil, fmt.Errorf("registry file %s: %w", name, err)
	}
	return content, nil
}

// names lists a folder in lexical order; a missing folder is empty.
func (s *store) names(folder string) ([]string, error) {
	f, err := s.root.Open(folder)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	names, err := f.Readdirnames(-1)
	slices.Sort(names)
	return names, err
}

func (s *store) exists(name string) (bool, error) {
	_, err := s.root.Stat(name)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}
