package keyless

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"

	bundlepb "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	commonpb "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	dssepb "github.com/sigstore/protobuf-specs/gen/pb-go/dsse"
	rekorpb "github.com/sigstore/protobuf-specs/gen/pb-go/rekor/v1"
	"github.com/sigstore/sigstore-go/pkg/bundle"

	"github.com/slipway-dev/slipway/internal/sign"
)

// The annotations that cosign writes beside a signature, see its SIGNATURE_SPEC and "Storage".
const (
	signatureAnnotation   = "dev.cosignproject.cosign/signature"
	certificateAnnotation = "dev.sigstore.cosign/certificate"
	logAnnotation         = "dev.sigstore.cosign/bundle"
	timeAnnotation        = "dev.sigstore.cosign/rfc3161timestamp"
)

// annotatedBundle is the oldest form of a bundle, and the only one that takes a log's promise without its proof, as cosign's annotations hold it.
const annotatedBundle = "application/vnd.dev.sigstore.bundle+json;version=0.1"

// ParseBundle reads a Sigstore bundle about an image: a statement in an envelope.
func ParseBundle(text []byte) (*Signature, error) {
	var b bundle.Bundle
	if err := b.UnmarshalJSON(text); err != nil {
		return nil, fmt.Errorf("sigstore bundle: %w", err)
	}
	if b.GetDsseEnvelope() == nil {
		return nil, errors.New("sigstore bundle: it holds no statement, so it does not say which image it is about")
	}
	return &Signature{bundle: &b}, nil
}

// ParseSimple reads a signature as cosign keeps it in a layer: the payload, and in annotations the signature with its certificate and the log's
// entry.
func ParseSimple(payload []byte, annotations map[string]string) (*Signature, error) {
	signature, err := base64.StdEncoding.Strict().DecodeString(annotations[signatureAnnotation])
	if err != nil || len(signature) == 0 {
		return nil, fmt.Errorf("the annotation %s is no signature", signatureAnnotation)
	}
	sum := sha256.Sum256(payload)
	s, err := annotated(annotations, &bundlepb.Bundle{Content: &bundlepb.Bundle_MessageSignature{MessageSignature: &commonpb.MessageSignature{
		MessageDigest: &commonpb.HashOutput{Algorithm: commonpb.HashAlgorithm_SHA2_256, Digest: sum[:]},
		Signature:     signature,
	}}})
	if err != nil {
		return nil, err
	}
	s.simple = payload
	return s, nil
}

// ParseEnvelope reads a statement as cosign keeps it in a layer: an envelope, and in annotations its certificate and the log's entry.
func ParseEnvelope(text []byte, annotations map[string]string) (*Signature, error) {
	e, err := sign.ParseEnvelope(text)
	if err != nil {
		return nil, err
	}
	payload, err := base64.StdEncoding.DecodeString(e.Payload)
	if err != nil {
		return nil, fmt.Errorf("the envelope's payload: %w", err)
	}
	signature, err := base64.StdEncoding.DecodeString(e.Signatures[0].Sig)
	if err != nil {
		return nil, fmt.Errorf("the envelope's signature: %w", err)
	}
	return annotated(annotations, &bundlepb.Bundle{Content: &bundlepb.Bundle_DsseEnvelope{DsseEnvelope: &dssepb.Envelope{
		Payload: payload, PayloadType: e.PayloadType,
		Signatures: []*dssepb.Signature{{Sig: signature, Keyid: e.Signatures[0].KeyID}},
	}}})
}

// annotated completes a bundle from cosign's annotations.
func annotated(annotations map[string]string, b *bundlepb.Bundle) (*Signature, error) {
	b.MediaType = annotatedBundle
	material := &bundlepb.VerificationMaterial{}
	b.VerificationMaterial = material
	if certificate, ok := annotations[certificateAnnotation]; ok {
		block, _ := pem.Decode([]byte(certificate))
		if block == nil || block.Type != "CERTIFICATE" {
			return nil, fmt.Errorf("the annotation %s is no certificate", certificateAnnotation)
		}
		material.Content = &bundlepb.VerificationMaterial_X509CertificateChain{X509CertificateChain: &commonpb.X509CertificateChain{
			Certificates: []*commonpb.X509Certificate{{RawBytes: block.Bytes}},
		}}
	} else {
		material.Content = &bundlepb.VerificationMaterial_PublicKey{PublicKey: &commonpb.PublicKeyIdentifier{}}
	}
	if text, ok := annotations[logAnnotation]; ok {
		logged, err := logEntry([]byte(text))
		if err != nil {
			return nil, fmt.Errorf("the annotation %s: %w", logAnnotation, err)
		}
		material.TlogEntries = []*rekorpb.TransparencyLogEntry{logged}
	}
	if text, ok := annotations[timeAnnotation]; ok {
		var stamp struct{ SignedRFC3161Timestamp []byte }
		if err := json.Unmarshal([]byte(text), &stamp); err != nil {
			return nil, fmt.Errorf("the annotation %s: %w", timeAnnotation, err)
		}
		material.TimestampVerificationData = &bundlepb.TimestampVerificationData{
			Rfc3161Timestamps: []*commonpb.RFC3161SignedTimestamp{{SignedTimestamp: stamp.SignedRFC3161Timestamp}},
		}
	}
	checked, err := bundle.NewBundle(b)
	if err != nil {
		return nil, err
	}
	return &Signature{bundle: checked}, nil
}

// logEntry reads what Rekor promised, as cosign writes it.
func logEntry(text []byte) (*rekorpb.TransparencyLogEntry, error) {
	var promise struct {
		SignedEntryTimestamp []byte
		Payload              struct {
			Body           []byte `json:"body"`
			IntegratedTime int64  `json:"integratedTime"`
			LogIndex       int64  `json:"logIndex"`
			LogID          string `json:"logID"`
		}
	}
	if err := json.Unmarshal(text, &promise); err != nil {
		return nil, err
	}
	id, err := hex.DecodeString(promise.Payload.LogID)
	if err != nil {
		return nil, fmt.Errorf("logID: %w", err)
	}
	var kind struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
	}
	if err := json.Unmarshal(promise.Payload.Body, &kind); err != nil {
		return nil, fmt.Errorf("body: %w", err)
	}
	return &rekorpb.TransparencyLogEntry{
		LogIndex: promise.Payload.LogIndex, LogId: &commonpb.LogId{KeyId: id}, IntegratedTime: promise.Payload.IntegratedTime,
		KindVersion:       &rekorpb.KindVersion{Kind: kind.Kind, Version: kind.APIVersion},
		InclusionPromise:  &rekorpb.InclusionPromise{SignedEntryTimestamp: promise.SignedEntryTimestamp},
		CanonicalizedBody: promise.Payload.Body,
	}, nil
}
