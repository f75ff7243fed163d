// Package keylesstest is a small Sigstore of its own, for tests: an authority that gives certificates to whatever identity is asked for, and a
// log that promises to have seen everything.
package keylesstest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/url"
	"strings"
	"time"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	bundlepb "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	commonpb "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	dssepb "github.com/sigstore/protobuf-specs/gen/pb-go/dsse"
	rekorpb "github.com/sigstore/protobuf-specs/gen/pb-go/rekor/v1"
	rootpb "github.com/sigstore/protobuf-specs/gen/pb-go/trustroot/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// Claims is what a certificate says of its holder.
type Claims struct {
	Identity   string // an https URI, or an address of mail
	Issuer     string
	Repository string
	Runner     string
	// Issued is when the certificate was issued, for ten minutes; now if it is zero. The log says to have seen the signature a minute later.
	Issued time.Time
	// Logged is when the log says to have seen the signature, if not then.
	Logged time.Time
}

// Workflow claims what GitHub's runners get for a workflow of a repository at a tag.
func Workflow(repository, workflow string) Claims {
	return Claims{
		Identity: repository + "/" + workflow + "@refs/tags/v1.2.3", Issuer: "https://token.actions.githubusercontent.com",
		Repository: repository, Runner: "github-hosted",
	}
}

// Authority gives certificates and keeps a log.
type Authority struct {
	authority *x509.Certificate
	key, log  *ecdsa.PrivateKey
	started   time.Time
}

// New returns an authority that nobody knows yet. It panics where a mistake in this package is the only cause, as all that follows does.
func New() *Authority {
	a := &Authority{key: newKey(), log: newKey(), started: time.Now().Add(-24 * time.Hour)}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority", Organization: []string{"test"}},
		NotBefore: a.started, NotAfter: a.started.Add(1000 * time.Hour),
		KeyUsage: x509.KeyUsageCertSign, IsCA: true, BasicConstraintsValid: true,
	}
	a.authority = certify(template, template, &a.key.PublicKey, a.key)
	return a
}

func newKey() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)) }

func certify(template, parent *x509.Certificate, public *ecdsa.PublicKey, by *ecdsa.PrivateKey) *x509.Certificate {
	return must(x509.ParseCertificate(must(x509.CreateCertificate(rand.Reader, template, parent, public, by))))
}

// Root returns a trusted_root.json that trusts the authority and its log.
func (a *Authority) Root() []byte {
	valid := &commonpb.TimeRange{Start: timestamppb.New(a.started)}
	public := must(x509.MarshalPKIXPublicKey(&a.log.PublicKey))
	return must(protojson.Marshal(&rootpb.TrustedRoot{
		MediaType: "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
		Tlogs: []*rootpb.TransparencyLogInstance{{
			BaseUrl: "https://log.example.com", HashAlgorithm: commonpb.HashAlgorithm_SHA2_256,
			PublicKey: &commonpb.PublicKey{RawBytes: public, KeyDetails: commonpb.PublicKeyDetails_PKIX_ECDSA_P256_SHA_256, ValidFor: valid},
			LogId:     &commonpb.LogId{KeyId: a.logID()},
		}},
		CertificateAuthorities: []*rootpb.CertificateAuthority{{
			Subject: &commonpb.DistinguishedName{Organization: "test", CommonName: "authority"}, Uri: "https://authority.example.com", ValidFor: valid,
			CertChain: &commonpb.X509CertificateChain{Certificates: []*commonpb.X509Certificate{{RawBytes: a.authority.Raw}}},
		}},
	}))
}

func (a *Authority) logID() []byte {
	sum := sha256.Sum256(must(x509.MarshalPKIXPublicKey(&a.log.PublicKey)))
	return sum[:]
}

// signed is a signature with all that makes it one.
type signed struct {
	signature []byte
	leaf      *x509.Certificate
	body      []byte // of the log's entry
	logged    int64
	promise   []byte
}

// sign signs a message as whoever claims are true of. Entry makes the body of the log's entry.
func (a *Authority) sign(c Claims, message []byte, entry func(signature, certificate []byte) any) signed {
	if c.Issued.IsZero() {
		c.Issued = time.Now().Add(-time.Minute)
	}
	if c.Logged.IsZero() {
		c.Logged = c.Issued.Add(time.Minute)
	}
	key := newKey()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), NotBefore: c.Issued, NotAfter: c.Issued.Add(10 * time.Minute),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning},
	}
	if strings.Contains(c.Identity, "://") {
		template.URIs = []*url.URL{must(url.Parse(c.Identity))}
	} else {
		template.EmailAddresses = []string{c.Identity}
	}
	// The extensions of Fulcio's certificates, by their last number.
	for number, value := range map[int]string{8: c.Issuer, 11: c.Runner, 12: c.Repository} {
		if value != "" {
			template.ExtraExtensions = append(template.ExtraExtensions, pkix.Extension{
				Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57264, 1, number}, Value: must(asn1.MarshalWithParams(value, "utf8")),
			})
		}
	}
	s := signed{leaf: certify(template, a.authority, &key.PublicKey, a.key), logged: c.Logged.Unix(), signature: signature(key, message)}
	s.body = must(json.Marshal(entry(s.signature, s.certificate())))
	s.promise = signature(a.log, fmt.Appendf(nil, `{"body":%q,"integratedTime":%d,"logID":%q,"logIndex":7}`,
		base64.StdEncoding.EncodeToString(s.body), s.logged, hex.EncodeToString(a.logID())))
	return s
}

func signature(key *ecdsa.PrivateKey, message []byte) []byte {
	sum := sha256.Sum256(message)
	return must(ecdsa.SignASN1(rand.Reader, key, sum[:]))
}

func (s signed) certificate() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.leaf.Raw})
}

// annotations are those that cosign writes beside a signature.
func (a *Authority) annotations(s signed, annotated string) map[string]string {
	return map[string]string{
		"dev.cosignproject.cosign/signature": annotated,
		"dev.sigstore.cosign/certificate":    string(s.certificate()),
		"dev.sigstore.cosign/bundle": string(must(json.Marshal(map[string]any{
			"SignedEntryTimestamp": s.promise,
			"Payload": map[string]any{
				"body": s.body, "integratedTime": s.logged, "logIndex": 7, "logID": hex.EncodeToString(a.logID()),
			},
		}))),
	}
}

// Simple signs a simple-signing payload and returns the annotations of the layer that holds it.
func (a *Authority) Simple(c Claims, payload []byte) map[string]string {
	s := a.sign(c, payload, func(signature, certificate []byte) any {
		return object{"apiVersion": "0.0.1", "kind": "hashedrekord", "spec": object{
			"data":      object{"hash": sum(payload)},
			"signature": object{"content": signature, "publicKey": object{"content": certificate}},
		}}
	})
	return a.annotations(s, base64.StdEncoding.EncodeToString(s.signature))
}

type object = map[string]any

func sum(content []byte) object {
	digest := sha256.Sum256(content)
	return object{"algorithm": "sha256", "value": hex.EncodeToString(digest[:])}
}

const payloadType = "application/vnd.in-toto+json"

// statement signs an in-toto statement.
func (a *Authority) statement(c Claims, statement []byte) signed {
	return a.sign(c, dsse.PAE(payloadType, statement), func(signature, certificate []byte) any {
		return object{"apiVersion": "0.0.1", "kind": "dsse", "spec": object{
			"envelopeHash": sum(envelope(statement, signature)), "payloadHash": sum(statement),
			"signatures": []object{{"signature": base64.StdEncoding.EncodeToString(signature), "verifier": certificate}},
		}}
	})
}

func envelope(statement, signature []byte) []byte {
	return must(json.Marshal(object{"payloadType": payloadType, "payload": statement, "signatures": []object{{"keyid": "", "sig": signature}}}))
}

// Envelope signs a statement as cosign keeps it in a layer, and returns the layer with its annotations.
func (a *Authority) Envelope(c Claims, statement []byte) ([]byte, map[string]string) {
	s := a.statement(c, statement)
	return envelope(statement, s.signature), a.annotations(s, "")
}

// Bundle signs a statement and returns it as a Sigstore bundle.
func (a *Authority) Bundle(c Claims, statement []byte) []byte {
	s := a.statement(c, statement)
	return must(protojson.Marshal(&bundlepb.Bundle{
		MediaType: "application/vnd.dev.sigstore.bundle+json;version=0.1",
		VerificationMaterial: &bundlepb.VerificationMaterial{
			Content: &bundlepb.VerificationMaterial_X509CertificateChain{X509CertificateChain: &commonpb.X509CertificateChain{
				Certificates: []*commonpb.X509Certificate{{RawBytes: s.leaf.Raw}},
			}},
			TlogEntries: []*rekorpb.TransparencyLogEntry{{
				LogIndex: 7, LogId: &commonpb.LogId{KeyId: a.logID()}, KindVersion: &rekorpb.KindVersion{Kind: "dsse", Version: "0.0.1"},
				IntegratedTime: s.logged, InclusionPromise: &rekorpb.InclusionPromise{SignedEntryTimestamp: s.promise}, CanonicalizedBody: s.body,
			}},
		},
		Content: &bundlepb.Bundle_DsseEnvelope{DsseEnvelope: &dssepb.Envelope{
			Payload: statement, PayloadType: payloadType, Signatures: []*dssepb.Signature{{Sig: s.signature}},
		}},
	}))
}

// Statement returns an in-toto statement about an image.
func Statement(digest string) []byte {
	return must(json.Marshal(object{
		"_type": "https://in-toto.io/Statement/v1", "predicateType": "https://slsa.dev/provenance/v1", "predicate": object{"buildDefinition": object{}},
		"subject": []object{{"name": "server", "digest": object{"sha256": strings.TrimPrefix(digest, "sha256:")}}},
	}))
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}
