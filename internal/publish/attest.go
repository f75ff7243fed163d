package publish

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/slipway-dev/slipway/internal/attest"
	"github.com/slipway-dev/slipway/internal/sign"
	"github.com/slipway-dev/slipway/internal/verify"
)

// Attestation is what was found out about an image that somebody else published, and where that is kept.
type Attestation struct {
	// Subjects are the index, first, and each platform's manifest, as upstream's registry has them. Where upstream published a single image
	// it is the only one.
	Subjects []v1.Descriptor
	// Repository is where the evidence goes, never upstream's own: registries keep what refers to a manifest that they do not have (OCI
	// distribution specification 1.1, "Pushing Manifests with Subject").
	Repository string

	Key *sign.Key
	// Statements about the subjects: of every predicate type one for each.
	Statements []attest.Statement
	// Bundles as in [Input].
	Bundles bool

	Now    time.Time // for the creation time of referrers
	Access verify.Access
}

// Attest brings the statements to the registry and reads them back. The image is neither pushed nor signed: a signature of its digest alone
// would say that it is ours. A second call with the same input changes nothing; the result's Reference is where the evidence is found.
func Attest(ctx context.Context, in Attestation) (*Result, error) {
	result, err := attestTo(ctx, in)
	if err != nil {
		return nil, fmt.Errorf("publish evidence to %s: %w", in.Repository, err)
	}
	return result, nil
}

func attestTo(ctx context.Context, in Attestation) (*Result, error) {
	switch {
	case in.Key == nil:
		return nil, errors.New("no key to sign with is given")
	case len(in.Subjects) == 0:
		return nil, errors.New("nothing is given that the evidence is about")
	case len(in.Statements) == 0:
		return nil, errors.New("no statement is given")
	}
	p := &publisher{subjects: in.Subjects, Input: Input{
		Repository: in.Repository, Key: in.Key, Statements: in.Statements, Bundles: in.Bundles, Now: in.Now, Access: in.Access,
	}}
	var err error
	if p.repository, err = name.NewRepository(in.Repository, name.StrictValidation); err != nil {
		return nil, err
	}
	if err := p.connect(ctx); err != nil {
		return nil, err
	}
	digest := in.Subjects[0].Digest.String()
	result := &Result{Reference: p.repository.Digest(digest).String(), Digest: digest}
	if err := p.evidences(ctx, result); err != nil {
		return nil, err
	}
	var digests []string
	for _, s := range in.Subjects {
		digests = append(digests, s.Digest.String())
	}
	result.Report, err = verify.Evidenced(ctx, in.Repository, digests, verify.Policy{
		Key: in.Key.Public(), Predicates: p.predicates, Forms: []verify.Form{verify.Tag, verify.Referrer},
	}, in.Access)
	if err != nil {
		return nil, err
	}
	if err := result.Report.Err(); err != nil {
		return nil, fmt.Errorf("what was published does not verify: %w", err)
	}
	return result, nil
}
