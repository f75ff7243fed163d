package keyless_test

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sigstore/sigstore-go/pkg/root"

	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/keyless"
	"github.com/slipway-dev/slipway/internal/keyless/keylesstest"
	"github.com/slipway-dev/slipway/internal/sign"
)

const repository = "https://github.com/owner/server"

var (
	digest = "sha256:" + strings.Repeat("ab", 32)
	claims = keylesstest.Workflow(repository, ".github/workflows/release.yml")
	wanted = entry.Provenance{
		Issuer: "https://token.actions.githubusercontent.com", Repository: repository, Workflow: ".github/workflows/release.yml", Runner: "github-hosted",
	}
)

// trust reads an authority's trust root from a file, as a user gives it.
func trust(t *testing.T, a *keylesstest.Authority) root.TrustedMaterial {
	t.Helper()
	file := filepath.Join(t.TempDir(), "trusted_root.json")
	if err := os.WriteFile(file, a.Root(), 0o600); err != nil {
		t.Fatal(err)
	}
	trusted, err := keyless.File(file)(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return trusted
}

// forms are the ways in which signatures are kept, each making one about a digest.
var forms = map[string]func(a *keylesstest.Authority, c keylesstest.Claims, about string) (*keyless.Signature, error){
	"simple": func(a *keylesstest.Authority, c keylesstest.Claims, about string) (*keyless.Signature, error) {
		payload := sign.Simple("registry.example.com/owner/server", about)
		return keyless.ParseSimple(payload, a.Simple(c, payload))
	},
	"envelope": func(a *keylesstest.Authority, c keylesstest.Claims, about string) (*keyless.Signature, error) {
		layer, annotations := a.Envelope(c, keylesstest.Statement(about))
		return keyless.ParseEnvelope(layer, annotations)
	},
	"bundle": func(a *keylesstest.Authority, c keylesstest.Claims, about string) (*keyless.Signature, error) {
		return keyless.ParseBundle(a.Bundle(c, keylesstest.Statement(about)))
	},
}

func TestSignaturesOfTheRightSigner(t *testing.T) {
	t.Parallel()
	for name, form := range forms {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := keylesstest.New()
			s, err := form(a, claims, digest)
			if err != nil {
				t.Fatal(err)
			}
			signer, err := s.Verify(digest, trust(t, a))
			if err != nil {
				t.Fatal(err)
			}
			if err := signer.Expected(wanted); err != nil {
				t.Error(err)
			}
			if predicate := signer.Predicate; (predicate == "https://slsa.dev/provenance/v1") != (name != "simple") {
				t.Errorf("the predicate is %q", predicate)
			}
		})
	}
}

func TestSignaturesThatAreNone(t *testing.T) {
	t.Parallel()
	known, stranger := keylesstest.New(), keylesstest.New()
	trusted := trust(t, known)
	later := claims
	later.Logged = time.Now().Add(-time.Minute)
	later.Issued = later.Logged.Add(-time.Hour)
	for what, c := range map[string]struct {
		by     *keylesstest.Authority
		claims keylesstest.Claims
		about  string
	}{
		"by a stranger's certificate":       {stranger, claims, digest},
		"about another image":               {known, claims, "sha256:" + strings.Repeat("cd", 32)},
		"made after the certificate's time": {known, later, digest},
	} {
		for name, form := range forms {
			t.Run(what+"/"+name, func(t *testing.T) {
				t.Parallel()
				s, err := form(c.by, c.claims, c.about)
				if err != nil {
					t.Fatal(err)
				}
				if signer, err := s.Verify(digest, trusted); err == nil {
					t.Errorf("it was taken for one of %s", signer)
				}
			})
		}
	}
}

// TestSignaturesThatWereChanged swaps the parts of a signature that an attacker can write.
func TestSignaturesThatWereChanged(t *testing.T) {
	t.Parallel()
	a := keylesstest.New()
	trusted := trust(t, a)
	payload := sign.Simple("registry.example.com/owner/server", digest)
	honest := a.Simple(claims, payload)
	other := a.Simple(keylesstest.Workflow("https://github.com/mallory/server", ".github/workflows/release.yml"), payload)
	for name, spoil := range map[string]func(annotations map[string]string){
		"another's signature":   func(m map[string]string) { copyOf(m, other, "dev.cosignproject.cosign/signature") },
		"another's certificate": func(m map[string]string) { copyOf(m, honest, "dev.sigstore.cosign/certificate") },
		"another's log entry":   func(m map[string]string) { copyOf(m, other, "dev.sigstore.cosign/bundle") },
		"no log entry":          func(m map[string]string) { delete(m, "dev.sigstore.cosign/bundle") },
		"no certificate":        func(m map[string]string) { delete(m, "dev.sigstore.cosign/certificate") },
		"an empty log entry":    func(m map[string]string) { m["dev.sigstore.cosign/bundle"] = "{}" },
		"a log entry of a page": func(m map[string]string) { m["dev.sigstore.cosign/bundle"] = "<html>" },
		"no signature":          func(m map[string]string) { delete(m, "dev.cosignproject.cosign/signature") },
		"a certificate of text": func(m map[string]string) { m["dev.sigstore.cosign/certificate"] = "me" },
		"a broken time stamp":   func(m map[string]string) { m["dev.sigstore.cosign/rfc3161timestamp"] = "now" },
		"a time stamp of nobody": func(m map[string]string) {
			m["dev.sigstore.cosign/rfc3161timestamp"] = `{"SignedRFC3161Timestamp":"AAAA"}`
			delete(m, "dev.sigstore.cosign/bundle")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			annotations := maps.Clone(honest)
			if name == "another's certificate" {
				annotations = maps.Clone(other)
			}
			spoil(annotations)
			s, err := keyless.ParseSimple(payload, annotations)
			if err != nil {
				return // it is no signature at all
			}
			if signer, err := s.Verify(digest, trusted); err == nil {
				t.Errorf("it was taken for one of %s", signer)
			}
		})
	}
	if s, err := keyless.ParseSimple([]byte(strings.Replace(string(payload), "owner", "other", 1)), honest); err == nil {
		if _, err := s.Verify(digest, trusted); err == nil {
			t.Error("another payload was taken")
		}
	}
}

func copyOf(to, from map[string]string, key string) { to[key] = from[key] }

func TestExpectations(t *testing.T) {
	t.Parallel()
	workflow := keyless.Signer{
		Issuer: wanted.Issuer, Repository: repository, Runner: "github-hosted",
		Identity: repository + "/.github/workflows/release.yml@refs/tags/v1",
	}
	person := keyless.Signer{Issuer: "https://accounts.example.com", Identity: "release@example.com"}
	for name, c := range map[string]struct {
		signer keyless.Signer
		want   entry.Provenance
		err    string // a part of it
	}{
		"all":                   {workflow, wanted, ""},
		"repository alone":      {workflow, entry.Provenance{Issuer: wanted.Issuer, Repository: repository}, ""},
		"another issuer":        {workflow, entry.Provenance{Issuer: "https://example.com", Repository: repository}, "the issuer is"},
		"another repository":    {workflow, entry.Provenance{Issuer: wanted.Issuer, Repository: repository + "2"}, "the repository is"},
		"a longer repository":   {workflow, entry.Provenance{Issuer: wanted.Issuer, Repository: "https://github.com/owner"}, "the repository is"},
		"another workflow":      {workflow, entry.Provenance{Issuer: wanted.Issuer, Repository: repository, Workflow: ".github/workflows/ci.yml"}, "the workflow is"},
		"a shorter workflow":    {workflow, entry.Provenance{Issuer: wanted.Issuer, Repository: repository, Workflow: ".github/workflows/rel"}, "the workflow is"},
		"another runner":        {workflow, entry.Provenance{Issuer: wanted.Issuer, Repository: repository, Runner: "self-hosted"}, "the runner is"},
		"person":                {person, entry.Provenance{Issuer: person.Issuer, Identity: person.Identity}, ""},
		"another person":        {person, entry.Provenance{Issuer: person.Issuer, Identity: "release@example.co"}, "the identity is"},
		"person of no workflow": {person, wanted, "the repository is"},
		"identity at any ref":   {workflow, entry.Provenance{Issuer: wanted.Issuer, Identity: repository + "/.github/workflows/release.yml"}, ""},
		"mail is never cut":     {keyless.Signer{Issuer: "i", Identity: "a@b@c"}, entry.Provenance{Issuer: "i", Identity: "a"}, "the identity is"},
	} {
		err := c.signer.Expected(c.want)
		if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: got %v, want %q", name, err, c.err)
		}
	}
}

func TestTrustRootsThatAreNone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	page := filepath.Join(dir, "page")
	if err := os.WriteFile(page, []byte("<html>"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{page, dir, filepath.Join(dir, "absent")} {
		if _, err := keyless.File(name)(t.Context()); err == nil || !strings.Contains(err.Error(), "the trust root") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// FuzzSignatures looks for text that breaks a reader of signatures, or is taken for one.
func FuzzSignatures(f *testing.F) {
	a := keylesstest.New()
	trusted, err := root.NewTrustedRootFromJSON(a.Root())
	if err != nil {
		f.Fatal(err)
	}
	payload := sign.Simple("r", digest)
	honest := a.Simple(claims, payload)
	f.Add(honest["dev.sigstore.cosign/bundle"], honest["dev.sigstore.cosign/certificate"], "x")
	f.Add(string(a.Bundle(claims, keylesstest.Statement("sha256:"+strings.Repeat("00", 32)))), "", "e")
	f.Fuzz(func(t *testing.T, log, certificate, text string) {
		annotations := map[string]string{
			"dev.cosignproject.cosign/signature": "AAAA", "dev.sigstore.cosign/certificate": certificate, "dev.sigstore.cosign/bundle": log,
		}
		for _, parse := range []func() (*keyless.Signature, error){
			func() (*keyless.Signature, error) { return keyless.ParseSimple([]byte(text), annotations) },
			func() (*keyless.Signature, error) { return keyless.ParseEnvelope([]byte(text), annotations) },
			func() (*keyless.Signature, error) { return keyless.ParseBundle([]byte(log)) },
		} {
			if s, err := parse(); err == nil {
				if _, err := s.Verify(digest, trusted); err == nil {
					t.Fatalf("%q was taken for a signature", text)
				}
			}
		}
	})
}
