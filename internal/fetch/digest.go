package fetch

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"os"
	"strings"
)

// Digest is the hash of a file's content.
type Digest struct {
	Algorithm string // "sha256" or "sha512"
	Hex       string // lower-case hexadecimal digits
}

// Parse reads a digest as OCI writes it: "sha256:" or "sha512:" and lower-case hexadecimal digits.
func Parse(s string) (Digest, error) {
	algorithm, digits, _ := strings.Cut(s, ":")
	d := Digest{algorithm, digits}
	if err := d.validate(); err != nil {
		return Digest{}, err
	}
	return d, nil
}

// ParseSRI reads a digest as Subresource Integrity writes it: "sha256-" or "sha512-" and base64. Where several are listed, separated by
// spaces, the strongest counts (W3C Subresource Integrity, section 3.3.3); a list without any of the two is an error.
func ParseSRI(s string) (Digest, error) {
	var best Digest
	for field := range strings.FieldsSeq(s) {
		field, _, _ = strings.Cut(field, "?") // options, of which none is defined
		algorithm, value, _ := strings.Cut(field, "-")
		if algorithm != "sha256" && algorithm != "sha512" {
			continue
		}
		sum, err := base64.StdEncoding.Strict().DecodeString(value)
		if err != nil {
			return Digest{}, fmt.Errorf("integrity %q is not base64: %w", s, err)
		}
		d := Digest{algorithm, hex.EncodeToString(sum)}
		if err := d.validate(); err != nil {
			return Digest{}, fmt.Errorf("integrity %q: %w", s, err)
		}
		if d.Algorithm > best.Algorithm {
			best = d
		}
	}
	if best.Algorithm == "" {
		return Digest{}, fmt.Errorf("integrity %q holds neither a sha512 nor a sha256 hash", s)
	}
	return best, nil
}

// String returns the digest in the form that Parse reads.
func (d Digest) String() string { return d.Algorithm + ":" + d.Hex }

// SRI returns the digest in the form that ParseSRI reads.
func (d Digest) SRI() string {
	sum, _ := hex.DecodeString(d.Hex)
	return d.Algorithm + "-" + base64.StdEncoding.EncodeToString(sum)
}

func (d Digest) validate() error {
	var size int
	switch d.Algorithm {
	case "sha256":
		size = sha256.Size
	case "sha512":
		size = sha512.Size
	default:
		return fmt.Errorf("digest %q is neither sha256 nor sha512", d)
	}
	if len(d.Hex) != 2*size || strings.Trim(d.Hex, "0123456789abcdef") != "" {
		return fmt.Errorf("digest %q does not have %d lower-case hexadecimal digits", d, 2*size)
	}
	return nil
}

// hash returns a new hash of the digest's algorithm, which must be a valid one.
func (d Digest) hash() hash.Hash {
	if d.Algorithm == "sha512" {
		return sha512.New()
	}
	return sha256.New()
}

// hashFile returns the digest of a file, of which it reads no more than one byte beyond limit.
func hashFile(path, algorithm string, limit int64) (Digest, error) {
	file, err := os.Open(path)
	if err != nil {
		return Digest{}, err
	}
	defer file.Close()
	h := Digest{Algorithm: algorithm}.hash()
	if _, err := io.Copy(h, io.LimitReader(file, limit+1)); err != nil {
		return Digest{}, err
	}
	return Digest{algorithm, hex.EncodeToString(h.Sum(nil))}, nil
}
