package flow

import (
	"context"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/slipway-dev/slipway/internal/attest"
	"github.com/slipway-dev/slipway/internal/catalog"
	"github.com/slipway-dev/slipway/internal/publish"
	"github.com/slipway-dev/slipway/internal/sign"
	"github.com/slipway-dev/slipway/internal/verify"
)

// alone reports whether upstream published a single image without an index.
func (b *Built) alone() bool {
	return b.Foreign() && len(b.Platforms) == 1 && b.Platforms[0].Digest == b.Digest
}

// subjectName is what statements call an item's artifact: where it is published, by us or by others.
func (l *Line) subjectName(item catalog.Item, b *Built) string {
	if b.Foreign() {
		return item.Entry.Image.Name
	}
	return l.Repository(item)
}

// reference is where what was published is found, empty if nothing was.
func (r *Released) reference() string {
	if r.Published == nil {
		return ""
	}
	return r.Published.Reference
}

// attest publishes what was found out about an artifact of others, in the item's own repository.
func (l *Line) attest(
	ctx context.Context, item catalog.Item, b *Built, key *sign.Key, statements []attest.Statement, access verify.Access,
) (*publish.Result, error) {
	subjects := []v1.Descriptor{b.artifact.Upstream}
	if !b.alone() {
		index, err := b.artifact.Index.IndexManifest()
		if err != nil {
			return nil, fmt.Errorf("the images of %s: %w", item.Entry.ID(), err)
		}
		for _, image := range index.Manifests {
			subjects = append(subjects, v1.Descriptor{MediaType: image.MediaType, Digest: image.Digest, Size: image.Size})
		}
	}
	return publish.Attest(ctx, publish.Attestation{
		Subjects: subjects, Repository: l.Repository(item), Key: key, Statements: statements, Now: l.Now(), Access: access,
	})
}

// verifyForeign checks what ref stands for, an image of others by their name or by that of the repository with our evidence.
func (l *Line) verifyForeign(ctx context.Context, item catalog.Item, ref string, policy verify.Policy, access verify.Access) (*verify.Report, error) {
	if policy.Digest == "" {
		return nil, fmt.Errorf("%s was never released, so the catalog promises nothing about it: run 'catalogctl release %s'", item.Entry.ID(), item.Entry.Name)
	}
	policy.Predicates = []string{attest.SPDXType, attest.SCAIType}
	repository, digest, err := split(ref)
	if err != nil {
		return nil, err
	}
	evidence, upstream := repository, ref
	if repository == nameOf(item.Entry.Image.Name) {
		evidence = l.Repository(item)
	} else {
		if digest == "" {
			digest = policy.Digest
		}
		upstream = item.Entry.Image.Name + "@" + digest
	}
	return verify.Foreign(ctx, upstream, evidence, policy, access)
}
