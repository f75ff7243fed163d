package flow

import (
	"path/filepath"

	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/slipway-dev/slipway/internal/keyless"
	"github.com/slipway-dev/slipway/internal/kind/image"
)

// images returns how images of others are reached and judged.
func (l *Line) images() image.Options {
	o := image.Options{Transport: remote.DefaultTransport, Keychain: l.keychain, Version: l.Version}
	if l.Catalog != nil { // it is not there yet when it is asked which files belong to entries
		o.Platforms = l.Catalog.Settings.Platforms
	}
	if o.Trust = keyless.Public(filepath.Join(l.Cache, "sigstore")); l.TrustedRoot != "" {
		o.Trust = keyless.File(l.TrustedRoot)
	}
	return o
}
