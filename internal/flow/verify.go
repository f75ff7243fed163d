package flow

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/slipway-dev/slipway/internal/attest"
	"github.com/slipway-dev/slipway/internal/catalog"
	"github.com/slipway-dev/slipway/internal/record"
	"github.com/slipway-dev/slipway/internal/registry"
	"github.com/slipway-dev/slipway/internal/sign"
	"github.com/slipway-dev/slipway/internal/verify"
)

// predicates are the statements that every release has about each of its subjects.
var predicates = []string{attest.SPDXType, attest.ProvenanceType, attest.SCAIType}

// Verify checks what ref stands for against the public key in keyFile, or the line's own if that is empty, and against what the catalog
// promises if ref is one of its entries, whose identifier is returned then.
func (l *Line) Verify(ctx context.Context, ref, keyFile string) (report *verify.Report, entry string, err error) {
	item, promised, err := l.promised(ref)
	if err != nil {
		return nil, "", err
	}
	if keyFile == "" {
		keyFile = filepath.Join(l.KeyDir(), sign.PublicFile)
	}
	text, err := os.ReadFile(keyFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, "", fmt.Errorf("the public key to verify with: %w; a release makes one, or name the publisher's with --key", err)
	}
	if err != nil {
		return nil, "", fmt.Errorf("the public key to verify with: %w", err)
	}
	policy := verify.Policy{Predicates: predicates, Forms: []verify.Form{verify.Tag, verify.Referrer}, Layers: true}
	if policy.Key, err = sign.ParsePublicKey(text); err != nil {
		return nil, "", fmt.Errorf("%s: %w", keyFile, err)
	}
	if promised {
		entry = item.Entry.ID()
		if policy.Label, policy.Name, err = l.label(item); err != nil {
			return nil, "", err
		}
		switch r, err := record.Read(l.files(item)); {
		case err == nil:
			policy.Digest = r.Digest
			for _, p := range r.Platforms {
				policy.Platforms = append(policy.Platforms, verify.Platform{Name: p.Platform, Digest: p.Digest})
			}
		case !errors.Is(err, fs.ErrNotExist):
			return nil, "", fmt.Errorf("%s/%w", item.Dir, err)
		}
	}
	foreign := promised && item.Entry.Image != nil
	access := verify.Access{Transport: remote.DefaultTransport, Keychain: l.keychain}
	if strings.HasPrefix(ref, embeddedHost+"/") || foreign {
		embedded, err := l.EmbeddedRegistry()
		if err != nil {
			return nil, "", err
		}
		access.Transport = registry.Transport(embeddedHost, embedded.Handler(), remote.DefaultTransport)
	}
	if foreign {
		report, err = l.verifyForeign(ctx, item, ref, policy, access)
	} else {
		report, err = verify.Verify(ctx, ref, policy, access)
	}
	return report, entry, err
}

// promised returns the item whose repository ref names: in the embedded registry, in the one that the line publishes to, in the one that the
// catalog says, or upstream's.
func (l *Line) promised(ref string) (catalog.Item, bool, error) {
	repository, _, err := split(ref)
	if err != nil {
		return catalog.Item{}, false, err
	}
	for _, item := range l.Catalog.Items {
		published := l.Catalog.Settings.Images + "/" + item.Entry.ID()
		upstream := item.Entry.Image != nil && repository == nameOf(item.Entry.Image.Name)
		if repository == l.Repository(item) || repository == published || upstream {
			return item, true, nil
		}
	}
	return catalog.Item{}, false, nil
}

// split returns the repository that a reference names, in full, and the digest if it has one.
func split(ref string) (repository, digest string, err error) {
	parsed, err := name.ParseReference(ref)
	if err != nil {
		return "", "", fmt.Errorf("%s is no reference of an image: %w", ref, err)
	}
	if d, ok := parsed.(name.Digest); ok {
		digest = d.DigestStr()
	}
	return parsed.Context().Name(), digest, nil
}

// nameOf writes a repository in full, as references are compared: some hosts have two names.
func nameOf(repository string) string {
	parsed, err := name.NewRepository(repository)
	if err != nil {
		return repository
	}
	return parsed.Name()
}
