package keyless

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/tuf"

	"github.com/slipway-dev/slipway/internal/bounded"
)

// maxRoot bounds a trust root, in bytes.
const maxRoot = 4 << 20

// Trust returns the authorities and logs that are trusted.
type Trust func(context.Context) (root.TrustedMaterial, error)

// File is the trust root in a trusted_root.json, such as that of an organisation's own Sigstore.
func File(path string) Trust {
	return func(context.Context) (root.TrustedMaterial, error) {
		text, err := bounded.File(os.DirFS(filepath.Dir(path)), filepath.Base(path), maxRoot)
		if err != nil {
			return nil, fmt.Errorf("the trust root: %w", err)
		}
		trusted, err := root.NewTrustedRootFromJSON(text)
		if err != nil {
			return nil, fmt.Errorf("the trust root %s: want a trusted_root.json: %w", path, err)
		}
		return trusted, nil
	}
}

// Public is the trust root of Sigstore's public instance, kept up to date in the folder dir by The Update Framework.
func Public(dir string) Trust {
	return func(ctx context.Context) (root.TrustedMaterial, error) {
		type outcome struct {
			trusted *root.TrustedRoot
			err     error
		}
		// The library knows no context: where it waits for a server, this does not wait for it.
		done := make(chan outcome, 1)
		go func() {
			trusted, err := root.FetchTrustedRootWithOptions(tuf.DefaultOptions().WithCachePath(dir))
			done <- outcome{trusted, err}
		}()
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case o := <-done:
			if o.err != nil {
				return nil, fmt.Errorf("the trust root of Sigstore's public instance cannot be had; give a trusted_root.json with --trusted-root "+
					"if this machine cannot reach it: %w", o.err)
			}
			return o.trusted, nil
		}
	}
}
