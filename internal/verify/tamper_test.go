package verify_test

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/slipway-dev/slipway/internal/attest"
	"github.com/slipway-dev/slipway/internal/publish/publishtest"
	"github.com/slipway-dev/slipway/internal/sign"
	"github.com/slipway-dev/slipway/internal/verify"
)

var elsewhere = "sha256:" + strings.Repeat("1", 64)

// simple is a signature over digest by our key, with payload changed after it was made.
func simple(t testing.TB, digest string, change func([]byte) []byte) layer {
	t.Helper()
	payload := sign.Simple("example.com/time", digest)
	signature, err := publishtest.Key().Sign(t.Context(), payload)
	check(t, err)
	if change != nil {
		payload = change(payload)
	}
	return layer{sign.SimpleMediaType, payload, map[string]string{verify.SignatureAnnotation: base64.StdEncoding.EncodeToString(signature)}}
}

// envelope is a statement in an envelope, signed by our key.
func envelope(t testing.TB, s attest.Statement) *sign.Envelope {
	t.Helper()
	e, err := sign.Seal(t.Context(), publishtest.Key(), sign.Statement, s.JSON)
	check(t, err)
	return e
}

func spdx(t testing.TB, digest string) attest.Statement {
	t.Helper()
	s, err := attest.SPDX(attest.Subject{Name: "example.com/time", Digest: digest}, []byte(`{"spdxVersion":"SPDX-2.3"}`))
	check(t, err)
	return s
}

func asBundle(t testing.TB, e *sign.Envelope) []byte {
	t.Helper()
	b, err := sign.Bundle(e, sign.Hint(publishtest.Key().Public()))
	check(t, err)
	return b
}

// TestTampered pushes evidence that is wrong in one way each, and expects it to count for nothing.
func TestTampered(t *testing.T) {
	t.Parallel()
	const signature, sbom = "signature", attest.SPDXType
	sig := func(digest string) string { return strings.Replace(digest, ":", "-", 1) + verify.SignatureSuffix }
	att := func(digest string) string { return strings.Replace(digest, ":", "-", 1) + verify.StatementSuffix }
	for name, c := range map[string]struct {
		put    func(t *testing.T, repo name.Repository, digest string)
		kind   string
		state  verify.State
		detail string
	}{
		"nothing": {func(*testing.T, name.Repository, string) {}, signature, verify.NotPresent, "none"},
		"good signature": {func(t *testing.T, r name.Repository, d string) {
			put(t, r, sig(d), "", "", simple(t, d, nil))
		}, signature, verify.Verified, ""},
		"signature over another digest": {func(t *testing.T, r name.Repository, d string) {
			put(t, r, sig(d), "", "", simple(t, elsewhere, nil))
		}, signature, verify.Failed, "another image"},
		"payload changed after signing": {func(t *testing.T, r name.Repository, d string) {
			put(t, r, sig(d), "", "", simple(t, elsewhere, func(p []byte) []byte { return bytes.ReplaceAll(p, []byte(elsewhere), []byte(d)) }))
		}, signature, verify.Failed, "does not match"},
		"unknown critical claim": {func(t *testing.T, r name.Repository, d string) {
			payload := []byte(`{"critical":{"identity":{"docker-reference":"x"},"image":{"docker-manifest-digest":"` + d +
				`"},"type":"cosign container image signature","until":"2020"},"optional":null}`)
			raw, err := publishtest.Key().Sign(t.Context(), payload)
			check(t, err)
			annotations := map[string]string{verify.SignatureAnnotation: base64.StdEncoding.EncodeToString(raw)}
			put(t, r, sig(d), "", "", layer{sign.SimpleMediaType, payload, annotations})
		}, signature, verify.Failed, "unknown field"},
		"no signature in the annotation": {func(t *testing.T, r name.Repository, d string) {
			put(t, r, sig(d), "", "", layer{sign.SimpleMediaType, sign.Simple("x", d), nil})
		}, signature, verify.Failed, "does not match"},
		"good envelope": {func(t *testing.T, r name.Repository, d string) {
			put(t, r, "", d, sign.Statement, layer{sign.EnvelopeMediaType, envelope(t, spdx(t, d)).JSON(), nil})
		}, sbom, verify.Verified, ""},
		"good beside bad": {func(t *testing.T, r name.Repository, d string) {
			rubbish := layer{sign.EnvelopeMediaType, []byte("rubbish"), nil}
			put(t, r, att(d), "", "", rubbish, layer{sign.EnvelopeMediaType, envelope(t, spdx(t, d)).JSON(), nil})
		}, sbom, verify.Verified, ""},
		"replayed statement of another image": {func(t *testing.T, r name.Repository, d string) {
			put(t, r, "", d, sign.Statement, layer{sign.EnvelopeMediaType, envelope(t, spdx(t, elsewhere)).JSON(), nil})
		}, sbom, verify.Failed, "another image"},
		"replayed in the tag": {func(t *testing.T, r name.Repository, d string) {
			put(t, r, att(d), "", "", layer{sign.EnvelopeMediaType, envelope(t, spdx(t, elsewhere)).JSON(), nil})
		}, sbom, verify.Failed, "another image"},
		"statement of another type than it claims": {func(t *testing.T, r name.Repository, d string) {
			s, err := attest.Signed(attest.Subject{Digest: d})
			check(t, err)
			put(t, r, att(d), "", "", layer{sign.EnvelopeMediaType, envelope(t, s).JSON(), map[string]string{verify.PredicateAnnotation: sbom}})
		}, sbom, verify.NotPresent, "none"},
		"payload swapped": {func(t *testing.T, r name.Repository, d string) {
			e := envelope(t, spdx(t, elsewhere))
			e.Payload = base64.StdEncoding.EncodeToString(spdx(t, d).JSON)
			put(t, r, att(d), "", "", layer{sign.EnvelopeMediaType, e.JSON(), nil})
		}, sbom, verify.Failed, "does not match"},
		"payload type swapped": {func(t *testing.T, r name.Repository, d string) {
			e, err := sign.Seal(t.Context(), publishtest.Key(), "text/plain", spdx(t, d).JSON)
			check(t, err)
			e.PayloadType = sign.Statement
			put(t, r, att(d), "", "", layer{sign.EnvelopeMediaType, e.JSON(), nil})
		}, sbom, verify.Failed, "does not match"},
		"statement in a statement": {func(t *testing.T, r name.Repository, d string) {
			s := spdx(t, d)
			s.JSON = []byte(`{"_type":"` + attest.StatementType + `","subject":[{"name":"x","digest":{"sha256":"` + strings.TrimPrefix(d, "sha256:") +
				`"}}],"predicateType":"` + sbom + `","predicate":` + string(s.JSON) + `}`)
			put(t, r, att(d), "", "", layer{sign.EnvelopeMediaType, envelope(t, s).JSON(), nil})
		}, sbom, verify.Failed, "statement itself"},
		"good bundle": {func(t *testing.T, r name.Repository, d string) {
			put(t, r, "", d, sign.BundleMediaType, layer{sign.BundleMediaType, asBundle(t, envelope(t, spdx(t, d))), nil})
		}, sbom, verify.Verified, ""},
		"truncated bundle": {func(t *testing.T, r name.Repository, d string) {
			b := asBundle(t, envelope(t, spdx(t, d)))
			put(t, r, "", d, sign.BundleMediaType, layer{sign.BundleMediaType, b[:len(b)/2], nil})
		}, sbom, verify.Failed, "bundle"},
		"bundle of another image": {func(t *testing.T, r name.Repository, d string) {
			put(t, r, "", d, sign.BundleMediaType, layer{sign.BundleMediaType, asBundle(t, envelope(t, spdx(t, elsewhere))), nil})
		}, sbom, verify.Failed, "another image"},
		"a bundle is no simple signature": {func(t *testing.T, r name.Repository, d string) {
			put(t, r, sig(d), "", "", layer{sign.SimpleMediaType, asBundle(t, envelope(t, spdx(t, d))), nil})
		}, signature, verify.Failed, "does not match"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			image, repo := bare(t)
			c.put(t, repo, image.Digest)
			p := verify.Policy{Key: publishtest.Key().Public(), Predicates: []string{sbom}}
			report, err := verify.Verify(t.Context(), repo.Digest(image.Digest).String(), p, verify.Access{})
			check(t, err)
			for _, found := range report.Checks {
				if found.Subject == "index" && found.Name == c.kind && (found.State != c.state || !strings.Contains(found.Detail, c.detail)) {
					t.Errorf("%s is %s: %s; expected %s: %s", c.kind, found.State, found.Detail, c.state, c.detail)
				}
			}
			if report.OK() {
				t.Error("an image without most of its evidence is OK")
			}
		})
	}
}

func TestMissingOnOnePlatform(t *testing.T) {
	t.Parallel()
	image, in := published(t)
	hidden := strings.Replace(image.Platforms[1].Digest, ":", "-", 1) + verify.SignatureSuffix
	expect(t, in.Repository+":1.2.3", policy(image), verify.Access{Transport: hiding(hidden)},
		map[string]verify.State{"linux/arm64 signature/tag": verify.NotPresent})
}

func TestTheNewestVerdictCounts(t *testing.T) {
	t.Parallel()
	image, in := published(t)
	repo, err := name.NewRepository(in.Repository)
	check(t, err)
	for _, s := range image.Statements(t, in.Repository, false, in.Now.Add(time.Hour)) {
		if s.PredicateType == attest.SCAIType && s.Subject.Digest == image.Digest {
			put(t, repo, "", image.Digest, sign.Statement, layer{sign.EnvelopeMediaType, envelope(t, s).JSON(), nil})
		}
	}
	expect(t, in.Repository+":1.2.3", policy(image), verify.Access{}, map[string]verify.State{"index verdict": verify.Failed})
}
