package unpack

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/klauspost/compress/zstd"
	"github.com/therootcompany/xz"

	"github.com/slipway-dev/slipway/internal/bounded"
)

const (
	// maxControl bounds the files of a package's control archive together; real ones have some kilobytes.
	maxControl = 4 << 20
	// maxWindow is the most memory that an xz or zstd stream may ask for, in bytes; dpkg needs 8 MiB for its own at most.
	maxWindow = 64 << 20
)

// Deb reads a Debian binary package, format 2.0 (deb(5)): it calls visit for every entry of its data archive and returns the text of its
// control file. Links inside the tree are allowed whatever the limits say, as packages cannot do without. Maintainer scripts are not run
// nor returned. The members may be compressed with xz, zstd or gzip, or not at all.
func Deb(ctx context.Context, r io.Reader, l Limits, visit Visit) (control []byte, err error) {
	members, err := newArReader(bufio.NewReaderSize(bounded.Reader(ctx, r), 64<<10))
	if err != nil {
		return nil, decodeError(ctx, "is not a Debian package", err)
	}
	l.Links = true
	for _, want := range []string{"debian-binary", "control.tar", "data.tar"} {
		name, body, err := members.next()
		for err == nil && strings.HasPrefix(name, "_") { // deb(5) reserves these for additions that may be ignored
			name, body, err = members.next()
		}
		if err != nil {
			return nil, decodeError(ctx, "is a Debian package without its member "+want, err)
		}
		if !strings.HasPrefix(name, want) {
			return nil, &Error{Path: name, Reason: "stands where a Debian package has its member " + want}
		}
		switch want {
		case "debian-binary":
			err = checkVersion(body)
		case "control.tar":
			control, err = readControl(ctx, name, body)
		case "data.tar":
			err = readMember(ctx, name, "data.tar", body, l, visit)
		}
		if err != nil {
			return nil, err
		}
	}
	if len(control) == 0 {
		return nil, &Error{Reason: "is a Debian package without a control file"}
	}
	return control, nil
}

func checkVersion(r io.Reader) error {
	version, err := io.ReadAll(io.LimitReader(r, 64))
	if err != nil {
		return &Error{Path: "debian-binary", Reason: "cannot be read", Err: err}
	}
	if !bytes.HasPrefix(version, []byte("2.")) {
		return &Error{Path: "debian-binary", Reason: fmt.Sprintf("says format %q: only 2.x is known", version)}
	}
	return nil
}

func readControl(ctx context.Context, name string, r io.Reader) (control []byte, err error) {
	l := Limits{Entries: 1000, Bytes: maxControl, FileBytes: maxControl}
	err = readMember(ctx, name, "control.tar", r, l, func(f File, content io.Reader) error {
		if f.Path == "control" && f.Mode.IsRegular() {
			control, err = io.ReadAll(content)
			return err
		}
		return nil
	})
	return control, err
}

// readMember reads one compressed tar archive of a package to its end.
func readMember(ctx context.Context, name, stem string, r io.Reader, l Limits, visit Visit) error {
	plain := r
	switch strings.TrimPrefix(name, stem) {
	case "":
	case ".gz":
		decoder, err := newGunzip(r)
		if err != nil {
			return decodeError(ctx, name+" is not gzip", err)
		}
		plain = decoder
	case ".xz":
		decoder, err := xz.NewReader(r, maxWindow)
		if err != nil {
			return decodeError(ctx, name+" is not xz", err)
		}
		plain = decoder
	case ".zst":
		decoder, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxWindow))
		if err != nil {
			return decodeError(ctx, name+" is not zstd", err)
		}
		defer decoder.Close()
		plain = decoder
	default:
		return &Error{Path: name, Reason: "is compressed in a way that is not known here: xz, zst and gz are"}
	}
	return walk(ctx, plain, 0, l, visit)
}

// arReader reads an ar archive as dpkg writes it: names of at most 15 bytes in the header. It is our own because the library for it,
// blakesmith/ar, checks neither the magic nor the header's end and takes a broken or negative size for a number.
type arReader struct {
	r    io.Reader
	body *io.LimitedReader
	pad  int64
}

func newArReader(r io.Reader) (*arReader, error) {
	magic := make([]byte, 8)
	if _, err := io.ReadFull(r, magic); err != nil {
		return nil, err
	}
	if string(magic) != "!<arch>\n" {
		return nil, errors.New("it does not begin as an ar archive")
	}
	return &arReader{r: r, body: &io.LimitedReader{R: r}}, nil
}

// next returns the next member; its body is valid until the next call. It returns io.EOF at the end.
func (a *arReader) next() (name string, body io.Reader, err error) {
	if skip := a.body.N + a.pad; skip > 0 {
		if _, err := io.CopyN(io.Discard, a.r, skip); err != nil {
			return "", nil, err
		}
	}
	header := make([]byte, 60)
	if _, err := io.ReadFull(a.r, header); err != nil {
		return "", nil, err
	}
	if string(header[58:]) != "`\n" {
		return "", nil, errors.New("an ar header does not end as one")
	}
	size, err := strconv.ParseUint(strings.TrimRight(string(header[48:58]), " "), 10, 62)
	if err != nil {
		return "", nil, fmt.Errorf("an ar header has a wrong size: %w", err)
	}
	a.body.N, a.pad = int64(size), int64(size%2)
	name = strings.TrimSuffix(strings.TrimRight(string(header[:16]), " "), "/")
	return name, a.body, nil
}
