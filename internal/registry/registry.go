// Package registry is the OCI registry embedded in the command and kept in a folder.
//
// It follows the OCI Distribution Specification 1.1, with the referrers API. All repositories share one store of blobs: what was pushed
// once is known everywhere, so that a base layer is stored and sent once. Every file appears under its final name by a rename, complete;
// a process killed at any moment leaves nothing half-written in sight, and several processes may use one folder at a time.
//
//	blobs/sha256/<hex>                              layers, configurations and manifests
//	repositories/<name>/_manifests/<hex>            descriptor of a manifest of the repository
//	repositories/<name>/_tags/<tag>                 descriptor of the manifest that a tag names
//	repositories/<name>/_referrers/<hex>/<hex>      mark: the second manifest has the first as its subject
//	uploads/<session>/                              files being written by one process
//
// The underscores keep these folders apart from repositories, whose names cannot hold one at their start.
package registry

import (
	"fmt"
	"net/http"
	"os"

	"cuelabs.dev/go/oci/ociregistry/ociserver"

	"github.com/slipway-dev/slipway/internal/scratch"
)

// Host is the name under which the embedded registry is reached when no other is configured.
const Host = "localhost:7547"

// Registry is an OCI registry kept in a folder. It is safe for concurrent use.
type Registry struct {
	store *store
}

// New opens the registry in dir, made where it is missing, and removes what killed processes left there half-written.
func New(dir string) (*Registry, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make the registry's folder: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open the registry's folder: %w", err)
	}
	s := &store{root: root, uploads: map[string]*upload{}}
	for _, folder := range []string{blobFolder, repositoryFolder, uploadFolder} {
		if err := root.MkdirAll(folder, 0o755); err != nil {
			return nil, fmt.Errorf("make the registry's folder: %w", err)
		}
	}
	if s.session, err = scratch.Open(root, uploadFolder); err != nil {
		return nil, fmt.Errorf("open the registry %s: %w", dir, err)
	}
	return &Registry{store: s}, nil
}

// Handler serves the registry's HTTP API.
func (r *Registry) Handler() http.Handler {
	return &handler{store: r.store, next: ociserver.New(r.store, nil)}
}
