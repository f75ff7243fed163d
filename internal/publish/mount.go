package publish

import (
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// mountable is an index of whose layers a registry may have some in another repository already. Those it is asked to share (OCI distribution
// specification 1.1, "Mounting a blob from another repository"); what it does not have there, or does not share, is uploaded.
type mountable struct {
	whole

	from name.Reference
}

// whole is v1.ImageIndex by another name: it has a method of its own.
type whole = v1.ImageIndex

func (m mountable) Image(digest v1.Hash) (v1.Image, error) {
	image, err := m.whole.Image(digest)
	if err != nil {
		return nil, err
	}
	return mountableImage{image, m.from}, nil
}

type mountableImage struct {
	v1.Image

	from name.Reference
}

func (m mountableImage) Layers() ([]v1.Layer, error) {
	layers, err := m.Image.Layers()
	if err != nil {
		return nil, err
	}
	for i, layer := range layers {
		layers[i] = &remote.MountableLayer{Layer: layer, Reference: m.from}
	}
	return layers, nil
}
