// Package unpack reads archives from strangers. It extracts nothing itself: it hands every file of an archive to its caller, after checking
// that its path, its type and its size are harmless.
//
// What it refuses, in every format: absolute paths, "..", backslashes, NUL, invalid UTF-8 and overlong names; files inside what is no
// directory; one path twice, for tools differ in which of the two counts (a directory may be named again); devices and pipes; links out of
// the tree; more than its Limits allow, before it is unpacked; and trailing data other than padding.
package unpack

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/slipway-dev/slipway/internal/bounded"
)

// Limits bounds what one archive may hold. All must be positive.
type Limits struct {
	Entries   int   // files, directories and links
	Bytes     int64 // of all files together, unpacked
	FileBytes int64 // of each file, unpacked
	// Links allows symbolic and hard links that stay inside the tree. Without it any link is refused.
	Links bool
}

// File is one entry of an archive.
type File struct {
	Path string // clean, relative, slash-separated
	// Mode holds the type, which is regular, directory or symbolic link, the permission bits, and of a directory the sticky bit.
	Mode fs.FileMode
	Size int64 // of a regular file, in bytes
	// Link is the target of a symbolic link as it was written. On a regular file it is the path of the earlier file that this one is a hard
	// link to; such a file has no content of its own.
	Link string
}

// Error says why an archive is refused.
type Error struct {
	Path   string // of the entry as the archive names it; empty if the archive itself is at fault
	Reason string
	Err    error // what the decoder said, if it was a decoder
}

func (e *Error) Error() string {
	s := "archive refused: "
	if e.Path != "" {
		s += fmt.Sprintf("%q ", e.Path)
	}
	s += e.Reason
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

func (e *Error) Unwrap() error { return e.Err }

// Visit is called for every entry in the order of the archive. The reader gives the content of a regular file and is valid during the call;
// what is left unread is skipped. Its error ends the reading and is returned as it is.
type Visit func(File, io.Reader) error

// TarGzip reads a gzip-compressed tar archive (RFC 1952; POSIX.1-2001 pax, ustar or GNU). The first strip components of every path are
// removed, whatever their names, and entries with no more components than that are skipped. A refused archive gives an *Error.
func TarGzip(ctx context.Context, r io.Reader, strip int, l Limits, visit Visit) error {
	plain, err := newGunzip(bounded.Reader(ctx, r))
	if err != nil {
		return decodeError(ctx, "is not a gzip file", err)
	}
	return walk(ctx, plain, strip, l, visit)
}

// walk reads one tar stream to its very end, so that checksums which follow the data are verified too.
func walk(ctx context.Context, r io.Reader, strip int, l Limits, visit Visit) error {
	if l.Entries <= 0 || l.Bytes <= 0 || l.FileBytes <= 0 {
		return errors.New("unpack: a limit is missing")
	}
	stream := &capped{r: r, left: streamLimit(l)}
	archive := tar.NewReader(stream)
	tree := tree{seen: map[string]fs.FileMode{"": fs.ModeDir}, limits: l}
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		header, err := archive.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return decodeError(ctx, "is not a valid tar archive", err)
		}
		file, ok, err := tree.admit(header, strip)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		content := &content{r: archive, ctx: ctx, path: header.Name}
		if err := visit(file, content); err != nil {
			return err
		}
	}
	return expectPadding(ctx, stream)
}

// content is one file's data. It turns what goes wrong in the archive beneath it into an *Error.
type content struct {
	r    io.Reader
	ctx  context.Context
	path string
}

func (c *content) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	if err != nil && err != io.EOF {
		refused := decodeError(c.ctx, "cannot be read", err)
		var e *Error
		if errors.As(refused, &e) && e.Path == "" {
			e.Path = c.path
		}
		err = refused
	}
	return n, err
}

// decodeError tells a broken archive from a caller who gave up and from a reader that failed.
func decodeError(ctx context.Context, reason string, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var refused *Error
	if errors.As(err, &refused) {
		return refused
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return &Error{Reason: reason, Err: err}
}
