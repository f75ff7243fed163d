package unpack

import (
	"bufio"
	"context"
	"errors"
	"io"

	"github.com/klauspost/compress/gzip"
)

// streamLimit is the most that a tar stream within the limits takes: the files, and for each entry its headers and padding. It stops a
// compressed stream that unpacks to much besides files.
func streamLimit(l Limits) int64 {
	const perEntry, ending = 16 << 10, 1 << 20
	return min(l.Bytes, 1<<60) + perEntry*int64(l.Entries) + ending
}

// capped fails once more than left bytes were read.
type capped struct {
	r    io.Reader
	left int64
}

func (c *capped) Read(p []byte) (int, error) {
	if int64(len(p)) > c.left+1 {
		p = p[:c.left+1]
	}
	n, err := c.r.Read(p)
	if int64(n) > c.left {
		return 0, &Error{Reason: "unpacks to far more than its files hold"}
	}
	c.left -= int64(n)
	return n, err
}

// expectPadding reads what follows the end of an archive, which may be zeros only.
func expectPadding(ctx context.Context, r io.Reader) error {
	buffer := make([]byte, 32<<10)
	for {
		n, err := r.Read(buffer)
		if !zero(buffer[:n]) {
			return &Error{Reason: "is followed by data that is not part of it"}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return decodeError(ctx, "is damaged at its end", err)
		}
	}
}

func zero(data []byte) bool {
	for _, b := range data {
		if b != 0 {
			return false
		}
	}
	return true
}

// gunzip reads the members of a gzip file one after the other. Unlike the library's own way of doing so it lets zeros follow the last one,
// with which some tools pad to a block.
type gunzip struct {
	source *bufio.Reader
	member *gzip.Reader
	ended  bool
}

func newGunzip(r io.Reader) (*gunzip, error) {
	source := bufio.NewReaderSize(r, 64<<10)
	member, err := gzip.NewReader(source)
	if err != nil {
		return nil, err
	}
	member.Multistream(false)
	return &gunzip{source: source, member: member}, nil
}

func (g *gunzip) Read(p []byte) (int, error) {
	for !g.ended {
		n, err := g.member.Read(p)
		if n > 0 && err == io.EOF {
			return n, nil
		}
		if err != io.EOF {
			return n, err
		}
		if err := g.next(); err != nil {
			return 0, err
		}
	}
	return 0, io.EOF
}

// next goes on to the following member, if there is one.
func (g *gunzip) next() error {
	b, err := g.source.Peek(1)
	switch {
	case errors.Is(err, io.EOF):
		g.ended = true
		return nil
	case err != nil:
		return err
	case b[0] != 0:
		if err := g.member.Reset(g.source); err != nil {
			return &Error{Reason: "is followed by data that is not gzip", Err: err}
		}
		g.member.Multistream(false)
		return nil
	}
	g.ended = true
	return expectPadding(context.Background(), g.source)
}
