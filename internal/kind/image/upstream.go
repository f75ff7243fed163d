package image

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/slipway-dev/slipway/internal/fetch"
	"github.com/slipway-dev/slipway/internal/keyless"
	"github.com/slipway-dev/slipway/internal/sign"
)

const (
	maxSignatures = 64       // that are read for one image
	maxSignature  = 16 << 20 // bytes of one, such as a statement with an SBOM
	bundlePrefix  = "application/vnd.dev.sigstore.bundle"
)

// signature is one that upstream published beside its image, or why it is none that can be read.
type signature struct {
	place string // where it lies, for people
	*keyless.Signature
	err error
}

// signatures looks up what is signed about a digest: Sigstore bundles that refer to it (OCI distribution specification 1.1, "Listing Referrers",
// or the tag that stands in for the list), and the images with cosign's tags .sig and .att. The error is the registry's; what is wrong with one
// signature stands in it.
func (r *repository) signatures(ctx context.Context, of digest.Digest) ([]signature, error) {
	s := &searcher{repository: r, of: of}
	if err := s.referrers(ctx); err != nil {
		return nil, err
	}
	for _, suffix := range []string{".sig", ".att"} {
		if err := s.tag(ctx, suffix); err != nil {
			return nil, err
		}
	}
	return s.found, nil
}

type searcher struct {
	*repository
	of    digest.Digest
	found []signature
}

// room reports whether another signature may be read. The first that may not is an error of its own.
func (s *searcher) room() bool {
	if len(s.found) < maxSignatures {
		return true
	}
	if len(s.found) == maxSignatures {
		s.found = append(s.found, signature{place: "all others", err: fmt.Errorf("more than %d signatures are not read", maxSignatures)})
	}
	return false
}

// fallback is the tag that stands for a digest: its list of referrers, or with a suffix cosign's images.
func fallback(of digest.Digest, suffix string) string {
	return of.Algorithm().String() + "-" + of.Encoded() + suffix
}

func (s *searcher) referrers(ctx context.Context) error {
	raw, err := s.cache.Document(ctx, s.at("referrers", s.of.String()), http.Header{"Accept": {ocispec.MediaTypeImageIndex}}, maxManifest)
	if unsupported(err) {
		raw, _, err = s.tagged(ctx, fallback(s.of, ""))
		if missing(err) {
			return nil
		}
	}
	if err != nil {
		return fmt.Errorf("list what refers to %s: %w", s.of, s.explain(err))
	}
	var list ocispec.Index
	if err := json.Unmarshal(raw, &list); err != nil {
		s.found = append(s.found, signature{place: "the list of referrers", err: err})
		return nil //nolint:nilerr // it is in what was found
	}
	for _, d := range list.Manifests {
		// Some registries give no type, or the configuration's.
		plain := d.ArtifactType == "" || d.ArtifactType == ocispec.MediaTypeEmptyJSON
		if (plain || strings.HasPrefix(d.ArtifactType, bundlePrefix)) && s.room() {
			if err := s.referrer(ctx, d.Digest); err != nil {
				return err
			}
		}
	}
	return nil
}

// unsupported reports whether a registry does not know the referrers API: most say 404, some complain about the request.
func unsupported(err error) bool {
	var status *fetch.StatusError
	return errors.As(err, &status) && slices.Contains(
		[]int{http.StatusNotFound, http.StatusBadRequest, http.StatusMethodNotAllowed, http.StatusNotAcceptable, http.StatusNotImplemented}, status.Code)
}

func (s *searcher) referrer(ctx context.Context, of digest.Digest) error {
	place := "the referrer " + of.String()
	broken := func(err error) { s.found = append(s.found, signature{place: place, err: err}) }
	if err := of.Validate(); err != nil {
		broken(err)
		return nil
	}
	raw, err := s.manifest(ctx, of)
	if unreachable(err) {
		return fmt.Errorf("%s: %w", place, err)
	}
	var manifest ocispec.Manifest
	if err == nil {
		err = json.Unmarshal(raw, &manifest)
	}
	bundles := slices.DeleteFunc(manifest.Layers, func(l ocispec.Descriptor) bool { return !strings.HasPrefix(l.MediaType, bundlePrefix) })
	switch {
	case err != nil:
		broken(err)
		return nil
	case len(bundles) == 0:
		return nil // it refers to the image for another reason
	case manifest.Subject == nil || manifest.Subject.Digest != s.of:
		broken(errors.New("it names another subject"))
		return nil
	}
	for _, l := range bundles {
		if err := s.blob(ctx, place, l, keyless.ParseBundle); err != nil {
			return err
		}
	}
	return nil
}

// tag reads the image that cosign keeps under a tag made of the digest.
func (s *searcher) tag(ctx context.Context, suffix string) error {
	place := "the tag " + fallback(s.of, suffix)
	raw, _, err := s.tagged(ctx, fallback(s.of, suffix))
	if missing(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%s: %w", place, err)
	}
	var manifest ocispec.Manifest
	if err := json.Unmarshal(raw, &manifest); err != nil {
		s.found = append(s.found, signature{place: place, err: err})
		return nil //nolint:nilerr // it is in what was found
	}
	for _, l := range manifest.Layers {
		var parse func(text []byte) (*keyless.Signature, error)
		switch l.MediaType {
		case sign.SimpleMediaType:
			parse = func(text []byte) (*keyless.Signature, error) { return keyless.ParseSimple(text, l.Annotations) }
		case sign.EnvelopeMediaType:
			parse = func(text []byte) (*keyless.Signature, error) { return keyless.ParseEnvelope(text, l.Annotations) }
		default:
			continue
		}
		if err := s.blob(ctx, place, l, parse); err != nil {
			return err
		}
	}
	return nil
}

// blob reads one signature.
func (s *searcher) blob(ctx context.Context, place string, d ocispec.Descriptor, parse func([]byte) (*keyless.Signature, error)) error {
	if !s.room() {
		return nil
	}
	text, err := s.small(ctx, d, maxSignature)
	if unreachable(err) {
		return fmt.Errorf("%s: %w", place, err)
	}
	one := signature{place: place, err: err}
	if err == nil {
		one.Signature, one.err = parse(text)
	}
	s.found = append(s.found, one)
	return nil
}

// unreachable reports whether a read failed without telling anything about what the registry holds.
func unreachable(err error) bool {
	var (
		integrity *fetch.IntegrityError
		size      *fetch.SizeError
		status    *fetch.StatusError
		content   *contentError
	)
	switch {
	case err == nil, errors.As(err, &integrity), errors.As(err, &size), errors.As(err, &content):
		return false
	case errors.As(err, &status):
		return status.Code != http.StatusNotFound
	}
	return true
}
