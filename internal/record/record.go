// Package record keeps what was last published of an entry, as release.json beside it.
//
// Builds are reproducible, so the record is the same on every machine that releases the entry; it ties the published catalog to digests.
package record

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"regexp"
	"time"

	"github.com/slipway-dev/slipway/internal/bounded"
)

// File is the record's name in an entry's folder.
const File = "release.json"

// maxSize bounds a record, in bytes.
const maxSize = 64 << 10

// Record is one release.
type Record struct {
	Version   string     `json:"version"` // of the upstream software
	Tag       string     `json:"tag"`
	Digest    string     `json:"digest"` // of the index, "sha256:…"
	Platforms []Platform `json:"platforms"`
	// Released is when this digest was released first, in UTC and whole seconds.
	Released time.Time `json:"released"`
}

// Platform is one platform's image.
type Platform struct {
	Platform string `json:"platform"` // such as linux/amd64
	Digest   string `json:"digest"`   // of the manifest
	Size     int64  `json:"size"`     // compressed, in bytes
}

// Encode returns the record as release.json holds it: indented JSON with a final newline.
func (r Record) Encode() ([]byte, error) {
	r.Released = r.Released.UTC().Truncate(time.Second)
	if err := r.check(); err != nil {
		return nil, err
	}
	text, err := json.MarshalIndent(r, "", "  ")
	return append(text, '\n'), err
}

// Read returns the record in an entry's folder. Without one, the error is fs.ErrNotExist; unknown fields and malformed values are errors.
func Read(dir fs.FS) (Record, error) {
	text, err := bounded.File(dir, File, maxSize)
	if err != nil {
		return Record{}, err
	}
	r, err := decode(text)
	if err != nil {
		return Record{}, fmt.Errorf("%s: %w: remove it, and release the entry again", File, err)
	}
	return r, nil
}

func decode(text []byte) (Record, error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	var r Record
	if err := dec.Decode(&r); err != nil {
		return Record{}, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return Record{}, errors.New("text follows the JSON object")
	}
	return r, r.check()
}

var (
	digestPattern   = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
	tagPattern      = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$`) // OCI distribution specification, "Pulling manifests"
	platformPattern = regexp.MustCompile(`^[a-z0-9]+/[a-z0-9]+(/[a-z0-9.]+)?$`)
)

func (r Record) check() error {
	switch {
	case r.Version == "":
		return errors.New("version is empty")
	case !tagPattern.MatchString(r.Tag):
		return fmt.Errorf("tag: %q is no tag", r.Tag)
	case !digestPattern.MatchString(r.Digest):
		return fmt.Errorf("digest: %q is no SHA-256 digest", r.Digest)
	case len(r.Platforms) == 0:
		return errors.New("platforms is empty")
	case r.Released.IsZero():
		return errors.New("released is missing")
	}
	for i, p := range r.Platforms {
		switch {
		case !platformPattern.MatchString(p.Platform):
			return fmt.Errorf("platforms[%d].platform: %q is no platform", i, p.Platform)
		case !digestPattern.MatchString(p.Digest):
			return fmt.Errorf("platforms[%d].digest: %q is no SHA-256 digest", i, p.Digest)
		case p.Size <= 0:
			return fmt.Errorf("platforms[%d].size: %d is no size", i, p.Size)
		}
	}
	return nil
}
