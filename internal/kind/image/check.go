package image

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/opencontainers/go-digest"

	"github.com/slipway-dev/slipway/internal/bounded"
	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/kind"
)

// maxLock bounds a lock, in bytes.
const maxLock = 64 << 10

// CheckLock reports why the lock in dir does not pin what the entry says; see kind.Ecosystem. An entry that names no digest has no lock.
func (*Ecosystem) CheckLock(e entry.Entry, dir fs.FS) error {
	_, err := load(e, dir)
	return err
}

// load returns the pins of an entry, which are nil for one without a digest.
func load(e entry.Entry, dir fs.FS) (*pins, error) {
	if e.Image == nil {
		return nil, &kind.LockError{File: LockFile, Reason: "the entry names no image"}
	}
	text, err := bounded.File(dir, LockFile, maxLock)
	var size *bounded.SizeError
	switch {
	case errors.Is(err, fs.ErrNotExist) && e.Image.Digest == "":
		return nil, nil //nolint:nilnil // nothing is pinned, and that is no error
	case errors.Is(err, fs.ErrNotExist):
		return nil, &kind.LockError{File: LockFile, Reason: "is missing: run catalogctl lock " + e.Name}
	case errors.As(err, &size), errors.Is(err, bounded.ErrNotRegular):
		return nil, &kind.LockError{File: LockFile, Reason: fmt.Sprintf("is no lock: %v: remove it, and run catalogctl lock %s", err, e.Name)}
	case err != nil:
		return nil, fmt.Errorf("cannot read the lock of %s: %w", e.ID(), err)
	case e.Image.Digest == "":
		return nil, &kind.LockError{File: LockFile, Reason: "pins a digest, and the entry names none: write it as image.digest, or remove the lock"}
	}
	found, err := parsePins(text)
	if err != nil {
		return nil, &kind.LockError{File: LockFile, Reason: fmt.Sprintf("%v: run catalogctl lock %s", err, e.Name)}
	}
	return found, found.check(e)
}

// parsePins reads a lock in the only form that it may have.
func parsePins(text []byte) (*pins, error) {
	var p pins
	if err := json.Unmarshal(text, &p); err != nil {
		return nil, fmt.Errorf("is not valid JSON: %w", err)
	}
	if again, err := p.encode(); err != nil || !bytes.Equal(again, text) {
		return nil, errors.New("is not as catalogctl writes it")
	}
	return &p, nil
}

// check returns every reason why the pins are not those of the entry, joined.
func (p *pins) check(e entry.Entry) error {
	var errs []error
	refuse := func(field, format string, args ...any) {
		errs = append(errs, &kind.LockError{File: LockFile, Field: field, Reason: fmt.Sprintf(format, args...)})
	}
	if p.Tag != e.Image.Tag {
		refuse("tag", "is %.128q, but the entry wants %q: run catalogctl lock %s", p.Tag, e.Image.Tag, e.Name)
	}
	if p.Digest.String() != e.Image.Digest {
		refuse("digest", "is %.128q, but the entry pins %s: run catalogctl lock %s", p.Digest, e.Image.Digest, e.Name)
	}
	if len(p.Platforms) == 0 {
		refuse("platforms", "is empty, so that nothing could be run: run catalogctl lock %s", e.Name)
	}
	seen := map[string]bool{}
	for n, one := range p.Platforms {
		field := fmt.Sprintf("platforms[%d]", n)
		if platform, err := v1.ParsePlatform(one.Platform); err != nil || platform.OS == "" || platform.Architecture == "" {
			refuse(field+".platform", "is %.60q, want one such as linux/amd64: run catalogctl lock %s", one.Platform, e.Name)
		}
		if seen[one.Platform] {
			refuse(field+".platform", "is %.60q for the second time: run catalogctl lock %s", one.Platform, e.Name)
		}
		seen[one.Platform] = true
		if err := one.Digest.Validate(); err != nil || one.Digest.Algorithm() != digest.SHA256 {
			refuse(field+".digest", "is %.128q, want a SHA-256: run catalogctl lock %s", one.Digest, e.Name)
		}
	}
	return errors.Join(errs...)
}
