package registry

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"cuelabs.dev/go/oci/ociregistry"
	"cuelabs.dev/go/oci/ociregistry/ocimem"
	"cuelabs.dev/go/oci/ociregistry/ociref"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Docker's names for the two documents that OCI took over.
const (
	dockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
	dockerIndex    = "application/vnd.docker.distribution.manifest.list.v2+json"
)

// manifest is what the registry must know of an image manifest or an index.
type manifest struct {
	SchemaVersion int                      `json:"schemaVersion"`
	MediaType     string                   `json:"mediaType"`
	ArtifactType  string                   `json:"artifactType"`
	Config        *ociregistry.Descriptor  `json:"config"`
	Layers        []ociregistry.Descriptor `json:"layers"`
	Manifests     []ociregistry.Descriptor `json:"manifests"`
	Subject       *ociregistry.Descriptor  `json:"subject"`
	Annotations   map[string]string        `json:"annotations"`
}

// parseManifest reads a manifest of the media type and refuses what can be read in two ways.
func parseManifest(content []byte, mediaType string) (*manifest, error) {
	var m manifest
	if err := json.Unmarshal(content, &m); err != nil {
		return nil, fmt.Errorf("%w: %w", ociregistry.ErrManifestInvalid, err)
	}
	invalid := func(format string, args ...any) (*manifest, error) {
		return nil, fmt.Errorf("%w: "+format, append([]any{ociregistry.ErrManifestInvalid}, args...)...)
	}
	if m.SchemaVersion != 2 {
		return invalid("schemaVersion is %d, not 2", m.SchemaVersion)
	}
	if m.MediaType != "" && m.MediaType != mediaType {
		return invalid("mediaType is %.200q but it was sent as %.200q", m.MediaType, mediaType)
	}
	switch mediaType {
	case ocispec.MediaTypeImageManifest, dockerManifest:
		if m.Config == nil || m.Manifests != nil {
			return invalid("an image manifest has config and layers, and no manifests")
		}
		m.ArtifactType = cmp.Or(m.ArtifactType, m.Config.MediaType)
	case ocispec.MediaTypeImageIndex, dockerIndex:
		if m.Config != nil || m.Layers != nil {
			return invalid("an index has manifests, and neither config nor layers")
		}
	default:
		return invalid("media type %.200q is neither an image manifest nor an index", mediaType)
	}
	if m.Subject != nil {
		if err := checkDigest(m.Subject.Digest); err != nil {
			return invalid("subject: %w", err)
		}
	}
	return &m, nil
}

// checkReferences looks for what the manifest names. Its subject may be missing, as the specification wants it.
func (s *store) checkReferences(repo string, m *manifest) error {
	blobs := m.Layers
	if m.Config != nil {
		blobs = append(blobs, *m.Config)
	}
	for _, desc := range blobs {
		if len(desc.URLs) > 0 {
			continue // kept elsewhere by its publisher's wish
		}
		if err := checkDigest(desc.Digest); err != nil {
			return fmt.Errorf("%w: %w", ociregistry.ErrManifestInvalid, err)
		}
		info, err := s.root.Stat(blobPath(desc.Digest))
		if errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("%w: blob %s", ociregistry.ErrManifestBlobUnknown, desc.Digest)
		}
		if err != nil {
			return err
		}
		if info.Size() != desc.Size {
			return fmt.Errorf("%w: blob %s has %d bytes, the manifest says %d", ociregistry.ErrManifestInvalid,
				desc.Digest, info.Size(), desc.Size)
		}
	}
	for _, desc := range m.Manifests {
		if err := checkDigest(desc.Digest); err != nil {
			return fmt.Errorf("%w: %w", ociregistry.ErrManifestInvalid, err)
		}
		known, err := s.exists(manifestPath(repo, desc.Digest))
		if err != nil {
			return err
		}
		if !known {
			return fmt.Errorf("%w: manifest %s", ociregistry.ErrManifestBlobUnknown, desc.Digest)
		}
	}
	return nil
}

// PushManifest writes, in this order, the content, the mark on its subject, the manifest's record and the tag. Each is complete without
// those after it, and a reader comes from the last.
func (s *store) PushManifest(_ context.Context, repo, tag string, content []byte, mediaType string) (ociregistry.Descriptor, error) {
	var none ociregistry.Descriptor
	if err := checkName(repo); err != nil {
		return none, err
	}
	if tag != "" && !ociref.IsValidTag(tag) {
		return none, fmt.Errorf("%w: invalid tag %.200q", ociregistry.ErrManifestInvalid, tag)
	}
	if len(content) > maxManifest {
		return none, fmt.Errorf("%w: a manifest can have at most %d bytes", ociregistry.ErrSizeInvalid, maxManifest)
	}
	m, err := parseManifest(content, mediaType)
	if err != nil {
		return none, err
	}
	if err := s.checkReferences(repo, m); err != nil {
		return none, err
	}
	desc := ociregistry.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(content), Size: int64(len(content))}
	record := desc
	record.ArtifactType, record.Annotations = m.ArtifactType, m.Annotations

	if err := s.place(blobPath(desc.Digest), content); err != nil {
		return none, err
	}
	if m.Subject != nil {
		if err := s.markReferrer(repo, m.Subject.Digest, desc.Digest); err != nil {
			return none, err
		}
	}
	if err := s.placeDescriptor(manifestPath(repo, desc.Digest), record); err != nil {
		return none, err
	}
	if tag != "" {
		if err := s.placeTag(repo, tag, desc); err != nil {
			return none, err
		}
	}
	return desc, nil
}

func (s *store) placeDescriptor(name string, d ociregistry.Descriptor) error {
	content, err := json.Marshal(d)
	if err != nil {
		return err
	}
	return s.place(name, content)
}

func (s *store) ResolveManifest(_ context.Context, repo string, d digest.Digest) (ociregistry.Descriptor, error) {
	if err := errors.Join(checkName(repo), checkDigest(d)); err != nil {
		return ociregistry.Descriptor{}, err
	}
	return s.descriptor(manifestPath(repo, d), ociregistry.ErrManifestUnknown)
}

func (s *store) GetManifest(ctx context.Context, repo string, d digest.Digest) (ociregistry.BlobReader, error) {
	desc, err := s.ResolveManifest(ctx, repo, d)
	if err != nil {
		return nil, err
	}
	content, err := s.read(blobPath(desc.Digest), maxManifest)
	if err != nil {
		return nil, fmt.Errorf("manifest %s: %w", d, err)
	}
	// In memory, since the protocol library does not close what it reads a manifest from.
	return ocimem.NewBytesReader(content, desc), nil
}

// DeleteManifest removes the manifest from the repository, with the tags that name it. Its content stays among the blobs.
func (s *store) DeleteManifest(ctx context.Context, repo string, d digest.Digest) error {
	reader, err := s.GetManifest(ctx, repo, d)
	if err != nil {
		return err
	}
	defer reader.Close()
	var m manifest
	if err := json.NewDecoder(reader).Decode(&m); err != nil {
		return fmt.Errorf("manifest %s: %w", d, err)
	}
	if err := s.deleteTagsOf(ctx, repo, d); err != nil {
		return err
	}
	if err := s.remove(manifestPath(repo, d)); err != nil || m.Subject == nil {
		return err
	}
	return s.unmarkReferrer(repo, m.Subject.Digest, d)
}

// remove removes a file that another process may have removed already.
func (s *store) remove(name string) error {
	if err := s.root.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
