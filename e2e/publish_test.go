//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/internal/attest"
	"github.com/slipway-dev/slipway/internal/publish"
	"github.com/slipway-dev/slipway/internal/publish/publishtest"
	"github.com/slipway-dev/slipway/internal/registry"
	"github.com/slipway-dev/slipway/internal/sign"
	"github.com/slipway-dev/slipway/internal/verify"
)

// published is a small image in the embedded registry, on loopback.
type published struct {
	image publishtest.Image
	repo  string
	keys  string // folder of the key pair
}

func newPublished(t *testing.T, bundles bool) published {
	t.Helper()
	store, err := registry.New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(store.Handler())
	t.Cleanup(server.Close)
	p := published{
		image: publishtest.NewImage(t, 5000),
		repo:  strings.TrimPrefix(server.URL, "http://") + "/npx/time",
		keys:  filepath.Join(t.TempDir(), "keys"),
	}
	in := p.image.Input(t, p.repo)
	in.Bundles = bundles
	if in.Key, _, err = sign.Local(p.keys, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := publish.Publish(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	return p
}

// references are the names under which the published image is verified: by tag, and the index and one platform by digest.
func (p published) references() []string {
	return []string{p.repo + ":1.2.3", p.repo + "@" + p.image.Digest, p.repo + "@" + p.image.Platforms[1].Digest}
}

var predicateFlags = []string{"spdxjson", "slsaprovenance1", attest.SCAIType}

func TestCosignVerifiesWithTheKeyAlone(t *testing.T) {
	t.Parallel()
	p := newPublished(t, false)
	for _, name := range []string{"cosign", "cosign3"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cosign := newClient(t, name)
			for _, ref := range p.references() {
				out := cosign.run(t, "verify", "--key", p.keys+"/cosign.pub", "--insecure-ignore-tlog=true", ref)
				if !strings.Contains(out, "verified against the specified public key") {
					t.Errorf("%s: %s", ref, out)
				}
				cosign.run(t, "verify", "--key", p.keys+"/cosign.pub", "--insecure-ignore-tlog=true", "--experimental-oci11", ref)
				for _, kind := range predicateFlags {
					out := cosign.run(t, "verify-attestation", "--key", p.keys+"/cosign.pub", "--insecure-ignore-tlog=true", "--type", kind, ref)
					checkNotNested(t, out)
				}
			}
		})
	}
}

// checkNotNested looks at the payload of the envelope that cosign printed: its predicate must not be a statement.
func checkNotNested(t *testing.T, out string) {
	t.Helper()
	line := out[strings.LastIndex(strings.TrimSpace(out), "\n")+1:]
	var envelope sign.Envelope
	if err := json.Unmarshal([]byte(line), &envelope); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var payload []byte
	if err := json.Unmarshal(fmt.Appendf(nil, "%q", envelope.Payload), &payload); err != nil {
		t.Fatal(err)
	}
	if _, err := attest.Parse(payload); err != nil {
		t.Error(err)
	}
}

func TestCosignVerifiesBundles(t *testing.T) {
	t.Parallel()
	p := newPublished(t, true)
	// Cosign 2.6 wants a trust root as soon as there is a bundle, though a key needs none; one that trusts nobody will do.
	root := filepath.Join(t.TempDir(), "trusted_root.json")
	if err := os.WriteFile(root, []byte(`{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}`), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, extra := range map[string][]string{
		"cosign":  {"--new-bundle-format", "--trusted-root", root},
		"cosign3": nil,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cosign := newClient(t, name)
			common := append([]string{"--key", p.keys + "/cosign.pub", "--insecure-ignore-tlog=true"}, extra...)
			for _, ref := range p.references() {
				out := cosign.run(t, append(append([]string{"verify"}, common...), ref)...)
				if !strings.Contains(out, attest.SignedType) {
					t.Errorf("the signature is not among what was verified: %s", out)
				}
				for _, kind := range predicateFlags {
					cosign.run(t, append(append([]string{"verify-attestation", "--type", kind}, common...), ref)...)
				}
			}
		})
	}
}

func TestCosignRefusesAnotherKey(t *testing.T) {
	t.Parallel()
	p := newPublished(t, false)
	other := filepath.Join(t.TempDir(), "keys")
	if _, _, err := sign.Local(other, nil); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"cosign", "cosign3"} {
		if out, err := newClient(t, name).try(t, "verify", "--key", other+"/cosign.pub", "--insecure-ignore-tlog=true", p.references()[0]); err == nil {
			t.Errorf("%s accepts another key: %s", name, out)
		}
	}
}

func TestCosignUsesOurKeyFiles(t *testing.T) {
	t.Parallel()
	p := newPublished(t, false)
	public, err := os.ReadFile(p.keys + "/cosign.pub")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"cosign", "cosign3"} {
		out := newClient(t, name).run(t, "public-key", "--key", p.keys+"/cosign.key")
		if !strings.Contains(out, string(public)) {
			t.Errorf("%s reads another public key: %s", name, out)
		}
	}
}

func TestOrasDiscoversAndCraneReads(t *testing.T) {
	t.Parallel()
	for _, bundles := range []bool{false, true} {
		p := newPublished(t, bundles)
		for _, ref := range p.references() {
			out := newClient(t, "oras").run(t, "discover", "--plain-http", "--format", "json", ref)
			for _, want := range []string{attest.SPDXType, attest.ProvenanceType, attest.SCAIType, verify.SignatureArtifact} {
				if !strings.Contains(out, want) {
					t.Errorf("bundles=%t: %s does not show %s: %s", bundles, ref, want, out)
				}
			}
		}
		crane := newClient(t, "crane")
		if got := strings.TrimSpace(crane.run(t, "digest", p.repo+":1.2.3")); got != p.image.Digest {
			t.Errorf("crane digest says %s, expected %s", got, p.image.Digest)
		}
		crane.run(t, "manifest", p.repo+":1.2.3")
		crane.run(t, "validate", "--remote", p.repo+"@"+p.image.Platforms[0].Digest)
	}
}
