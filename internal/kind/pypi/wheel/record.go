package wheel

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/csv"
	"errors"
	"fmt"
	"hash"
	"io"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway/internal/unpack"
)

// recorded is what a wheel's record says of one file.
type recorded struct {
	hash string // algorithm=digest, as in sha256=…; empty for what cannot have one
	size int64  // -1 if it is not said
}

// algorithms are those that a record may have: the specification wants SHA-256 or better.
var algorithms = map[string]func() hash.Hash{"sha256": sha256.New, "sha384": sha512.New384, "sha512": sha512.New}

// parseRecord reads a RECORD (Python packaging specification "Recording installed projects").
func parseRecord(data []byte) (map[string]recorded, error) {
	rows := csv.NewReader(bytes.NewReader(data))
	rows.FieldsPerRecord = 3
	all := map[string]recorded{}
	for {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, fmt.Errorf("its RECORD cannot be read: %w", err)
		}
		name := path.Clean(row[0])
		if _, twice := all[name]; twice {
			return nil, fmt.Errorf("its RECORD has %.200q twice", name)
		}
		r := recorded{hash: row[1], size: -1}
		if row[2] != "" {
			if r.size, err = strconv.ParseInt(row[2], 10, 64); err != nil || r.size < 0 {
				return nil, fmt.Errorf("its RECORD says that %.200q has %.30q bytes", name, row[2])
			}
		}
		if r.hash != "" {
			if _, err := newHash(r.hash); err != nil {
				return nil, fmt.Errorf("its RECORD, about %.200q: %w", name, err)
			}
		}
		all[name] = r
	}
}

// newHash returns the hash function of a record's hash.
func newHash(recorded string) (hash.Hash, error) {
	algorithm, digest, _ := strings.Cut(recorded, "=")
	construct := algorithms[algorithm]
	if construct == nil {
		return nil, fmt.Errorf("the hash %.50q is none of sha256, sha384 and sha512, as the specification wants it", recorded)
	}
	h := construct()
	sum, err := base64.RawURLEncoding.Strict().DecodeString(strings.TrimRight(digest, "="))
	if err != nil || len(sum) != h.Size() {
		return nil, fmt.Errorf("the hash %.150q is not one of %s", recorded, algorithm)
	}
	return h, nil
}

// match compares the record with the archive's directory: nothing is in one of them alone, and sizes agree.
func (w *Wheel) match(files map[string]unpack.File, record map[string]recorded) error {
	unhashed := []string{w.InfoDir + "/RECORD", w.InfoDir + "/RECORD.jws", w.InfoDir + "/RECORD.p7s"}
	for _, name := range slices.Sorted(maps.Keys(record)) {
		if _, ok := files[name]; !ok {
			return fmt.Errorf("its RECORD has %.200q, which is not in it", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		f, r := files[name], record[name]
		if slices.Contains(unhashed, name) {
			continue // the record is written anew, and signatures over the old one mean nothing then
		}
		switch {
		case r == recorded{}:
			return fmt.Errorf("it has %.200q, which its RECORD does not name", name)
		case r.hash == "":
			return fmt.Errorf("its RECORD has no hash of %.200q", name)
		case r.size >= 0 && r.size != f.Size:
			return fmt.Errorf("its RECORD says that %.200q has %d bytes, and it has %d", name, r.size, f.Size)
		}
		target, kind, err := w.target(name)
		if err != nil {
			return err
		}
		if path.Base(path.Dir(target)) == "__pycache__" {
			continue // whoever installs compiles; what comes compiled may differ from the source that people read
		}
		w.files = append(w.files, installable{
			Path: name, Target: target, kind: kind, Executable: f.Mode.Perm()&0o111 != 0 || kind == script, Size: f.Size, Hash: r.hash,
		})
	}
	return nil
}

// verifier passes on a file's content, and fails at its end if it is not what the record says.
type verifier struct {
	r    io.Reader
	hash hash.Hash
	want string // as in the record
}

func (v *verifier) Read(p []byte) (int, error) {
	n, err := v.r.Read(p)
	v.hash.Write(p[:n])
	if err == io.EOF {
		algorithm, digest, _ := strings.Cut(v.want, "=")
		if got := base64.RawURLEncoding.EncodeToString(v.hash.Sum(nil)); got != strings.TrimRight(digest, "=") {
			return n, fmt.Errorf("its content has the %s %s, and the RECORD has %.150s", algorithm, got, digest)
		}
	}
	return n, err
}
