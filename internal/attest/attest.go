// Package attest builds the in-toto statements that travel with an image, one sort a file: SLSA provenance, SCAI and SPDX. A statement's
// bytes are canonical: the same facts give the same bytes, and only times differ between two runs.
package attest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// StatementType is the _type of every statement, see the in-toto attestation framework, "Statement" v1.
const StatementType = "https://in-toto.io/Statement/v1"

// MaxSize bounds a statement that is read, in bytes. An SBOM of ten thousand packages stays below it.
const MaxSize = 32 << 20

// Subject is what a statement is about: an image by name and the SHA-256 of its manifest or index.
type Subject struct {
	Name   string // repository without tag or digest
	Digest string // "sha256:" and 64 hex digits
}

// Statement is one in-toto statement about one subject.
type Statement struct {
	Subject       Subject
	PredicateType string
	JSON          []byte // the whole statement
}

// document is the JSON of a statement; the members of in-toto's own protobuf type with the predicate left as it is.
type document struct {
	Type          string          `json:"_type"`
	Subject       []subject       `json:"subject"`
	PredicateType string          `json:"predicateType"`
	Predicate     json.RawMessage `json:"predicate"`
}

type subject struct {
	Name   string            `json:"name"`
	Digest map[string]string `json:"digest"`
}

var sha256Digest = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)

// Parse reads a statement about exactly one subject with a SHA-256. It is an error if the predicate is itself a statement, as it becomes
// when a whole statement is given to a tool that expects a predicate: its claims would be where no policy looks for them.
func Parse(text []byte) (Statement, error) {
	if len(text) > MaxSize {
		return Statement{}, fmt.Errorf("statement: larger than %d bytes", MaxSize)
	}
	var d document
	dec := json.NewDecoder(bytes.NewReader(text))
	if err := dec.Decode(&d); err != nil {
		return Statement{}, fmt.Errorf("statement: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return Statement{}, errors.New("statement: text follows the JSON object")
	}
	switch {
	case d.Type != StatementType:
		return Statement{}, fmt.Errorf("statement: its _type is %q, expected %q", d.Type, StatementType)
	case len(d.Subject) != 1:
		return Statement{}, fmt.Errorf("statement: %d subjects found, exactly one is expected", len(d.Subject))
	case d.PredicateType == "":
		return Statement{}, errors.New("statement: predicateType is missing")
	}
	var nested map[string]json.RawMessage
	if err := json.Unmarshal(d.Predicate, &nested); err != nil {
		return Statement{}, fmt.Errorf("statement: predicate: %w", err)
	}
	if _, ok := nested["predicateType"]; ok {
		return Statement{}, errors.New("statement: its predicate is a statement itself; give the predicate alone")
	}
	digest := "sha256:" + d.Subject[0].Digest["sha256"]
	if !sha256Digest.MatchString(digest) {
		return Statement{}, fmt.Errorf("statement: subject %q has no sha256 of 64 hex digits", d.Subject[0].Name)
	}
	return Statement{Subject: Subject{Name: d.Subject[0].Name, Digest: digest}, PredicateType: d.PredicateType, JSON: text}, nil
}

// build makes the canonical statement.
func build(about Subject, predicateType string, predicate json.RawMessage) (Statement, error) {
	if !sha256Digest.MatchString(about.Digest) {
		return Statement{}, fmt.Errorf("statement: subject %q: the digest %q is not sha256: and 64 hex digits", about.Name, about.Digest)
	}
	raw, err := json.Marshal(document{
		Type:          StatementType,
		Subject:       []subject{{Name: about.Name, Digest: map[string]string{"sha256": strings.TrimPrefix(about.Digest, "sha256:")}}},
		PredicateType: predicateType,
		Predicate:     predicate,
	})
	if err != nil {
		return Statement{}, fmt.Errorf("statement: %w", err)
	}
	text, err := canonical(raw, nil)
	if err != nil {
		return Statement{}, fmt.Errorf("statement: %w", err)
	}
	return Parse(text)
}

// buildProto makes a statement from a predicate's protobuf type.
func buildProto(about Subject, predicateType string, predicate proto.Message) (Statement, error) {
	raw, err := protojson.Marshal(predicate)
	if err != nil {
		return Statement{}, fmt.Errorf("statement: %w", err)
	}
	return build(about, predicateType, raw)
}

// Identity returns "sha256:" and the digest of the statement without what changes from run to run: two statements with one identity say
// the same.
func (s Statement) Identity() (string, error) {
	text, err := canonical(s.JSON, func(statement map[string]any) {
		predicate, _ := statement["predicate"].(map[string]any)
		switch s.PredicateType {
		case ProvenanceType:
			run, _ := predicate["runDetails"].(map[string]any)
			delete(run, "metadata")
		case SPDXType:
			creation, _ := predicate["creationInfo"].(map[string]any)
			delete(creation, "created")
		case SCAIType:
			attributes, _ := predicate["attributes"].([]any)
			for _, a := range attributes {
				attribute, _ := a.(map[string]any)
				conditions, _ := attribute["conditions"].(map[string]any)
				delete(conditions, conditionRun)
			}
		}
	})
	if err != nil {
		return "", fmt.Errorf("statement: %w", err)
	}
	sum := sha256.Sum256(text)
	return "sha256:" + hex.EncodeToString(sum[:]), nil
}

// canonical rewrites a JSON object with sorted members, no space and numbers as they were written, after edit has changed it.
func canonical(raw []byte, edit func(map[string]any)) ([]byte, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var object map[string]any
	if err := dec.Decode(&object); err != nil {
		return nil, err
	}
	if edit != nil {
		edit(object)
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(object); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
}
