package sign

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	bundlepb "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	commonpb "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	dssepb "github.com/sigstore/protobuf-specs/gen/pb-go/dsse"
	"google.golang.org/protobuf/encoding/protojson"
)

// BundleMediaType is that of a Sigstore bundle, version 0.3.
const BundleMediaType = "application/vnd.dev.sigstore.bundle.v0.3+json"

// Bundle returns the Sigstore bundle v0.3 of an envelope that was signed with a bare key: no certificate and no entry of a transparency
// log. The types are Sigstore's own (protobuf-specs), their JSON is what every Sigstore client reads.
func Bundle(e *Envelope, hint string) ([]byte, error) {
	payload, err := base64.StdEncoding.DecodeString(e.Payload)
	if err != nil {
		return nil, fmt.Errorf("bundle: %w", err)
	}
	content := &dssepb.Envelope{Payload: payload, PayloadType: e.PayloadType}
	for _, s := range e.Signatures {
		sig, err := base64.StdEncoding.DecodeString(s.Sig)
		if err != nil {
			return nil, fmt.Errorf("bundle: %w", err)
		}
		content.Signatures = append(content.Signatures, &dssepb.Signature{Sig: sig, Keyid: s.KeyID})
	}
	text, err := protojson.Marshal(&bundlepb.Bundle{
		MediaType: BundleMediaType,
		VerificationMaterial: &bundlepb.VerificationMaterial{
			Content: &bundlepb.VerificationMaterial_PublicKey{PublicKey: &commonpb.PublicKeyIdentifier{Hint: hint}},
		},
		Content: &bundlepb.Bundle_DsseEnvelope{DsseEnvelope: content},
	})
	if err != nil {
		return nil, fmt.Errorf("bundle: %w", err)
	}
	var compact bytes.Buffer // protojson puts spaces at random
	if err := json.Compact(&compact, text); err != nil {
		return nil, fmt.Errorf("bundle: %w", err)
	}
	return compact.Bytes(), nil
}

// ParseBundle returns the envelope inside a Sigstore bundle v0.3. It checks no signature. Unknown members are an error.
func ParseBundle(text []byte) (*Envelope, error) {
	var b bundlepb.Bundle
	if err := protojson.Unmarshal(text, &b); err != nil {
		return nil, fmt.Errorf("sigstore bundle: %w", err)
	}
	if b.GetMediaType() != BundleMediaType {
		return nil, fmt.Errorf("sigstore bundle: its media type is %q, expected %q", b.GetMediaType(), BundleMediaType)
	}
	content := b.GetDsseEnvelope()
	if content == nil {
		return nil, errors.New("sigstore bundle: no DSSE envelope in it")
	}
	if n := len(content.GetSignatures()); n != 1 {
		return nil, fmt.Errorf("sigstore bundle: %d signatures found, exactly one is expected", n)
	}
	s := content.GetSignatures()[0]
	return &Envelope{
		PayloadType: content.GetPayloadType(),
		Payload:     base64.StdEncoding.EncodeToString(content.GetPayload()),
		Signatures:  []Signature{{KeyID: s.GetKeyid(), Sig: base64.StdEncoding.EncodeToString(s.GetSig())}},
	}, nil
}
