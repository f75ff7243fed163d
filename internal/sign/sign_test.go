package sign

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/sigstore/cosign/v2/pkg/cosign"
)

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// testPair is one pair for all tests: deriving its encryption takes long on purpose.
var testPair = sync.OnceValues(func() (private, public []byte) {
	pair, err := cosign.GenerateKeyPair(func(bool) ([]byte, error) { return []byte("secret"), nil })
	if err != nil {
		panic(err)
	}
	return pair.PrivateBytes, pair.PublicBytes
})

var testKey = sync.OnceValue(func() *Key {
	private, public := testPair()
	key, err := NewKey(private, public, []byte("secret"))
	if err != nil {
		panic(err)
	}
	return key
})

// stranger is the public half of another key.
func stranger(t testing.TB) (text []byte, key *ecdsa.PublicKey) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	der, err := x509.MarshalPKIXPublicKey(&private.PublicKey)
	check(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: pemPublic, Bytes: der}), &private.PublicKey
}

func TestAPairIsMadeOnceByMany(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "dist", "keys")
	const processes = 2
	keys, created := make([]*Key, processes), make([]bool, processes)
	var wg sync.WaitGroup
	for i := range processes {
		wg.Go(func() {
			var err error
			if keys[i], created[i], err = Local(dir, nil); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	makers := 0
	for i := range processes {
		if created[i] {
			makers++
		}
		if keys[i] == nil || !keys[i].Public().Equal(keys[0].Public()) {
			t.Fatal("two pairs were returned")
		}
	}
	if makers != 1 {
		t.Errorf("%d of them made the pair", makers)
	}
	info, err := os.Stat(filepath.Join(dir, PrivateFile))
	check(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the private key has the mode %o", info.Mode().Perm())
	}
	left, err := os.ReadDir(filepath.Dir(dir))
	check(t, err)
	if len(left) != 1 {
		t.Errorf("something was left beside the keys: %v", left)
	}
	signature, err := keys[0].Sign(t.Context(), []byte("x"))
	check(t, err)
	check(t, Check(keys[0].Public(), []byte("x"), signature))
}

func TestHalfAPairIsNeverReplaced(t *testing.T) {
	t.Parallel()
	for _, missing := range []string{PrivateFile, PublicFile} {
		dir := t.TempDir()
		private, public := testPair()
		check(t, os.WriteFile(filepath.Join(dir, PrivateFile), private, 0o600))
		check(t, os.WriteFile(filepath.Join(dir, PublicFile), public, 0o644))
		check(t, os.Remove(filepath.Join(dir, missing)))
		if _, _, err := Local(dir, nil); err == nil || !strings.Contains(err.Error(), "only one of") {
			t.Errorf("without %s: %v", missing, err)
		}
	}
}

func TestKeysThatDoNotWork(t *testing.T) {
	t.Parallel()
	private, public := testPair()
	other, _ := stranger(t)
	for want, load := range map[string]func() (*Key, error){
		"COSIGN_PASSWORD":  func() (*Key, error) { return NewKey(private, public, []byte("wrong")) },
		"does not belong":  func() (*Key, error) { return NewKey(private, other, []byte("secret")) },
		"that cosign made": func() (*Key, error) { return NewKey([]byte("rubbish"), public, nil) },
		"no PEM block":     func() (*Key, error) { return NewKey(private, []byte("rubbish"), nil) },
		"more than one":    func() (*Key, error) { return NewKey(private, append(public[:len(public):len(public)], other...), nil) },
		"context canceled": func() (*Key, error) { return testKey(), nil },
		"asn1: syntax error": func() (*Key, error) {
			return NewKey(private, []byte("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"), nil)
		},
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if want == "context canceled" {
				cancel()
			}
			key, err := load()
			if err == nil {
				_, err = key.Sign(ctx, []byte("x"))
			}
			if err == nil || !strings.Contains(err.Error(), want) && want != "asn1: syntax error" {
				t.Errorf("got %v, expected it to say %q", err, want)
			}
		})
	}
}

func TestEnvelopeAndBundle(t *testing.T) {
	t.Parallel()
	key := testKey()
	e, err := Seal(t.Context(), key, Statement, []byte(`{"a":1}`))
	check(t, err)
	parsed, err := ParseEnvelope(e.JSON())
	check(t, err)
	b, err := Bundle(e, Hint(key.Public()))
	check(t, err)
	unbundled, err := ParseBundle(b)
	check(t, err)
	for _, e := range []*Envelope{e, parsed, unbundled} {
		payload, err := e.Open(key.Public())
		check(t, err)
		if string(payload) != `{"a":1}` || e.PayloadType != Statement {
			t.Errorf("%s %s", e.PayloadType, payload)
		}
	}
	_, other := stranger(t)
	if _, err := e.Open(other); !errors.Is(err, ErrSignature) {
		t.Errorf("another key: %v", err)
	}
	two := *e
	two.Signatures = append(two.Signatures, e.Signatures...)
	if _, err := ParseEnvelope(two.JSON()); err == nil {
		t.Error("two signatures were accepted")
	}
}

func TestSimple(t *testing.T) {
	t.Parallel()
	const want = `{"critical":{"identity":{"docker-reference":"a/b"},"image":{"docker-manifest-digest":"sha256:1"},` +
		`"type":"cosign container image signature"},"optional":null}`
	if got := string(Simple("a/b", "sha256:1")); got != want {
		t.Errorf("got %s", got)
	}
	repository, digest, err := ParseSimple([]byte(want))
	if err != nil || repository != "a/b" || digest != "sha256:1" {
		t.Errorf("%s %s %v", repository, digest, err)
	}
	for _, bad := range []string{
		``, `{}`, want + `{}`,
		strings.Replace(want, "cosign container", "atomic container", 1),
		strings.Replace(want, `"type"`, `"new":1,"type"`, 1),
	} {
		if _, _, err := ParseSimple([]byte(bad)); err == nil {
			t.Errorf("accepted %s", bad)
		}
	}
}

// FuzzEvidence gives bytes of a registry to every parser: none may crash, and nothing may pass for signed.
func FuzzEvidence(f *testing.F) {
	key := testKey()
	e, err := Seal(f.Context(), key, Statement, []byte("{}"))
	check(f, err)
	b, err := Bundle(e, "hint")
	check(f, err)
	f.Add(e.JSON())
	f.Add(b)
	f.Add(Simple("a", "sha256:1"))
	_, public := testPair()
	f.Add(public)
	_, other := stranger(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, parse := range []func([]byte) (*Envelope, error){ParseEnvelope, ParseBundle} {
			if e, err := parse(text); err == nil {
				if _, err := e.Open(other); err == nil {
					t.Error("signed by a key that signed nothing")
				}
			}
		}
		_, _, _ = ParseSimple(text)
		_, _ = ParsePublicKey(text)
	})
}

func BenchmarkSeal(b *testing.B) {
	key := testKey()
	payload := make([]byte, 500_000) // as large as an SBOM
	for b.Loop() {
		if _, err := Seal(b.Context(), key, Statement, payload); err != nil {
			b.Fatal(err)
		}
	}
}
