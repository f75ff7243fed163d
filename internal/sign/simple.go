package sign

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// SimpleMediaType is that of a simple-signing payload as cosign stores it.
const SimpleMediaType = "application/vnd.dev.cosign.simplesigning.v1+json"

const simpleType = "cosign container image signature"

// simplePayload is cosign's form of the payload that containers-signature(5) describes; see cosign's SIGNATURE_SPEC, "Payloads".
type simplePayload struct {
	Critical struct {
		Identity struct {
			DockerReference string `json:"docker-reference"`
		} `json:"identity"`
		Image struct {
			DockerManifestDigest string `json:"docker-manifest-digest"`
		} `json:"image"`
		Type string `json:"type"`
	} `json:"critical"`
	Optional map[string]any `json:"optional"`
}

// Simple returns the payload that says: the manifest with this digest in this repository is signed.
func Simple(repository, digest string) []byte {
	var p simplePayload
	p.Critical.Identity.DockerReference = repository
	p.Critical.Image.DockerManifestDigest = digest
	p.Critical.Type = simpleType
	text, err := json.Marshal(p)
	if err != nil {
		panic(err) // strings only
	}
	return text
}

// ParseSimple returns the repository and the digest that a payload speaks of. It is an error if the payload is of another type, or if its
// critical part says anything that is not understood, see containers-signature(5), "critical".
func ParseSimple(text []byte) (repository, digest string, err error) {
	var p simplePayload
	if err := decode(text, &p); err != nil {
		return "", "", fmt.Errorf("simple-signing payload: %w", err)
	}
	if p.Critical.Type != simpleType {
		return "", "", fmt.Errorf("simple-signing payload: its type is %q, expected %q", p.Critical.Type, simpleType)
	}
	return p.Critical.Identity.DockerReference, p.Critical.Image.DockerManifestDigest, nil
}

// decode refuses unknown members, and text after the value.
func decode(text []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("text follows the JSON value")
	}
	return nil
}
