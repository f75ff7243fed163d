package verify_test

import (
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/slipway-dev/slipway/internal/attest"
	"github.com/slipway-dev/slipway/internal/publish"
	"github.com/slipway-dev/slipway/internal/publish/publishtest"
	"github.com/slipway-dev/slipway/internal/verify"
)

// attested is an image that others published, with our evidence about it elsewhere.
func attested(t *testing.T) (image publishtest.Image, upstream name.Repository, evidence string, policy verify.Policy) {
	t.Helper()
	image, upstream = bare(t)
	in := image.Attestation(t, newRegistry(t)+"/container/time")
	_, err := publish.Attest(t.Context(), in)
	check(t, err)
	return image, upstream, in.Repository, verify.Policy{
		Key: in.Key.Public(), Digest: image.Digest, Platforms: image.Platforms, Layers: true,
		Predicates: []string{attest.SPDXType, attest.SCAIType}, Forms: []verify.Form{verify.Tag, verify.Referrer},
	}
}

func TestForeign(t *testing.T) {
	t.Parallel()
	image, upstream, evidence, policy := attested(t)
	report, err := verify.Foreign(t.Context(), upstream.Digest(image.Digest).String(), evidence, policy, verify.Access{})
	check(t, err)
	check(t, report.Err())
	if report.Digest != image.Digest {
		t.Errorf("the report is about %s", report.Digest)
	}
	got := states(report, "linux/amd64")
	for _, name := range []string{"platform", "layers", "verdict", attest.SPDXType + "/tag", attest.SCAIType + "/referrer"} {
		if got[name] != verify.Verified {
			t.Errorf("%s is %q in %v", name, got[name], got)
		}
	}
	// One platform less than upstream has is what a catalog for that platform wants.
	policy.Platforms = policy.Platforms[:1]
	report, err = verify.Foreign(t.Context(), upstream.Digest(image.Digest).String(), evidence, policy, verify.Access{})
	check(t, err)
	check(t, report.Err())
}

func TestForeignThatIsNotWhatWasPromised(t *testing.T) {
	t.Parallel()
	image, upstream, evidence, policy := attested(t)
	other, elsewhere := bare(t)
	for name, c := range map[string]struct {
		ref, evidence string
		change        func(*verify.Policy)
		want          string
	}{
		"another image":    {elsewhere.Digest(other.Digest).String(), evidence, nil, "digest failed"},
		"no such image":    {elsewhere.Digest(image.Digest).String(), evidence, nil, "manifest not present"},
		"another platform": {"", evidence, func(p *verify.Policy) { p.Platforms = other.Platforms }, "platform not present"},
		"no evidence":      {"", elsewhere.Name(), nil, "not present"},
		"a kind too few":   {"", evidence, func(p *verify.Policy) { p.Predicates = append(p.Predicates, attest.ProvenanceType) }, "not present"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			policy := policy
			policy.Predicates = append([]string(nil), policy.Predicates...)
			if c.change != nil {
				c.change(&policy)
			}
			if c.ref == "" {
				c.ref = upstream.Digest(image.Digest).String()
			}
			report, err := verify.Foreign(t.Context(), c.ref, c.evidence, policy, verify.Access{})
			check(t, err)
			if err := report.Err(); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("want a check with %q, got %v", c.want, err)
			}
		})
	}
	unknown := policy
	unknown.Digest = ""
	if _, err := verify.Foreign(t.Context(), "example.com/a@"+image.Digest, evidence, unknown, verify.Access{}); err == nil {
		t.Error("an image was verified without a digest to compare with")
	}
	if _, err := verify.Evidenced(t.Context(), evidence, nil, policy, verify.Access{}); err == nil {
		t.Error("nothing was verified, and that was no error")
	}
}
