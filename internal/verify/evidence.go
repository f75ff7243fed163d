package verify

import (
	"context"
	"crypto/ecdsa"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/slipway-dev/slipway/internal/attest"
	"github.com/slipway-dev/slipway/internal/sign"
)

// Form is a way in which evidence is kept beside an image.
type Form string

// The forms of evidence.
const (
	// Tag is cosign's first form: all signatures of a digest in an image with the tag sha256-<hex>.sig, all statements in one with .att.
	Tag Form = "tag"
	// Referrer is a manifest of its own that names the digest as its subject, OCI 1.1.
	Referrer Form = "referrer"
)

// Signature is the kind of evidence that is a signature over the digest alone; every other kind is a predicate type.
const Signature = "signature"

// Media types and annotations of evidence, as cosign writes them.
const (
	// SignatureArtifact is the artifact type of a referrer with simple-signing layers.
	SignatureArtifact = "application/vnd.dev.cosign.artifact.sig.v1+json"
	// SignatureAnnotation holds the base64 signature over a simple-signing layer.
	SignatureAnnotation = "dev.cosignproject.cosign/signature"
	// PredicateAnnotation names the predicate type of a layer in the .att image.
	PredicateAnnotation = "predicateType"
	// StatementAnnotation names the predicate type of a referrer that is an envelope.
	StatementAnnotation = "in-toto.io/predicate-type"
	// BundleAnnotation names the predicate type of a referrer that is a Sigstore bundle, see cosign's BUNDLE_SPEC.
	BundleAnnotation = "dev.sigstore.bundle.predicateType"
)

const (
	maxReferrers = 256
	maxLayers    = 256
	maxTotal     = 256 << 20 // bytes of evidence read for one subject
	maxPayload   = attest.MaxSize*4/3 + 64<<10
)

// Item is one piece of evidence that claims to be about a subject.
type Item struct {
	Form Form
	// Kind is [Signature] or a predicate type; before the check it is what the annotation claims, which may be nothing.
	Kind string
	// Referrer is the manifest that holds the item, for the form Referrer.
	Referrer v1.Hash
	Layer    ocispec.Descriptor
	// Envelope and Statement are set for a verified item that is a statement.
	Envelope  *sign.Envelope
	Statement attest.Statement
	// Err is why the item is not verified; nil means that the key signed it and that it is about the subject.
	Err error
}

// Evidence is everything that lies beside a subject.
type Evidence []Item

// Evidence reads all evidence about the manifest with the digest subject, in all forms, and checks each item against public. Items of other
// formats are left out. The error is the network's; what is wrong with an item stands in the item.
func (r *Repository) Evidence(ctx context.Context, subject v1.Hash, public *ecdsa.PublicKey) (Evidence, error) {
	g := gatherer{repo: r, subject: subject, public: public, seen: map[string][]byte{}}
	for _, suffix := range []string{SignatureSuffix, StatementSuffix} {
		if err := g.tag(ctx, suffix); err != nil {
			return nil, err
		}
	}
	if err := g.referrers(ctx); err != nil {
		return nil, err
	}
	return g.items, nil
}

// The endings of the tags of the form [Tag].
const (
	SignatureSuffix = ".sig"
	StatementSuffix = ".att"
)

// TagFor returns the tag of the form [Tag] for a digest.
func TagFor(subject v1.Hash, suffix string) string {
	return subject.Algorithm + "-" + subject.Hex + suffix
}

type gatherer struct {
	repo    *Repository
	subject v1.Hash
	public  *ecdsa.PublicKey
	items   Evidence
	seen    map[string][]byte // blobs by digest: the forms share them
	total   int64
}

func (g *gatherer) tag(ctx context.Context, suffix string) error {
	m, err := g.repo.Manifest(ctx, g.repo.name.Tag(TagFor(g.subject, suffix)))
	switch {
	case errors.Is(err, ErrNotFound):
		return nil
	case unknown(err):
		return err
	case err != nil:
		g.broken(Item{Form: Tag}, err)
		return nil
	}
	manifest, err := parseManifest(m.Raw)
	if err != nil {
		g.broken(Item{Form: Tag}, err)
		return nil
	}
	return g.layers(ctx, Item{Form: Tag}, manifest)
}

func (g *gatherer) referrers(ctx context.Context) error {
	list, err := g.repo.Referrers(ctx, g.subject)
	if unknown(err) {
		return err
	}
	if err == nil && len(list) > maxReferrers {
		err = fmt.Errorf("%d referrers found, at most %d are read", len(list), maxReferrers)
	}
	if err != nil {
		g.broken(Item{Form: Referrer}, err)
		return nil
	}
	for _, d := range list {
		if !ours(d.ArtifactType) {
			continue
		}
		if err := g.referrer(ctx, Item{Form: Referrer, Referrer: d.Digest}); err != nil {
			return err
		}
	}
	return nil
}

// ours reports whether a referrer may be evidence. Some registries give the configuration's media type instead of the artifact type.
func ours(artifactType string) bool {
	switch artifactType {
	case sign.BundleMediaType, sign.Statement, SignatureArtifact, "", ocispec.MediaTypeEmptyJSON, ocispec.MediaTypeImageConfig:
		return true
	}
	return false
}

func (g *gatherer) referrer(ctx context.Context, item Item) error {
	m, err := g.repo.Manifest(ctx, g.repo.name.Digest(item.Referrer.String()))
	if unknown(err) {
		return err
	}
	var manifest *ocispec.Manifest
	if err == nil {
		manifest, err = parseManifest(m.Raw)
	}
	if err == nil && (manifest.Subject == nil || manifest.Subject.Digest.String() != g.subject.String()) {
		err = fmt.Errorf("referrer %s names another subject", item.Referrer)
	}
	if err != nil {
		g.broken(item, err)
		return nil
	}
	switch manifest.ArtifactType {
	case sign.BundleMediaType:
		item.Kind = manifest.Annotations[BundleAnnotation]
	case sign.Statement:
		item.Kind = manifest.Annotations[StatementAnnotation]
	case SignatureArtifact:
		item.Kind = Signature
	default:
		return nil
	}
	return g.layers(ctx, item, manifest)
}

func (g *gatherer) layers(ctx context.Context, holder Item, m *ocispec.Manifest) error {
	if len(m.Layers) > maxLayers {
		g.broken(holder, fmt.Errorf("%d layers found, at most %d are read", len(m.Layers), maxLayers))
		return nil
	}
	for _, layer := range m.Layers {
		item := holder
		item.Layer = layer
		if kind := layer.Annotations[PredicateAnnotation]; kind != "" {
			item.Kind = kind
		}
		content, err := g.blob(ctx, layer)
		if unknown(err) {
			return err
		}
		if err == nil {
			err = item.check(content, g.subject, g.public)
		}
		if err != nil {
			g.broken(item, err)
			continue
		}
		g.items = append(g.items, item)
	}
	return nil
}

// broken records an item that is not what it should be.
func (g *gatherer) broken(item Item, err error) {
	if item.Kind == attest.SignedType {
		item.Kind = Signature
	}
	item.Err = err
	g.items = append(g.items, item)
}

// unknown reports whether a read failed without telling anything about what the registry holds.
func unknown(err error) bool {
	var content *ContentError
	return err != nil && !errors.As(err, &content) && !errors.Is(err, ErrNotFound)
}

func (g *gatherer) blob(ctx context.Context, d ocispec.Descriptor) ([]byte, error) {
	if content, ok := g.seen[d.Digest.String()]; ok {
		return content, nil
	}
	h, err := v1.NewHash(d.Digest.String())
	if err != nil {
		return nil, &ContentError{What: "layer", Err: err}
	}
	if g.total += d.Size; g.total > maxTotal || d.Size < 0 {
		return nil, &ContentError{What: h.String(), Err: fmt.Errorf("more than %d bytes of evidence", maxTotal)}
	}
	content, err := g.repo.Blob(ctx, v1.Descriptor{Digest: h, Size: d.Size}, maxPayload)
	if err == nil {
		g.seen[d.Digest.String()] = content
	}
	return content, err
}

// check verifies an item's content and fills in what it is.
func (i *Item) check(content []byte, subject v1.Hash, public *ecdsa.PublicKey) (err error) {
	switch {
	case i.Layer.MediaType == sign.SimpleMediaType:
		i.Kind = Signature
		return checkSimple(content, i.Layer.Annotations[SignatureAnnotation], subject, public)
	case i.Layer.MediaType == sign.EnvelopeMediaType:
		i.Envelope, err = sign.ParseEnvelope(content)
	case strings.HasPrefix(i.Layer.MediaType, "application/vnd.dev.sigstore.bundle"):
		i.Envelope, err = sign.ParseBundle(content)
	default:
		return fmt.Errorf("a layer of the media type %q is no evidence", i.Layer.MediaType)
	}
	if err != nil {
		return err
	}
	if i.Envelope.PayloadType != sign.Statement {
		return fmt.Errorf("the envelope's payload is %q, expected %q", i.Envelope.PayloadType, sign.Statement)
	}
	payload, err := i.Envelope.Open(public)
	if err != nil {
		return err
	}
	if i.Statement, err = attest.Parse(payload); err != nil {
		return err
	}
	if i.Kind = i.Statement.PredicateType; i.Kind == attest.SignedType {
		i.Kind = Signature
	}
	return about(i.Statement.Subject.Digest, subject)
}

func checkSimple(payload []byte, signature string, subject v1.Hash, public *ecdsa.PublicKey) error {
	raw, err := base64.StdEncoding.Strict().DecodeString(signature)
	if err != nil {
		return fmt.Errorf("signature annotation: %w", err)
	}
	if err := sign.Check(public, payload, raw); err != nil {
		return err
	}
	_, digest, err := sign.ParseSimple(payload)
	if err != nil {
		return err
	}
	return about(digest, subject)
}

func about(digest string, subject v1.Hash) error {
	if digest != subject.String() {
		return fmt.Errorf("it is about %s, another image", digest)
	}
	return nil
}
