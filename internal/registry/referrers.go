package registry

import (
	"context"
	"errors"
	"iter"
	"os"
	"path"

	"cuelabs.dev/go/oci/ociregistry"
	"github.com/opencontainers/go-digest"
)

// markReferrer notes that a manifest has a subject. The mark is made before the manifest's own record and says nothing without it, so that
// a crash between the two lists nothing that is not there.
func (s *store) markReferrer(repo string, subject, referrer digest.Digest) error {
	folder := referrersPath(repo, subject)
	if err := s.root.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	f, err := s.root.OpenFile(path.Join(folder, referrer.Encoded()), os.O_WRONLY|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	return f.Close()
}

func (s *store) unmarkReferrer(repo string, subject, referrer digest.Digest) error {
	return s.remove(path.Join(referrersPath(repo, subject), referrer.Encoded()))
}

// Referrers lists the manifests that have the digest as their subject, ordered by digest. It is empty, not an error, for what the
// registry does not know: OCI Distribution Specification, listing referrers.
func (s *store) Referrers(ctx context.Context, repo string, subject digest.Digest, artifactType string,
) iter.Seq2[ociregistry.Descriptor, error] {
	return func(yield func(ociregistry.Descriptor, error) bool) {
		if err := errors.Join(checkName(repo), checkDigest(subject)); err != nil {
			yield(ociregistry.Descriptor{}, err)
			return
		}
		marks, err := s.names(referrersPath(repo, subject))
		if err != nil {
			yield(ociregistry.Descriptor{}, err)
			return
		}
		for _, mark := range marks {
			desc, err := s.ResolveManifest(ctx, repo, digest.NewDigestFromEncoded(digest.SHA256, mark))
			if errors.Is(err, ociregistry.ErrManifestUnknown) || err == nil && artifactType != "" && desc.ArtifactType != artifactType {
				continue
			}
			if !yield(desc, err) || err != nil {
				return
			}
		}
	}
}
