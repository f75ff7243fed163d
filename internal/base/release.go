package base

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/clearsign"
	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/slipway-dev/slipway/internal/fetch"
)

// Bounds of what an archive serves.
const (
	maxRelease  = 4 << 20
	maxPackages = 64 << 20 // compressed
	maxDeb      = 256 << 20
)

// release is the signed index of a suite.
type release struct {
	suite  Suite
	signed time.Time
	byHash bool // files are also found under their hash, where they do not change under a reader's hands
	files  map[string]indexed
}

// indexed is a file that a release names.
type indexed struct {
	digest fetch.Digest
	size   int64
}

// readRelease checks an InRelease file: its signature by one of the keys, the suite, and that it is of this time. Nothing outside the signed
// text is looked at.
func readRelease(data []byte, suite string, keys openpgp.EntityList, now time.Time) (release, error) {
	refuse := func(format string, args ...any) (release, error) {
		return release{}, fmt.Errorf("the index of suite %s is refused: %w", suite, fmt.Errorf(format, args...))
	}
	block, rest := clearsign.Decode(data)
	if block == nil || !bytes.HasPrefix(data, []byte("-----BEGIN PGP SIGNED MESSAGE-----")) || len(bytes.TrimSpace(rest)) > 0 {
		return refuse("it is not one signed message and nothing else; check the mirror")
	}
	if _, err := block.VerifySignature(keys, &packet.Config{Time: func() time.Time { return now }}); err != nil {
		return refuse("its signature is not by a key in %s: %w; use another mirror, or update the keys if Debian has new ones", KeyringFile, err)
	}
	paragraphs := newStanzas(bytes.NewReader(block.Bytes))
	fields, err := paragraphs.next()
	if err != nil {
		return refuse("it cannot be read: %w", err)
	}
	if _, err := paragraphs.next(); err != io.EOF {
		return refuse("it has more than one paragraph")
	}
	if fields["Codename"] != suite {
		return refuse("it is that of suite %q", fields["Codename"])
	}
	signed, err := parseDate(fields["Date"])
	if err != nil {
		return refuse("its Date: %w", err)
	}
	if signed.After(now.Add(24 * time.Hour)) {
		return refuse("it was made on %s, which is in the future; check this machine's clock", signed.Format(time.DateOnly))
	}
	if until := fields["Valid-Until"]; until != "" {
		end, err := parseDate(until)
		if err != nil {
			return refuse("its Valid-Until: %w", err)
		}
		if now.After(end) {
			return refuse("it was valid until %s only; the mirror is out of date, use another", end.Format(time.RFC3339))
		}
	}
	files, err := parseFiles(fields["Sha256"])
	if err != nil {
		return refuse("its list of files: %w", err)
	}
	return release{
		suite:  Suite{Name: suite, Release: fields["Version"], Date: signed.Format(time.RFC3339)},
		signed: signed,
		byHash: fields["Acquire-By-Hash"] == "yes",
		files:  files,
	}, nil
}

// parseDate reads a date as Release files have it: that of RFC 9110 with UTC in place of GMT, or with the offset +0000.
func parseDate(s string) (time.Time, error) {
	if date, err := time.Parse(time.RFC1123Z, s); err == nil {
		return date.UTC(), nil
	}
	if before, ok := strings.CutSuffix(s, " UTC"); ok {
		s = before + " GMT"
	}
	date, err := http.ParseTime(s)
	return date.UTC(), err
}

// parseFiles reads the lines of hash, size and path. A path that stands twice with different hashes is an error.
func parseFiles(list string) (map[string]indexed, error) {
	files := map[string]indexed{}
	for line := range strings.Lines(list) {
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		if len(fields) != 3 {
			return nil, fmt.Errorf("the line %.80q is not a hash, a size and a path", line)
		}
		digest, err := fetch.Parse("sha256:" + fields[0])
		if err != nil {
			return nil, err
		}
		size, err := strconv.ParseInt(fields[1], 10, 64)
		if err != nil || size < 0 {
			return nil, fmt.Errorf("the size %.40q is no number of bytes", fields[1])
		}
		file := indexed{digest, size}
		if before, ok := files[fields[2]]; ok && before != file {
			return nil, fmt.Errorf("%.80q stands twice", fields[2])
		}
		files[fields[2]] = file
	}
	return files, nil
}
