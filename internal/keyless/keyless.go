// Package keyless checks signatures that were made without a lasting key: with a certificate that a Sigstore authority gave to an identity for
// some minutes, as a public log or a time stamp authority saw it.
//
// A signature says who made it and what it is about. Both are compared with what is expected; that a signature is there says nothing.
package keyless

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/fulcio/certificate"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/verify"

	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/sign"
)

// Signature is a signature of whatever form, before it is verified.
type Signature struct {
	bundle *bundle.Bundle
	// simple is the payload that a simple signature covers, which names an image; nil for a statement, which names it itself.
	simple []byte
}

// Keyless reports whether a certificate made it. What a bare key made says nothing about an identity.
func (s *Signature) Keyless() bool {
	material := s.bundle.GetVerificationMaterial()
	return material.GetCertificate() != nil || material.GetX509CertificateChain() != nil
}

// Signer is who made a signature that was verified.
type Signer struct {
	Issuer     string
	Identity   string // the certificate's subject alternative name
	Repository string // empty unless a workflow signed
	Runner     string
	Predicate  string // the type of the signed statement; empty for a signature alone
}

func (s Signer) String() string {
	text := s.Identity + " (as " + s.Issuer + " knows it)"
	if s.Runner != "" {
		text += " on a " + s.Runner + " runner"
	}
	return text
}

// Verify checks that the signature was made as the trust root demands and is about the image with the digest "sha256:…", and returns who made
// it. What the trust root knows is demanded: an entry of a log if it knows logs, a signed certificate timestamp if it knows logs of
// certificates, and in any case a time from somebody else than the signer.
func (s *Signature) Verify(digest string, trust root.TrustedMaterial) (Signer, error) {
	if !s.Keyless() {
		return Signer{}, errors.New("it was made with a bare key, which names nobody")
	}
	about, err := s.about(digest)
	if err != nil {
		return Signer{}, err
	}
	options := []verify.VerifierOption{verify.WithObserverTimestamps(1)}
	if len(trust.RekorLogs()) > 0 {
		options = append(options, verify.WithTransparencyLog(1))
	}
	if len(trust.CTLogs()) > 0 {
		options = append(options, verify.WithSignedCertificateTimestamps(1))
	}
	verifier, err := verify.NewVerifier(trust, options...)
	if err != nil {
		return Signer{}, fmt.Errorf("the trust root: %w", err)
	}
	// The identity is compared by Expected: what differs is to be said in words that the entry's author knows.
	result, err := verifier.Verify(s.bundle, verify.NewPolicy(about, verify.WithoutIdentitiesUnsafe()))
	if err != nil {
		return Signer{}, err
	}
	if result.Signature == nil || result.Signature.Certificate == nil {
		return Signer{}, errors.New("it has no certificate")
	}
	signer := signerOf(result.Signature.Certificate)
	if result.Statement != nil {
		signer.Predicate = result.Statement.GetPredicateType()
	}
	return signer, nil
}

// about says what the signature must cover: the image as the subject of a statement, or a simple-signing payload that names the image.
func (s *Signature) about(digest string) (verify.ArtifactPolicyOption, error) {
	if s.simple != nil {
		_, named, err := sign.ParseSimple(s.simple)
		if err != nil {
			return nil, err
		}
		if named != digest {
			return nil, fmt.Errorf("it is about %.100s, another image", named)
		}
		sum := sha256.Sum256(s.simple)
		return verify.WithArtifactDigest("sha256", sum[:]), nil
	}
	sum, err := hex.DecodeString(strings.TrimPrefix(digest, "sha256:"))
	if err != nil {
		return nil, fmt.Errorf("the digest %.100q: %w", digest, err)
	}
	return verify.WithArtifactDigest("sha256", sum), nil
}

func signerOf(c *certificate.Summary) Signer {
	return Signer{
		Issuer: c.Issuer, Identity: c.SubjectAlternativeName,
		Repository: c.SourceRepositoryURI, Runner: c.RunnerEnvironment,
	}
}

// Expected returns nil if the signer is the one that an entry expects, or else what differs, one sentence each, joined.
func (s Signer) Expected(want entry.Provenance) error {
	var errs []error
	compare := func(what, got, want string, equal bool) {
		if want != "" && !equal {
			errs = append(errs, fmt.Errorf("the %s is %.300q, expected %q", what, got, want))
		}
	}
	compare("issuer", s.Issuer, want.Issuer, s.Issuer == want.Issuer)
	compare("repository", s.Repository, want.Repository, s.Repository == want.Repository)
	compare("identity", s.Identity, want.Identity, s.Identity == want.Identity || strings.HasPrefix(want.Identity, "https://") && atRef(s.Identity, want.Identity))
	compare("runner", s.Runner, want.Runner, s.Runner == want.Runner)
	if want.Workflow != "" {
		workflow := want.Repository + "/" + want.Workflow
		compare("workflow", s.Identity, workflow, atRef(s.Identity, workflow))
	}
	return errors.Join(errs...)
}

// atRef reports whether identity is that of a workflow at any branch or tag of its repository.
func atRef(identity, workflow string) bool {
	return strings.HasPrefix(identity, workflow+"@")
}
