package publish

import (
	"context"
	"encoding/json"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// artifact is a manifest that holds evidence.
type artifact struct {
	artifactType string // may be empty
	config       blob
	layers       []blob
	subject      *v1.Descriptor // nil for an image that only a tag finds
	annotations  map[string]string
}

// blob is a part of an artifact; without content it is in the registry already.
type blob struct {
	descriptor ocispec.Descriptor
	content    []byte
}

func newBlob(content []byte, mediaType string, annotations map[string]string) blob {
	return blob{
		descriptor: ocispec.Descriptor{
			MediaType: mediaType, Digest: digest.FromBytes(content), Size: int64(len(content)), Annotations: annotations,
		},
		content: content,
	}
}

// emptyConfig is the configuration of an artifact that needs none, OCI image specification 1.1, "Guidance for an Empty Descriptor".
func emptyConfig() blob {
	return newBlob(ocispec.DescriptorEmptyJSON.Data, ocispec.MediaTypeEmptyJSON, nil)
}

// imageConfig is the configuration of an image with these layers, for readers that know evidence only as an image.
func imageConfig(layers []blob) blob {
	config := ocispec.Image{RootFS: ocispec.RootFS{Type: "layers"}}
	for _, l := range layers {
		config.RootFS.DiffIDs = append(config.RootFS.DiffIDs, l.descriptor.Digest)
		config.History = append(config.History, ocispec.History{})
	}
	text, err := json.Marshal(config)
	if err != nil {
		panic(err) // digests only
	}
	return newBlob(text, ocispec.MediaTypeImageConfig, nil)
}

// manifest is an encoded manifest, which package remote can put.
type manifest []byte

func (m manifest) RawManifest() ([]byte, error)        { return m, nil }
func (m manifest) MediaType() (types.MediaType, error) { return types.OCIManifestSchema1, nil }

func (a artifact) encode() (manifest, error) {
	m := ocispec.Manifest{
		Versioned:    specs.Versioned{SchemaVersion: 2},
		MediaType:    ocispec.MediaTypeImageManifest,
		ArtifactType: a.artifactType,
		Config:       a.config.descriptor,
		Annotations:  a.annotations,
	}
	for _, l := range a.layers {
		m.Layers = append(m.Layers, l.descriptor)
	}
	if a.subject != nil {
		m.Subject = &ocispec.Descriptor{
			MediaType: string(a.subject.MediaType), Digest: digest.Digest(a.subject.Digest.String()), Size: a.subject.Size,
		}
	}
	return json.Marshal(m)
}

// putArtifact pushes the blobs and then the manifest, under a tag or, if that is empty, by its digest alone. A registry without the referrers
// API gets its list of referrers from package remote.
func (p *publisher) putArtifact(ctx context.Context, tag string, a artifact) error {
	for _, b := range append([]blob{a.config}, a.layers...) {
		if b.content == nil {
			continue
		}
		if err := p.upload(ctx, static.NewLayer(b.content, types.MediaType(b.descriptor.MediaType))); err != nil {
			return err
		}
	}
	encoded, err := a.encode()
	if err != nil {
		return err
	}
	var ref name.Reference = p.repository.Tag(tag)
	if tag == "" {
		ref = p.repository.Digest(digest.FromBytes(encoded).String())
	}
	return p.put(ctx, ref, encoded)
}
