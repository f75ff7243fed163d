// Package verify reads a published image back from its registry and checks everything that was promised about it, trusting nothing but a
// public key: not the registry, not the transport, not the annotations.
//
// Signatures and statements are checked here rather than with sigstore-go, because with a bare key nothing of Sigstore's trust root is
// involved: no certificate, no log, no timestamp. What remains is one ECDSA signature over a DSSE or simple-signing payload.
package verify

import (
	"cmp"
	"context"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"

	"github.com/slipway-dev/slipway/internal/attest"
)

// NameLabel is the label and annotation that names the MCP server in an image.
const NameLabel = "io.modelcontextprotocol.server.name"

// Policy is what must hold. The zero value of a field asks for nothing, but for Key, which is required.
type Policy struct {
	Key *ecdsa.PublicKey
	// Digest of the index, as the catalog recorded it.
	Digest string
	// Name of the entry, as the label of every platform's image must give it.
	Name string
	// Label that gives the name; empty means [NameLabel].
	Label string
	// Platforms that must be there with these digests, and no others.
	Platforms []Platform
	// Predicates are the types of the statements that the index and each platform's manifest must have. With [attest.SCAIType] the report's
	// verdict must be a pass as well.
	Predicates []string
	// Forms in which the signature and each statement must be there; none means that any form will do.
	Forms []Form
	// Layers asks for every layer to be downloaded and hashed. Without it, layers must exist with the right size.
	Layers bool
}

// Platform is one platform's image.
type Platform struct {
	Name   string // such as "linux/amd64"
	Digest string
}

// State is the outcome of a check.
type State string

// The states of a check. What is not verified is never a pass.
const (
	Verified   State = "verified"
	NotPresent State = "not present"
	Failed     State = "failed"
)

// Check is one thing that the policy asked for.
type Check struct {
	Subject string `json:"subject"` // "index" or a platform
	Digest  string `json:"digest"`  // of the subject
	Name    string `json:"name"`    // "signature", a predicate type, "digest", ...
	Form    Form   `json:"form,omitempty"`
	State   State  `json:"state"`
	Detail  string `json:"detail,omitempty"` // why, in one sentence, if it is not verified
}

// Report is what was found.
type Report struct {
	Reference string  `json:"reference"`
	Digest    string  `json:"digest"` // what the reference stood for when it was resolved, once
	Checks    []Check `json:"checks"`
}

// OK reports whether there were checks and all are verified.
func (r *Report) OK() bool {
	return len(r.Checks) > 0 && !slices.ContainsFunc(r.Checks, func(c Check) bool { return c.State != Verified })
}

// Err returns nil if [Report.OK], and otherwise an error that names every check that is not verified.
func (r *Report) Err() error {
	if r.OK() {
		return nil
	}
	errs := []error{fmt.Errorf("%s@%s is not what it should be", r.Reference, r.Digest)}
	for _, c := range r.Checks {
		if c.State != Verified {
			errs = append(errs, fmt.Errorf("%s: %s %s: %s", c.Subject, c.Name, c.State, cmp.Or(c.Detail, "no detail")))
		}
	}
	return errors.Join(errs...)
}

// Verify resolves ref once and checks what it stands for. An error means that the answer is unknown: the reference is no reference, the
// registry cannot be reached, or it refuses. Whatever was read and is wrong is a failed check of the report instead.
func Verify(ctx context.Context, ref string, policy Policy, access Access) (*Report, error) {
	if policy.Key == nil {
		return nil, errors.New("verify: no public key is given; without one nothing can be verified")
	}
	parsed, err := name.ParseReference(ref, name.StrictValidation)
	if err != nil {
		return nil, fmt.Errorf("verify: %w", err)
	}
	repo, err := Open(ctx, parsed.Context(), access)
	if err != nil {
		return nil, err
	}
	index, err := repo.Manifest(ctx, parsed)
	var bad *ContentError
	if errors.As(err, &bad) {
		return &Report{Reference: ref, Checks: []Check{{Subject: "index", Name: "manifest", State: Failed, Detail: bad.Error()}}}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("verify %s: %w", ref, err)
	}
	r := &Report{Reference: ref, Digest: index.Digest.String()}
	v := verifier{policy: policy, repo: repo}

	if policy.Digest != "" {
		r.add("index", r.Digest, "digest", equal(r.Digest, policy.Digest))
	}
	if tag, ok := tagBesideDigest(ref); ok {
		check, err := v.tag(ctx, parsed.Context().Tag(tag), r.Digest)
		if err != nil {
			return nil, err
		}
		r.Checks = append(r.Checks, check)
	}
	subjects, err := v.platforms(index)
	r.add("index", r.Digest, "manifest", err)
	if err != nil {
		return r, nil //nolint:nilerr // it is in the report
	}
	if policy.Platforms != nil {
		r.Checks = append(r.Checks, comparePlatforms(policy.Platforms, subjects)...)
	}
	found := make([][]Check, 1+len(subjects))
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) {
		found[0], err = v.evidence(gctx, subject{Platform{"index", r.Digest}, index.Descriptor})
		return err
	})
	for i, s := range subjects {
		g.Go(func() error {
			image, err := v.image(gctx, s)
			if err != nil {
				return err
			}
			evidence, err := v.evidence(gctx, s)
			found[1+i] = append(image, evidence...)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, fmt.Errorf("verify %s: %w", ref, err)
	}
	r.Checks = append(r.Checks, slices.Concat(found...)...)
	return r, nil
}

type verifier struct {
	policy Policy
	repo   *Repository
}

// subject is the index or a platform's manifest.
type subject struct {
	Platform
	descriptor v1.Descriptor
}

// add appends a check that is verified if err is nil.
func (r *Report) add(subject, digest, name string, err error) {
	r.Checks = append(r.Checks, check(subject, digest, name, err))
}

func check(subject, digest, name string, err error) Check {
	c := Check{Subject: subject, Digest: digest, Name: name, State: Verified}
	if err != nil {
		c.State, c.Detail = Failed, err.Error()
	}
	return c
}

func equal(got, want string) error {
	if got != want {
		return fmt.Errorf("found %s, expected %s", got, want)
	}
	return nil
}

// tagBesideDigest returns the tag of a reference name:tag@digest, which parsing drops.
func tagBesideDigest(ref string) (string, bool) {
	base, _, ok := strings.Cut(ref, "@")
	if !ok {
		return "", false
	}
	_, tag, ok := strings.Cut(base[strings.LastIndex(base, "/")+1:], ":")
	return tag, ok
}

func (v verifier) tag(ctx context.Context, tag name.Tag, digest string) (Check, error) {
	c := Check{Subject: "index", Digest: digest, Name: "tag " + tag.TagStr(), State: Verified}
	found, err := v.repo.Resolve(ctx, tag)
	switch {
	case errors.Is(err, ErrNotFound):
		c.State, c.Detail = NotPresent, "the registry has no such tag"
	case err != nil:
		return Check{}, err
	case found != digest:
		c.State, c.Detail = Failed, "the tag stands for "+found
	}
	return c, nil
}

// evidence checks the signature, the statements and the verdict of one subject.
func (v verifier) evidence(ctx context.Context, s subject) ([]Check, error) {
	return v.kinds(ctx, s, append([]string{Signature}, v.policy.Predicates...))
}

// kinds checks evidence of some kinds about one subject, and the verdict if a report with one is among them.
func (v verifier) kinds(ctx context.Context, s subject, kinds []string) ([]Check, error) {
	all, err := v.repo.Evidence(ctx, s.descriptor.Digest, v.policy.Key)
	if err != nil {
		return nil, err
	}
	forms := v.policy.Forms
	if len(forms) == 0 {
		forms = []Form{""}
	}
	var checks []Check
	for _, kind := range kinds {
		for _, form := range forms {
			c := Check{Subject: s.Name, Digest: s.Digest, Name: kind, Form: form}
			c.State, c.Detail = all.state(kind, form)
			checks = append(checks, c)
		}
	}
	if slices.Contains(kinds, attest.SCAIType) {
		c := Check{Subject: s.Name, Digest: s.Digest, Name: "verdict"}
		c.State, c.Detail = all.verdict()
		checks = append(checks, c)
	}
	return checks, nil
}
