package image

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// The media types of Docker's image manifests, version 2, schema 2, which OCI's are made after.
const (
	dockerList     = "application/vnd.docker.distribution.manifest.list.v2+json"
	dockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
	dockerConfig   = "application/vnd.docker.container.image.v1+json"
	dockerLayer    = "application/vnd.docker.image.rootfs.diff.tar.gzip"
)

const (
	maxManifests = 256     // in an index
	maxLayers    = 128     // in an image, as container engines bound them
	maxConfig    = 4 << 20 // bytes
	maxImage     = 8 << 30 // compressed bytes of all layers of one image
)

// document is an index or an image manifest.
type document struct {
	MediaType string
	Manifests []ocispec.Descriptor // of an index
	Config    ocispec.Descriptor   // of an image
	Layers    []ocispec.Descriptor
}

// isIndex reports whether the document is an index.
func (d *document) isIndex() bool { return indexType(d.MediaType) }

func indexType(mediaType string) bool {
	return mediaType == ocispec.MediaTypeImageIndex || mediaType == dockerList
}

func imageType(mediaType string) bool {
	return mediaType == ocispec.MediaTypeImageManifest || mediaType == dockerManifest
}

// parseDocument reads a manifest. What could be read both as an index and as an image is refused (OCI image specification 1.1, "Verification").
func parseDocument(raw []byte) (*document, error) {
	var d struct {
		SchemaVersion int                   `json:"schemaVersion"`
		MediaType     string                `json:"mediaType"`
		Manifests     *[]ocispec.Descriptor `json:"manifests"`
		Config        *ocispec.Descriptor   `json:"config"`
		Layers        *[]ocispec.Descriptor `json:"layers"`
		FSLayers      json.RawMessage       `json:"fsLayers"`
	}
	if err := json.Unmarshal(raw, &d); err != nil {
		return nil, fmt.Errorf("the manifest is not valid JSON: %w", err)
	}
	switch {
	case d.SchemaVersion == 1 || d.FSLayers != nil:
		return nil, errors.New("the manifest is of Docker's first schema, which binds no content to a digest: ask the publisher for an image of today")
	case d.SchemaVersion != 2:
		return nil, fmt.Errorf("the manifest has the schema version %d, want 2", d.SchemaVersion)
	case d.Manifests != nil && (d.Config != nil || d.Layers != nil):
		return nil, errors.New("the manifest is an index and an image at once, so that readers disagree on it")
	case d.Manifests != nil:
		if d.MediaType == "" {
			d.MediaType = ocispec.MediaTypeImageIndex
		}
		if !indexType(d.MediaType) {
			return nil, fmt.Errorf("the index calls itself %.100q", d.MediaType)
		}
		if len(*d.Manifests) == 0 || len(*d.Manifests) > maxManifests {
			return nil, fmt.Errorf("the index names %d manifests, want 1 to %d", len(*d.Manifests), maxManifests)
		}
		return &document{MediaType: d.MediaType, Manifests: *d.Manifests}, nil
	case d.Config != nil && d.Layers != nil:
		if d.MediaType == "" {
			d.MediaType = ocispec.MediaTypeImageManifest
		}
		if !imageType(d.MediaType) {
			return nil, fmt.Errorf("the image manifest calls itself %.100q", d.MediaType)
		}
		image := &document{MediaType: d.MediaType, Config: *d.Config, Layers: *d.Layers}
		return image, image.check()
	}
	return nil, errors.New("the manifest is neither an index nor that of an image")
}

// check refuses what is no image with layers that can be read here.
func (d *document) check() error {
	if d.Config.MediaType != ocispec.MediaTypeImageConfig && d.Config.MediaType != dockerConfig {
		return fmt.Errorf("its configuration is %.100q, so it is not an image to run", d.Config.MediaType)
	}
	if len(d.Layers) == 0 || len(d.Layers) > maxLayers {
		return fmt.Errorf("it has %d layers, want 1 to %d", len(d.Layers), maxLayers)
	}
	left := int64(maxImage)
	for n, l := range d.Layers {
		switch l.MediaType {
		case ocispec.MediaTypeImageLayer, ocispec.MediaTypeImageLayerGzip, ocispec.MediaTypeImageLayerZstd, dockerLayer:
		default:
			return fmt.Errorf("layer %d is %.100q: layers that are kept elsewhere, encrypted or of another format cannot be checked", n+1, l.MediaType)
		}
		if len(l.URLs) > 0 {
			return fmt.Errorf("layer %d names other addresses to fetch it from: only what the registry itself has is used", n+1)
		}
		if err := l.Digest.Validate(); err != nil || l.Digest.Algorithm() != digest.SHA256 {
			return fmt.Errorf("layer %d has the digest %.100q, want a SHA-256", n+1, l.Digest)
		}
		if l.Size <= 0 || l.Size > left {
			return fmt.Errorf("layer %d says to have %d bytes, and an image may have %d compressed", n+1, l.Size, int64(maxImage))
		}
		left -= l.Size
	}
	return nil
}

// find returns the index's image for a platform. An index inside the index is not followed.
func (d *document) find(platform v1.Platform) (ocispec.Descriptor, bool, error) {
	var found []ocispec.Descriptor
	for _, m := range d.Manifests {
		if m.Platform != nil && runs(*m.Platform, platform) {
			found = append(found, m)
		}
	}
	switch {
	case len(found) == 0:
		return ocispec.Descriptor{}, false, nil
	case len(found) > 1:
		return ocispec.Descriptor{}, false, fmt.Errorf("the index has %d images for %s, and each engine takes the one that it likes", len(found), platform)
	}
	one := found[0]
	switch err := one.Digest.Validate(); {
	case !imageType(one.MediaType):
		return one, false, fmt.Errorf("the index has a %.100q for %s, want the manifest of an image", one.MediaType, platform)
	case err != nil || one.Digest.Algorithm() != digest.SHA256:
		return one, false, fmt.Errorf("the index has the digest %.100q for %s, want a SHA-256", one.Digest, platform)
	case len(one.URLs) > 0:
		return one, false, fmt.Errorf("the index names other addresses for %s: only what the registry itself has is used", platform)
	}
	return one, true, nil
}

// runs reports whether an image is the one that every machine of the wanted platform takes. An image for later processors of an architecture
// is not.
func runs(image ocispec.Platform, want v1.Platform) bool {
	return image.OS == want.OS && image.Architecture == want.Architecture && usual(image.Architecture, image.Variant)
}

func usual(architecture, variant string) bool {
	return variant == "" || slices.Contains([]string{"arm64/v8", "amd64/v1"}, architecture+"/"+variant)
}

// config is what is read of an image's configuration.
type config struct {
	ocispec.Image
	diffIDs []digest.Digest
}

// parseConfig reads the configuration of an image with so many layers.
func parseConfig(raw []byte, layers int) (*config, error) {
	c := &config{}
	if err := json.Unmarshal(raw, &c.Image); err != nil {
		return nil, fmt.Errorf("the configuration is not valid JSON: %w", err)
	}
	c.diffIDs = c.RootFS.DiffIDs
	if c.RootFS.Type != "layers" || len(c.diffIDs) != layers {
		return nil, fmt.Errorf("the configuration has %d diff IDs for %d layers", len(c.diffIDs), layers)
	}
	for n, id := range c.diffIDs {
		if err := id.Validate(); err != nil || id.Algorithm() != digest.SHA256 {
			return nil, fmt.Errorf("the configuration has the diff ID %.100q for layer %d, want a SHA-256", id, n+1)
		}
	}
	return c, nil
}
