package verify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"
)

// Foreign resolves ref, an image that somebody else published, once and checks that it is the one that the policy promises, and that the
// repository evidence has what the policy asks for about it. What is not asked: a signature of its digest, which upstream alone can make; its
// name, which is upstream's; and that it holds no other platforms. An error means, as with [Verify], that the answer is unknown.
func Foreign(ctx context.Context, ref, evidence string, policy Policy, access Access) (*Report, error) {
	if policy.Key == nil || policy.Digest == "" {
		return nil, errors.New("verify: a public key and the digest that the catalog recorded are needed to verify an image of somebody else's")
	}
	parsed, err := name.ParseReference(ref, name.StrictValidation)
	if err != nil {
		return nil, fmt.Errorf("verify: %w", err)
	}
	repo, err := Open(ctx, parsed.Context(), access)
	if err != nil {
		return nil, err
	}
	v := verifier{policy: policy, repo: repo}
	r := &Report{Reference: ref}
	top, err := repo.Manifest(ctx, parsed)
	if unknown(err) {
		return nil, fmt.Errorf("verify %s: %w", ref, err)
	}
	if err != nil {
		r.Checks = append(r.Checks, present(subject{Platform: Platform{"index", policy.Digest}}, "manifest", err))
		return r, nil
	}
	r.Digest = top.Digest.String()
	r.add("index", r.Digest, "digest", equal(r.Digest, policy.Digest))
	digests := []string{r.Digest}
	for _, p := range policy.Platforms {
		checks, err := v.foreign(ctx, top, p)
		if err != nil {
			return nil, fmt.Errorf("verify %s: %w", ref, err)
		}
		r.Checks = append(r.Checks, checks...)
		if !slices.Contains(digests, p.Digest) {
			digests = append(digests, p.Digest)
		}
	}
	about, err := Evidenced(ctx, evidence, digests, policy, access)
	if err != nil {
		return nil, err
	}
	r.Checks = append(r.Checks, about.Checks...)
	return r, nil
}

// foreign checks that upstream has a platform's image, in its index or as the only one.
func (v verifier) foreign(ctx context.Context, top *Manifest, p Platform) ([]Check, error) {
	index, err := foreignDocument(top.Raw)
	if err != nil {
		return []Check{check(p.Name, p.Digest, "platform", err)}, nil
	}
	holds := top.Digest.String() == p.Digest || slices.ContainsFunc(index.Manifests, func(d ocispec.Descriptor) bool { return d.Digest.String() == p.Digest })
	if !holds {
		return []Check{{Subject: p.Name, Digest: p.Digest, Name: "platform", State: NotPresent, Detail: "what the reference stands for does not hold this image"}}, nil
	}
	checks := []Check{check(p.Name, p.Digest, "platform", nil)}
	about := subject{Platform: p}
	m, err := v.repo.Manifest(ctx, v.repo.name.Digest(p.Digest))
	if unknown(err) {
		return nil, err
	}
	if err == nil {
		var image *foreignManifest
		if image, err = foreignDocument(m.Raw); err == nil {
			err = v.content(ctx, &ocispec.Manifest{Config: image.Config, Layers: image.Layers})
		}
	}
	if unknown(err) {
		return nil, err
	}
	return append(checks, present(about, "layers", err)), nil
}

// foreignManifest is an index or an image manifest, of OCI or of Docker.
type foreignManifest struct {
	Manifests []ocispec.Descriptor `json:"manifests"`
	Config    ocispec.Descriptor   `json:"config"`
	Layers    []ocispec.Descriptor `json:"layers"`
}

func foreignDocument(raw []byte) (*foreignManifest, error) {
	var m foreignManifest
	if err := json.Unmarshal(raw, &m); err != nil {
		return nil, &ContentError{What: "manifest", Err: err}
	}
	return &m, nil
}

// Evidenced checks what the repository holds as evidence about manifests that it need not hold itself: the policy's statements, in the policy's
// forms, and the verdict, for each digest.
func Evidenced(ctx context.Context, repository string, digests []string, policy Policy, access Access) (*Report, error) {
	if policy.Key == nil || len(policy.Predicates) == 0 || len(digests) == 0 {
		return nil, errors.New("verify: a public key, digests and the types of statements are needed; without them nothing is verified")
	}
	parsed, err := name.NewRepository(repository, name.StrictValidation)
	if err != nil {
		return nil, fmt.Errorf("verify: %w", err)
	}
	repo, err := Open(ctx, parsed, access)
	if err != nil {
		return nil, err
	}
	v := verifier{policy: policy, repo: repo}
	found := make([][]Check, len(digests))
	g, gctx := errgroup.WithContext(ctx)
	for i, digest := range digests {
		h, err := v1.NewHash(digest)
		if err != nil {
			return nil, fmt.Errorf("verify: %w", err)
		}
		g.Go(func() (err error) {
			found[i], err = v.kinds(gctx, subject{Platform{policy.name(digest), digest}, v1.Descriptor{Digest: h}}, policy.Predicates)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, fmt.Errorf("verify %s: %w", repository, err)
	}
	return &Report{Reference: repository, Digest: digests[0], Checks: slices.Concat(found...)}, nil
}

// name returns what a digest is of, for people.
func (p Policy) name(digest string) string {
	for _, platform := range p.Platforms {
		if platform.Digest == digest {
			return platform.Name
		}
	}
	return "index"
}
