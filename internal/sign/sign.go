// Package sign makes and checks signatures in the formats that cosign and Sigstore define: DSSE envelopes, simple-signing payloads and
// Sigstore bundles, with an ECDSA P-256 key in cosign's own key files.
package sign

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"sync"

	"github.com/sigstore/cosign/v2/pkg/cosign"
	"github.com/sigstore/sigstore/pkg/signature"
)

// ErrSignature says that a signature was not made by the expected key over these bytes.
var ErrSignature = errors.New("the signature does not match the public key")

const pemPublic = "PUBLIC KEY"

// Key signs with an ECDSA key. The private half is decrypted at the first signature and not before: that takes a tenth of a second, and
// publishing something that is already published needs no signature.
type Key struct {
	public  *ecdsa.PublicKey
	private func() (signature.Signer, error)
}

// NewKey returns a key over the content of a cosign key file and its public half. It fails if public is no ECDSA key in PEM; that the
// private key can be decrypted with password, and belongs to public, is checked when it is first used.
func NewKey(private, public, password []byte) (*Key, error) {
	pub, err := ParsePublicKey(public)
	if err != nil {
		return nil, err
	}
	return &Key{public: pub, private: sync.OnceValues(func() (signature.Signer, error) {
		key, err := cosign.LoadPrivateKey(private, password, nil)
		if err != nil {
			return nil, fmt.Errorf("private key: %w; it must be a key that cosign made, and COSIGN_PASSWORD its password", err)
		}
		public, err := key.PublicKey()
		if err != nil {
			return nil, fmt.Errorf("private key: %w", err)
		}
		if !pub.Equal(public) {
			return nil, errors.New("the private key does not belong to the public key beside it; restore the matching cosign.key and cosign.pub")
		}
		return key, nil
	})}, nil
}

// Sign returns the ASN.1 ECDSA signature over the SHA-256 of message.
func (k *Key) Sign(ctx context.Context, message []byte) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	key, err := k.private()
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	signed, err := key.SignMessage(bytes.NewReader(message))
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	return signed, nil
}

// Public returns the public half.
func (k *Key) Public() *ecdsa.PublicKey { return k.public }

// Check reports whether signature is public's over message; if not, the error is [ErrSignature].
func Check(public *ecdsa.PublicKey, message, signature []byte) error {
	sum := sha256.Sum256(message)
	if !ecdsa.VerifyASN1(public, sum[:], signature) {
		return ErrSignature
	}
	return nil
}

// Hint returns what identifies a public key in a Sigstore bundle: the base64 of the SHA-256 of its PKIX encoding.
func Hint(public *ecdsa.PublicKey) string {
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil { // only for a curve that ParsePublicKey refuses
		return ""
	}
	sum := sha256.Sum256(der)
	return base64.StdEncoding.EncodeToString(sum[:])
}

// ParsePublicKey reads a PEM file with one ECDSA public key, such as cosign.pub.
func ParsePublicKey(text []byte) (*ecdsa.PublicKey, error) {
	block, rest := pem.Decode(text)
	if block == nil || block.Type != pemPublic {
		return nil, errors.New("public key: no PEM block PUBLIC KEY found; give the cosign.pub of the publisher")
	}
	if next, _ := pem.Decode(rest); next != nil {
		return nil, errors.New("public key: more than one PEM block found; give exactly one key")
	}
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("public key: %w", err)
	}
	public, ok := parsed.(*ecdsa.PublicKey)
	if !ok {
		return nil, fmt.Errorf("public key: a %T was found, only ECDSA keys are supported", parsed)
	}
	return public, nil
}
