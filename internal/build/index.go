package build

import (
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// buildIndex follows the OCI Image Specification 1.1, image index. It carries the entry's annotations but not those of a base, which may
// differ by platform.
func buildIndex(in Input, images []*image) (blob, error) {
	index := v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex, Annotations: annotations(facts(in.Entry, in.Namespace))}
	for _, image := range images {
		descriptor := image.manifest.descriptor(types.OCIManifestSchema1)
		descriptor.Platform = &image.platform
		index.Manifests = append(index.Manifests, descriptor)
	}
	return newBlob(index)
}
