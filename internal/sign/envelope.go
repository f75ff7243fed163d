package sign

import (
	"context"
	"crypto/ecdsa"
	"encoding/base64"
	"encoding/json"
	"fmt"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"
)

// Statement is the payload type of an in-toto statement in a DSSE envelope.
const Statement = "application/vnd.in-toto+json"

// EnvelopeMediaType is that of a DSSE envelope in its JSON form.
const EnvelopeMediaType = "application/vnd.dsse.envelope.v1+json"

// Envelope is a signed payload, see the DSSE specification v1.0, "Data Structure".
type Envelope struct {
	PayloadType string      `json:"payloadType"`
	Payload     string      `json:"payload"` // base64
	Signatures  []Signature `json:"signatures"`
}

// Signature is one signature of an envelope.
type Signature struct {
	KeyID string `json:"keyid"`
	Sig   string `json:"sig"` // base64
}

// Seal signs payload and returns the envelope.
func Seal(ctx context.Context, key *Key, payloadType string, payload []byte) (*Envelope, error) {
	signature, err := key.Sign(ctx, dsse.PAE(payloadType, payload))
	if err != nil {
		return nil, err
	}
	return &Envelope{
		PayloadType: payloadType,
		Payload:     base64.StdEncoding.EncodeToString(payload),
		Signatures:  []Signature{{Sig: base64.StdEncoding.EncodeToString(signature)}},
	}, nil
}

// ParseEnvelope reads an envelope. It checks no signature.
func ParseEnvelope(text []byte) (*Envelope, error) {
	var e Envelope
	if err := json.Unmarshal(text, &e); err != nil {
		return nil, fmt.Errorf("DSSE envelope: %w", err)
	}
	if len(e.Signatures) != 1 {
		return nil, fmt.Errorf("DSSE envelope: %d signatures found, exactly one is expected", len(e.Signatures))
	}
	return &e, nil
}

// Open checks the envelope's signature and returns its payload. The error is [ErrSignature] if public did not sign it.
func (e *Envelope) Open(public *ecdsa.PublicKey) ([]byte, error) {
	payload, err := base64.StdEncoding.Strict().DecodeString(e.Payload)
	if err != nil {
		return nil, fmt.Errorf("DSSE payload: %w", err)
	}
	if len(e.Signatures) != 1 {
		return nil, fmt.Errorf("DSSE envelope: %d signatures found, exactly one is expected", len(e.Signatures))
	}
	signature, err := base64.StdEncoding.Strict().DecodeString(e.Signatures[0].Sig)
	if err != nil {
		return nil, fmt.Errorf("DSSE signature: %w", err)
	}
	if err := Check(public, dsse.PAE(e.PayloadType, payload), signature); err != nil {
		return nil, err
	}
	return payload, nil
}

// JSON returns the envelope as cosign stores it.
func (e *Envelope) JSON() []byte {
	text, err := json.Marshal(e)
	if err != nil {
		panic(err) // three strings and a list of strings
	}
	return text
}
