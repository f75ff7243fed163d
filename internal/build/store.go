package build

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/slipway-dev/slipway/internal/entry"
)

// Store writes the layout of an artifact that an ecosystem made as a whole, below dir, unless an intact one is there already. Every manifest of
// its index must be that of a platform.
func Store(ctx context.Context, e entry.Entry, index v1.ImageIndex, dir string) (*Result, error) {
	digest, err := index.Digest()
	if err != nil {
		return nil, err
	}
	content, err := index.RawManifest()
	if err != nil {
		return nil, err
	}
	images, err := imagesOf(index, nil)
	if err != nil {
		return nil, err
	}
	result := &Result{Path: filepath.Join(dir, string(e.Kind), e.Name), Tag: Tag(e), Digest: digest}
	for _, image := range images {
		result.Platforms = append(result.Platforms, Image{Platform: image.platform, Digest: image.manifest.digest, Size: image.size()})
	}
	files, err := layoutFiles(result.Tag, blob{content: content, digest: digest}, images)
	if err != nil {
		return nil, err
	}
	if result.Unchanged, err = writeLayout(ctx, result.Path, files); err != nil {
		return nil, fmt.Errorf("write the layout of %s: %w", e.ID(), err)
	}
	return result, nil
}

// Describe says what somebody else's artifact holds for the platforms, of which at least one must be there. Digest is what it is known by; nothing is
// written, so the result has neither path nor tag.
func Describe(digest v1.Hash, index v1.ImageIndex, platforms []string) (*Result, error) {
	images, err := imagesOf(index, platforms)
	if err != nil {
		return nil, err
	}
	if len(images) == 0 {
		return nil, fmt.Errorf("%s has an image for none of %v", digest, platforms)
	}
	result := &Result{Digest: digest}
	for _, image := range images {
		result.Platforms = append(result.Platforms, Image{Platform: image.platform, Digest: image.manifest.digest, Size: image.size()})
	}
	return result, nil
}

// imagesOf reads the images of an index that are for one of the platforms, or all of them if none is named.
func imagesOf(index v1.ImageIndex, platforms []string) ([]*image, error) {
	manifest, err := index.IndexManifest()
	if err != nil {
		return nil, err
	}
	if len(manifest.Manifests) > maxPlatforms {
		return nil, fmt.Errorf("the index has more than %d manifests", maxPlatforms)
	}
	var images []*image
	for _, d := range manifest.Manifests {
		if platforms != nil && (d.Platform == nil || !slices.ContainsFunc(platforms, func(p string) bool { return satisfies(*d.Platform, p) })) {
			continue
		}
		if d.Platform == nil || !d.MediaType.IsImage() {
			return nil, fmt.Errorf("%s in the index is not the image manifest of a platform", d.Digest)
		}
		content, err := index.Image(d.Digest)
		if err != nil {
			return nil, err
		}
		image, err := read(content, *d.Platform)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", d.Platform, err)
		}
		if image.manifest.digest != d.Digest {
			return nil, fmt.Errorf("%s: the manifest has the digest %s, and the index says %s", d.Platform, image.manifest.digest, d.Digest)
		}
		images = append(images, image)
	}
	return images, nil
}

// satisfies reports whether an image for a platform runs on the wanted one, such as linux/amd64.
func satisfies(platform v1.Platform, wanted string) bool {
	want, err := v1.ParsePlatform(wanted)
	return err == nil && platform.Satisfies(*want)
}

func read(content v1.Image, platform v1.Platform) (*image, error) {
	manifest, err := content.Manifest()
	if err != nil {
		return nil, err
	}
	if len(manifest.Layers) > maxLayers {
		return nil, fmt.Errorf("the image has more than %d layers", maxLayers)
	}
	built := &image{platform: platform, descriptors: manifest.Layers}
	if built.manifest, err = rawBlob(content.RawManifest); err != nil {
		return nil, err
	}
	if built.config, err = rawBlob(content.RawConfigFile); err != nil {
		return nil, err
	}
	if built.config.digest != manifest.Config.Digest {
		return nil, errors.New("the configuration is not the one that the manifest names")
	}
	built.layers, err = content.Layers()
	return built, err
}

// rawBlob takes a document with the bytes that it has.
func rawBlob(raw func() ([]byte, error)) (blob, error) {
	content, err := raw()
	if err != nil {
		return blob{}, err
	}
	digest, _, err := v1.SHA256(bytes.NewReader(content))
	return blob{content: content, digest: digest}, err
}
