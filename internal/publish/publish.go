// Package publish brings an image and its evidence to a registry so that nobody ever sees half of it: bytes by digest first, then signature
// and statements, then everything is read back and verified, and only then the version tag. A tag is never moved.
//
// It can be killed at any moment and run again: what is there already, and is right, is neither pushed nor signed a second time.
package publish

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"golang.org/x/sync/errgroup"

	"github.com/slipway-dev/slipway/internal/attest"
	"github.com/slipway-dev/slipway/internal/sign"
	"github.com/slipway-dev/slipway/internal/verify"
)

// Input is what is published, and where.
type Input struct {
	Layout string // folder of the OCI image layout
	Digest string // of the index in it

	Repository string // such as "localhost:5000/npx/context7"
	Tag        string
	// Sibling is a repository of the same registry that may have layers of the image, such as those of its base: they need not be uploaded again.
	// Empty if there is none.
	Sibling string

	// Name is the entry's name, which the label of every platform's image must give.
	Name string
	// Label that gives the name; empty means [verify.NameLabel].
	Label string
	Key   *sign.Key
	// Statements about the index and about each platform's manifest: of every predicate type one for each.
	Statements []attest.Statement
	// Bundles keeps statements, and a signature, in Sigstore bundles instead of bare envelopes where they are referrers. Clients of
	// Sigstore's bundle format need it; but cosign 2.6, as soon as it sees one bundle, refuses to verify with a key alone unless it can
	// fetch Sigstore's trust root or is given one with --trusted-root.
	Bundles bool

	Now    time.Time // for the creation time of referrers
	Access verify.Access
}

// Result is what was published, and how much of it was new.
type Result struct {
	Reference string `json:"reference"` // repository:tag@digest
	Digest    string `json:"digest"`

	Pushed     bool `json:"pushed"`     // the image was not there yet
	Signatures int  `json:"signatures"` // made now
	Statements int  `json:"statements"` // signed now
	Tagged     bool `json:"tagged"`     // the tag was not there yet

	Report *verify.Report `json:"report"` // of everything, as it was read back
}

// Publish brings the image with its evidence to the registry and tags it. A second call with the same input changes nothing; statements that
// differ only in their times count as the same. The error is a [*TagConflictError] if the tag stands for another digest.
func Publish(ctx context.Context, in Input) (*Result, error) {
	p, err := open(ctx, in)
	if err != nil {
		return nil, fmt.Errorf("publish %s:%s: %w", in.Repository, in.Tag, err)
	}
	result, err := p.publish(ctx)
	if err != nil {
		return nil, fmt.Errorf("publish %s:%s: %w", in.Repository, in.Tag, err)
	}
	return result, nil
}

type publisher struct {
	Input
	ours       bool // the image is, so that it is signed
	subjects   []v1.Descriptor
	image      *image // nil if it is not ours
	repository name.Repository
	tag        name.Tag
	reader     *verify.Repository
	pusher     *remote.Pusher
	predicates []string // the types that every subject has
}

func open(ctx context.Context, in Input) (*publisher, error) {
	if in.Key == nil {
		return nil, errors.New("no key to sign with is given")
	}
	p := &publisher{Input: in, ours: true}
	var err error
	if p.repository, err = name.NewRepository(in.Repository, name.StrictValidation); err != nil {
		return nil, err
	}
	if p.tag, err = name.NewTag(in.Repository+":"+in.Tag, name.StrictValidation); err != nil {
		return nil, err
	}
	if p.image, err = openImage(in.Layout, in.Digest); err != nil {
		return nil, err
	}
	p.subjects = p.image.subjects
	return p, p.connect(ctx)
}

// connect checks that each subject has its statements, and prepares to read and to write.
func (p *publisher) connect(ctx context.Context) (err error) {
	if p.predicates, err = predicates(p.Statements, p.subjects); err != nil {
		return err
	}
	if p.reader, err = verify.Open(ctx, p.repository, p.Access); err != nil {
		return err
	}
	p.pusher, err = remote.NewPusher(p.Access.Options(ctx)...)
	return err
}

func (p *publisher) publish(ctx context.Context) (*Result, error) {
	tagged, err := p.checkTag(ctx)
	if err != nil {
		return nil, err
	}
	pushed, err := p.push(ctx)
	if err != nil {
		return nil, err
	}
	result := &Result{
		Reference: p.tag.Name() + "@" + p.Digest, Digest: p.Digest,
		Pushed: pushed, Tagged: !tagged,
	}
	if err := p.evidences(ctx, result); err != nil {
		return nil, err
	}
	if result.Report, err = p.readBack(ctx, pushed); err != nil {
		return nil, err
	}
	if tagged {
		return result, nil
	}
	return result, p.putTag(ctx)
}

// evidences sees to the evidence about each subject, and counts in result what was made of it.
func (p *publisher) evidences(ctx context.Context, result *Result) error {
	all := make([]made, len(p.subjects))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(4)
	for i, subject := range p.subjects {
		g.Go(func() (err error) {
			all[i], err = p.evidence(gctx, subject)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for _, m := range all {
		result.Signatures += m.signatures
		result.Statements += m.statements
	}
	return nil
}

// readBack verifies what the registry now has as a stranger would. The bytes of layers are read back only if they were pushed just now.
func (p *publisher) readBack(ctx context.Context, pushed bool) (*verify.Report, error) {
	report, err := verify.Verify(ctx, p.repository.Digest(p.Digest).String(), verify.Policy{
		Key:        p.Key.Public(),
		Digest:     p.Digest,
		Name:       p.Name,
		Label:      p.Label,
		Platforms:  p.image.platforms,
		Predicates: p.predicates,
		Forms:      []verify.Form{verify.Tag, verify.Referrer},
		Layers:     pushed,
	}, p.Access)
	if err != nil {
		return nil, err
	}
	if err := report.Err(); err != nil {
		return nil, fmt.Errorf("what was published does not verify, so the tag is not set: %w", err)
	}
	return report, nil
}

// predicates returns the predicate types of the statements, sorted, after checking that every subject has exactly one statement of each.
func predicates(statements []attest.Statement, subjects []v1.Descriptor) ([]string, error) {
	types := map[string]bool{}
	have := map[[2]string]bool{}
	for _, s := range statements {
		key := [2]string{s.Subject.Digest, s.PredicateType}
		if have[key] {
			return nil, fmt.Errorf("two statements of the type %s about %s are given", s.PredicateType, s.Subject.Digest)
		}
		if !slices.ContainsFunc(subjects, func(d v1.Descriptor) bool { return d.Digest.String() == s.Subject.Digest }) {
			return nil, fmt.Errorf("a statement of the type %s is about %s, which is not in the image", s.PredicateType, s.Subject.Digest)
		}
		have[key], types[s.PredicateType] = true, true
	}
	var sorted []string
	for t := range types {
		for _, d := range subjects {
			if !have[[2]string{d.Digest.String(), t}] {
				return nil, fmt.Errorf("no statement of the type %s about %s is given", t, d.Digest)
			}
		}
		sorted = append(sorted, t)
	}
	slices.Sort(sorted)
	return sorted, nil
}
