package skill

import (
	"bytes"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// index is a v1.ImageIndex over bytes: its manifests and layers have a type and a title of their own, which package mutate does not set.
type index struct {
	raw    []byte
	layers map[v1.Hash]v1.Layer
	images map[v1.Hash]*image
}

func newIndex() *index { return &index{layers: map[v1.Hash]v1.Layer{}, images: map[v1.Hash]*image{}} }

// blob adds a layer.
func (i *index) blob(content []byte, mediaType, title string) ocispec.Descriptor {
	d := descriptor(content, mediaType)
	d.Annotations = map[string]string{ocispec.AnnotationTitle: title}
	i.layers[hashOf(content)] = static.NewLayer(content, types.MediaType(mediaType))
	return d
}

// image adds a manifest with its configuration.
func (i *index) image(m ocispec.Manifest, config []byte) (ocispec.Descriptor, error) {
	raw, err := encode(m)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	i.images[hashOf(raw)] = &image{raw: raw, config: config, layers: i.layers}
	return descriptor(raw, ocispec.MediaTypeImageManifest), nil
}

func descriptor(content []byte, mediaType string) ocispec.Descriptor {
	return ocispec.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(content), Size: int64(len(content))}
}

func hashOf(content []byte) v1.Hash {
	return v1.Hash{Algorithm: "sha256", Hex: digest.FromBytes(content).Encoded()}
}

func (i *index) MediaType() (types.MediaType, error) { return types.OCIImageIndex, nil }
func (i *index) Digest() (v1.Hash, error)            { return hashOf(i.raw), nil }
func (i *index) Size() (int64, error)                { return int64(len(i.raw)), nil }
func (i *index) RawManifest() ([]byte, error)        { return i.raw, nil }
func (i *index) IndexManifest() (*v1.IndexManifest, error) {
	return v1.ParseIndexManifest(bytes.NewReader(i.raw))
}

func (i *index) ImageIndex(h v1.Hash) (v1.ImageIndex, error) {
	return nil, fmt.Errorf("%s is no index of the skill", h)
}

func (i *index) Image(h v1.Hash) (v1.Image, error) {
	found, ok := i.images[h]
	if !ok {
		return nil, fmt.Errorf("%s is no manifest of the skill", h)
	}
	return partial.CompressedToImage(found)
}

// image is a partial.CompressedImageCore.
type image struct {
	raw, config []byte
	layers      map[v1.Hash]v1.Layer
}

func (i *image) MediaType() (types.MediaType, error) { return types.OCIManifestSchema1, nil }
func (i *image) RawManifest() ([]byte, error)        { return i.raw, nil }
func (i *image) RawConfigFile() ([]byte, error)      { return i.config, nil }

func (i *image) LayerByDigest(h v1.Hash) (partial.CompressedLayer, error) {
	if h == hashOf(i.config) {
		return partial.ConfigLayer(i)
	}
	found, ok := i.layers[h]
	if !ok {
		return nil, fmt.Errorf("%s is no layer of the skill", h)
	}
	return found, nil
}
