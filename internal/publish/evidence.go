package publish

import (
	"context"
	"encoding/base64"
	"errors"
	"slices"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/slipway-dev/slipway/internal/attest"
	"github.com/slipway-dev/slipway/internal/sign"
	"github.com/slipway-dev/slipway/internal/verify"
)

// IdentityAnnotation holds a statement's [attest.Statement.Identity], so that a reader need not open a referrer to know whether it says
// something new. Nothing is decided by it here: it is not signed.
const IdentityAnnotation = "dev.slipway.statement.digest"

const (
	bundleContent = "dev.sigstore.bundle.content"
	dsseContent   = "dsse-envelope"
)

// made counts what was signed for one subject.
type made struct{ signatures, statements int }

// signed is a statement of ours with its envelope.
type signed struct {
	attest.Statement
	identity string
	envelope *sign.Envelope
}

// evidence sees to it that the registry has the signature and the statements about subject in every form. Writes about one subject follow
// each other, because a registry without the referrers API keeps them in one list that each writer reads, extends and writes back.
func (p *publisher) evidence(ctx context.Context, subject v1.Descriptor) (made, error) {
	have, err := p.reader.Evidence(ctx, subject.Digest, p.Key.Public())
	if err != nil {
		return made{}, err
	}
	m, err := p.statements(ctx, subject, have)
	if err != nil || !p.ours {
		return m, err
	}
	m.signatures, err = p.signature(ctx, subject, have)
	return m, err
}

// statements sees to it that the registry has the statements about subject.
func (p *publisher) statements(ctx context.Context, subject v1.Descriptor, have verify.Evidence) (made, error) {
	var m made
	var current []signed
	for _, s := range p.Statements {
		if s.Subject.Digest != subject.Digest.String() {
			continue
		}
		now, fresh, err := p.seal(ctx, s, have)
		if err != nil {
			return m, err
		}
		if fresh {
			m.statements++
		}
		current = append(current, now)
		if !p.hasReferrer(have, now) {
			if err := p.referrer(ctx, subject, now); err != nil {
				return m, err
			}
		}
	}
	return m, p.statementTag(ctx, subject, have, current)
}

// seal signs a statement unless the current one of its type says the same. Current is what the .att image holds; only where it holds none of
// the type, as after being killed before it was written, the referrers tell. What was said once and has changed since is said anew: an older
// statement that happens to say the same is older still than the one between.
func (p *publisher) seal(ctx context.Context, s attest.Statement, have verify.Evidence) (signed, bool, error) {
	identity, err := s.Identity()
	if err != nil {
		return signed{}, false, err
	}
	said := have.Verified(s.PredicateType, verify.Tag)
	if len(said) == 0 {
		said = have.Verified(s.PredicateType, verify.Referrer)
	}
	for _, item := range said {
		if found, err := item.Statement.Identity(); err == nil && found == identity {
			return signed{item.Statement, identity, item.Envelope}, false, nil
		}
	}
	envelope, err := sign.Seal(ctx, p.Key, sign.Statement, s.JSON)
	return signed{s, identity, envelope}, true, err
}

// hasReferrer reports whether a statement is there as a referrer of the sort that is asked for.
func (p *publisher) hasReferrer(have verify.Evidence, s signed) bool {
	return slices.ContainsFunc(have.Verified(s.PredicateType, verify.Referrer), func(item verify.Item) bool {
		return s.is(item) && p.Bundles == (item.Layer.MediaType == sign.BundleMediaType)
	})
}

// is reports whether an item is this statement, byte for byte.
func (s signed) is(item verify.Item) bool {
	return item.Err == nil && item.Envelope != nil && item.Envelope.Payload == s.envelope.Payload
}

// referrer pushes one signed statement as a manifest of its own.
func (p *publisher) referrer(ctx context.Context, subject v1.Descriptor, s signed) error {
	a := artifact{
		artifactType: sign.Statement,
		config:       emptyConfig(),
		layers:       []blob{newBlob(s.envelope.JSON(), sign.EnvelopeMediaType, nil)},
		subject:      &subject,
		annotations:  map[string]string{verify.StatementAnnotation: s.PredicateType},
	}
	if p.Bundles {
		text, err := sign.Bundle(s.envelope, sign.Hint(p.Key.Public()))
		if err != nil {
			return err
		}
		a.artifactType = sign.BundleMediaType
		a.layers = []blob{newBlob(text, sign.BundleMediaType, nil)}
		a.annotations = map[string]string{verify.BundleAnnotation: s.PredicateType, bundleContent: dsseContent}
	}
	a.annotations[IdentityAnnotation] = s.identity
	a.annotations[ocispec.AnnotationCreated] = p.Now.UTC().Format(time.RFC3339)
	return p.putArtifact(ctx, "", a)
}

// statementTag sees to it that the .att image holds our current statements, beside those of others and without older ones of ours.
func (p *publisher) statementTag(ctx context.Context, subject v1.Descriptor, have verify.Evidence, current []signed) error {
	var layers []blob
	present := map[string]bool{}
	for _, item := range have {
		if item.Form != verify.Tag || item.Layer.MediaType != sign.EnvelopeMediaType {
			continue
		}
		if errors.Is(item.Err, sign.ErrSignature) {
			layers = append(layers, blob{descriptor: item.Layer}) // somebody else's
			continue
		}
		i := slices.IndexFunc(current, func(s signed) bool { return s.is(item) })
		if i >= 0 && !present[current[i].identity] {
			present[current[i].identity] = true
			layers = append(layers, blob{descriptor: item.Layer})
		}
	}
	if len(present) == len(current) {
		return nil
	}
	for _, s := range current {
		if !present[s.identity] {
			layers = append(layers, newBlob(s.envelope.JSON(), sign.EnvelopeMediaType, map[string]string{
				verify.SignatureAnnotation: "", verify.PredicateAnnotation: s.PredicateType,
			}))
		}
	}
	return p.putArtifact(ctx, verify.TagFor(subject.Digest, verify.StatementSuffix), artifact{config: imageConfig(layers), layers: layers})
}

// signature sees to it that the digest alone is signed, and returns how many signatures it made. The image with the tag .sig names its
// subject, so that it is a referrer too.
func (p *publisher) signature(ctx context.Context, subject v1.Descriptor, have verify.Evidence) (int, error) {
	count, err := p.simpleSignature(ctx, subject, have)
	if err != nil || !p.Bundles {
		return count, err
	}
	if slices.ContainsFunc(have.Verified(verify.Signature, verify.Referrer), func(item verify.Item) bool { return item.Envelope != nil }) {
		return count, nil
	}
	s, err := attest.Signed(attest.Subject{Name: p.repository.Name(), Digest: subject.Digest.String()})
	if err != nil {
		return count, err
	}
	now, _, err := p.seal(ctx, s, nil)
	if err != nil {
		return count, err
	}
	return count + 1, p.referrer(ctx, subject, now)
}

func (p *publisher) simpleSignature(ctx context.Context, subject v1.Descriptor, have verify.Evidence) (int, error) {
	var ours, others []blob
	forms := map[verify.Form]bool{}
	for _, item := range have {
		if item.Layer.MediaType != sign.SimpleMediaType {
			continue
		}
		switch {
		case item.Err == nil:
			forms[item.Form] = true
			ours = []blob{{descriptor: item.Layer}}
		case item.Form == verify.Tag && errors.Is(item.Err, sign.ErrSignature):
			others = append(others, blob{descriptor: item.Layer})
		}
	}
	if forms[verify.Tag] && forms[verify.Referrer] {
		return 0, nil
	}
	count := 0
	if ours == nil {
		payload := sign.Simple(p.repository.Name(), subject.Digest.String())
		signature, err := p.Key.Sign(ctx, payload)
		if err != nil {
			return 0, err
		}
		count = 1
		ours = []blob{newBlob(payload, sign.SimpleMediaType, map[string]string{
			verify.SignatureAnnotation: base64.StdEncoding.EncodeToString(signature),
		})}
	}
	layers := slices.Concat(others, ours)
	return count, p.putArtifact(ctx, verify.TagFor(subject.Digest, verify.SignatureSuffix), artifact{
		artifactType: verify.SignatureArtifact,
		config:       imageConfig(layers),
		layers:       layers,
		subject:      &subject,
	})
}
