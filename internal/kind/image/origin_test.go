package image

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/sigstore/sigstore-go/pkg/root"

	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/finding"
	"github.com/slipway-dev/slipway/internal/keyless/keylesstest"
	"github.com/slipway-dev/slipway/internal/kind"
	"github.com/slipway-dev/slipway/internal/sign"
)

const source = "https://github.com/owner/server"

var (
	claims   = keylesstest.Workflow(source, ".github/workflows/release.yml")
	expected = &entry.Provenance{Issuer: claims.Issuer, Repository: source, Workflow: ".github/workflows/release.yml", Runner: "github-hosted"}
)

const bundleType = "application/vnd.dev.sigstore.bundle.v0.3+json"

// refer puts a bundle about an image into the registry, which lists it by the API or by the tag that stands in for that.
func (r *registry) refer(about digest.Digest, bundle []byte, api bool) {
	m := ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest, ArtifactType: bundleType,
		Config: ocispec.DescriptorEmptyJSON, Layers: []ocispec.Descriptor{r.blob(bundle, bundleType)},
		Subject: &ocispec.Descriptor{MediaType: ocispec.MediaTypeImageIndex, Digest: about, Size: 1},
	}
	d := r.manifest(m, ocispec.MediaTypeImageManifest, "")
	d.ArtifactType = bundleType
	list := r.index("", d)
	raw := r.files["manifests/"+list.Digest.String()]
	if api {
		r.files["referrers/"+about.String()] = raw
	} else {
		r.files["manifests/"+fallback(about, "")] = raw
	}
}

// cosign puts signatures under the tag that cosign makes of the image's digest.
func (r *registry) cosign(about digest.Digest, suffix string, layers ...ocispec.Descriptor) {
	r.manifest(ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest, Config: ocispec.DescriptorEmptyJSON, Layers: layers,
	}, ocispec.MediaTypeImageManifest, fallback(about, suffix))
}

// simple is a layer with a signature.
func (r *registry) simple(a *keylesstest.Authority, c keylesstest.Claims, about digest.Digest) ocispec.Descriptor {
	payload := sign.Simple("registry.example.com/owner/server", about.String())
	layer := r.blob(payload, sign.SimpleMediaType)
	layer.Annotations = a.Simple(c, payload)
	return layer
}

// trusting believes one authority.
func trusting(a *keylesstest.Authority) func(*Options) {
	return func(o *Options) {
		o.Trust = func(context.Context) (root.TrustedMaterial, error) { return root.NewTrustedRootFromJSON(a.Root()) }
	}
}

// TestWhereAnImageComesFrom has upstreams that sign in every way, and not, and wrongly.
func TestWhereAnImageComesFrom(t *testing.T) {
	t.Parallel()
	known, stranger := keylesstest.New(), keylesstest.New()
	mallory := keylesstest.Workflow("https://github.com/mallory/server", ".github/workflows/release.yml")
	another := digest.FromString("another image")
	for name, c := range map[string]struct {
		publish func(r *registry, about digest.Digest)
		rule    string
	}{
		"nothing": {func(*registry, digest.Digest) {}, "signature-missing"},
		"bundle by the API": {func(r *registry, about digest.Digest) {
			r.refer(about, known.Bundle(claims, keylesstest.Statement(about.String())), true)
		}, "signature-verified"},
		"bundle without the API": {func(r *registry, about digest.Digest) {
			r.refer(about, known.Bundle(claims, keylesstest.Statement(about.String())), false)
		}, "signature-verified"},
		"cosign's signature": {func(r *registry, about digest.Digest) {
			r.cosign(about, ".sig", r.simple(known, claims, about))
		}, "signature-verified"},
		"cosign's statement": {func(r *registry, about digest.Digest) {
			text, annotations := known.Envelope(claims, keylesstest.Statement(about.String()))
			layer := r.blob(text, sign.EnvelopeMediaType)
			layer.Annotations = annotations
			r.cosign(about, ".att", layer)
		}, "signature-verified"},
		"one right among wrong ones": {func(r *registry, about digest.Digest) {
			r.cosign(about, ".sig", r.simple(stranger, claims, about), r.simple(known, mallory, about), r.simple(known, claims, about))
		}, "signature-verified"},
		"somebody else's": {func(r *registry, about digest.Digest) {
			r.cosign(about, ".sig", r.simple(known, mallory, about))
		}, "signature-unexpected"},
		"a stranger's": {func(r *registry, about digest.Digest) {
			r.refer(about, stranger.Bundle(claims, keylesstest.Statement(about.String())), true)
		}, "signature-unexpected"},
		"about another image": {func(r *registry, about digest.Digest) {
			r.cosign(about, ".sig", r.simple(known, claims, another))
			r.refer(about, known.Bundle(claims, keylesstest.Statement(another.String())), true)
		}, "signature-unexpected"},
		"a list that claims another's bundle": {func(r *registry, about digest.Digest) {
			r.refer(another, known.Bundle(claims, keylesstest.Statement(about.String())), true)
			r.files["referrers/"+about.String()] = r.files["referrers/"+another.String()]
		}, "signature-unexpected"},
		"junk": {func(r *registry, about digest.Digest) {
			r.files["referrers/"+about.String()] = []byte("<html>")
			r.files["manifests/"+fallback(about, ".sig")] = []byte("<html>")
			r.cosign(about, ".att", r.blob([]byte("{}"), sign.EnvelopeMediaType))
		}, "signature-unexpected"},
		"more than is read": {func(r *registry, about digest.Digest) {
			wrong := r.simple(stranger, claims, about)
			r.cosign(about, ".sig", append(slices.Repeat([]ocispec.Descriptor{wrong}, maxSignatures), r.simple(known, claims, about))...)
		}, "signature-unexpected"},
		"larger than is read": {func(r *registry, about digest.Digest) {
			layer := r.simple(known, claims, about)
			layer.Size = maxSignature + 1
			r.cosign(about, ".sig", layer)
		}, "signature-unexpected"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRegistry(t)
			top := r.honest()
			c.publish(r, top.Digest)
			i := ecosystem(t, trusting(known))
			e := r.entry(top.Digest)
			e.Provenance = expected
			a, err := i.Artifact(t.Context(), e, locked(t, i, e))
			if err != nil {
				t.Fatal(err)
			}
			if got := rules(a); !slices.Equal(got, []string{c.rule}) {
				t.Fatalf("the findings are %+v", a.Findings)
			}
			f := a.Findings[0]
			if blocks := f.Severity == finding.Critical; blocks == (c.rule == "signature-verified") {
				t.Errorf("%s is %s", f.Rule, f.Severity)
			}
			if f.Scanner != kind.Upstream || f.Fingerprint == "" || len(f.Evidence) > maxExcerpt {
				t.Errorf("the finding is %+v", f)
			}
			if c.rule == "signature-verified" && !strings.Contains(f.Message, source+"/.github/workflows/release.yml@refs/tags/v1.2.3") {
				t.Errorf("the finding does not say who signed: %s", f.Message)
			}
		})
	}
}

// TestSignaturesThatNobodyAskedFor are told of, and not believed.
func TestSignaturesThatNobodyAskedFor(t *testing.T) {
	t.Parallel()
	r := newRegistry(t)
	top := r.honest()
	r.cosign(top.Digest, ".sig", r.simple(keylesstest.New(), claims, top.Digest))
	i := ecosystem(t) // whose trust root is not to be asked for
	e := r.entry(top.Digest)
	a, err := i.Artifact(t.Context(), e, locked(t, i, e))
	if err != nil {
		t.Fatal(err)
	}
	if got := rules(a); !slices.Equal(got, []string{"signature-unstated"}) || a.Findings[0].Severity != finding.Info {
		t.Errorf("the findings are %+v", a.Findings)
	}
}

// TestWithoutATrustRootNothingIsTaken has an expectation that cannot be checked.
func TestWithoutATrustRootNothingIsTaken(t *testing.T) {
	t.Parallel()
	r := newRegistry(t)
	top := r.honest()
	r.cosign(top.Digest, ".sig", r.simple(keylesstest.New(), claims, top.Digest))
	i := ecosystem(t, func(o *Options) {
		o.Trust = func(context.Context) (root.TrustedMaterial, error) { return nil, http.ErrServerClosed }
	})
	e := r.entry(top.Digest)
	e.Provenance = expected
	if _, err := i.Artifact(t.Context(), e, locked(t, i, e)); err == nil {
		t.Error("the image was taken")
	}
}
