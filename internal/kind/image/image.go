// Package image is the ecosystem of container entries: images that others built and published.
//
// Nothing is rebuilt and nothing is signed anew. What a tag stands for is resolved once and pinned by digest; from then on every byte is read
// by its digest, checked against it and against the diff IDs of the image's configuration, and looked into but not run here.
package image

import (
	"net/http"

	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/fetch"
	"github.com/slipway-dev/slipway/internal/keyless"
	"github.com/slipway-dev/slipway/internal/kind"
)

// LockFile is the name of the lock beside an entry: what the tag stood for when it was locked.
const LockFile = "image.lock.json"

// Options is what the ecosystem may use of the machine and of the catalog.
type Options struct {
	Transport http.RoundTripper // to registries
	Keychain  authn.Keychain    // credentials for them, by repository
	// Platforms are the catalog's, such as linux/amd64. Only Lock needs them.
	Platforms []string
	// Trust returns whom signatures are trusted from. It is asked only if an entry says who must have signed.
	Trust keyless.Trust
	// Version of Slipway, which the findings carry.
	Version string
}

// Ecosystem is a kind.Complete for container entries. It may be used by many goroutines at once.
type Ecosystem struct {
	cache *fetch.Cache
	Options
}

var _ kind.Complete = (*Ecosystem)(nil)

// New returns the ecosystem over a download cache.
func New(cache *fetch.Cache, options Options) *Ecosystem {
	return &Ecosystem{cache: cache, Options: options}
}

// LockFiles returns the lock's name.
func (*Ecosystem) LockFiles() []string { return []string{LockFile} }

// Folder says that tools.json must be there as soon as there is a digest to run.
func (*Ecosystem) Folder(e entry.Entry) kind.Folder {
	return kind.Folder{Observed: e.Pinned()}
}
