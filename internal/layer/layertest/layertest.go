// Package layertest checks layers in tests. It stands in for the "validate" package of go-containerregistry, which takes every layer for gzip.
package layertest

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"github.com/google/go-containerregistry/pkg/v1"
)

// Check reads a layer through, compressed and uncompressed, and says where its digest, its size or its DiffID is wrong.
func Check(layer v1.Layer) error {
	digest, err := layer.Digest()
	if err != nil {
		return err
	}
	diffID, err := layer.DiffID()
	if err != nil {
		return err
	}
	size, err := layer.Size()
	if err != nil {
		return err
	}
	compressed, packed, err := hash(layer.Compressed)
	if err != nil {
		return fmt.Errorf("layer %s: %w", digest, err)
	}
	plain, _, err := hash(layer.Uncompressed)
	if err != nil {
		return fmt.Errorf("layer %s, uncompressed: %w", digest, err)
	}
	var wrong []error
	if compressed != digest.Hex || packed != size {
		wrong = append(wrong, fmt.Errorf("layer %s of %d bytes holds %d bytes with the hash %s", digest, size, packed, compressed))
	}
	if plain != diffID.Hex {
		wrong = append(wrong, fmt.Errorf("layer %s has the DiffID %s, but its content has the hash %s", digest, diffID, plain))
	}
	return errors.Join(wrong...)
}

func hash(open func() (io.ReadCloser, error)) (sum string, size int64, err error) {
	r, err := open()
	if err != nil {
		return "", 0, err
	}
	defer r.Close()
	h := sha256.New()
	size, err = io.Copy(h, r)
	return hex.EncodeToString(h.Sum(nil)), size, err
}

// CheckIndex checks the layers of all images of an index, and that each image's configuration names them.
func CheckIndex(index v1.ImageIndex) error {
	manifest, err := index.IndexManifest()
	if err != nil {
		return err
	}
	var wrong []error
	for _, d := range manifest.Manifests {
		image, err := index.Image(d.Digest)
		if err != nil {
			return err
		}
		config, err := image.ConfigFile()
		if err != nil {
			return err
		}
		layers, err := image.Layers()
		if err != nil {
			return err
		}
		if len(layers) != len(config.RootFS.DiffIDs) {
			wrong = append(wrong, fmt.Errorf("image %s has %d layers and %d DiffIDs", d.Digest, len(layers), len(config.RootFS.DiffIDs)))
		}
		for _, layer := range layers {
			wrong = append(wrong, Check(layer))
		}
	}
	return errors.Join(wrong...)
}
