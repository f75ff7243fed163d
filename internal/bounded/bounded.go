// Package bounded reads from files and streams of strangers: no more bytes than expected, and no longer than wanted.
package bounded

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
)

// ErrNotRegular is the error of a directory, a link that leads to one, a device or a pipe in a file's place.
var ErrNotRegular = errors.New("not a regular file")

// SizeError says that there is more than may be read.
type SizeError struct {
	Limit int64 // in bytes
}

func (e *SizeError) Error() string { return fmt.Sprintf("larger than %d bytes", e.Limit) }

// Read returns all that r holds. More than limit bytes are a *SizeError.
func Read(r io.Reader, limit int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, &SizeError{limit}
	}
	return data, nil
}

// File returns the content of a file as Read does. All errors name it; where it does not exist they are fs.ErrNotExist, and for what is no
// file ErrNotRegular.
func File(fsys fs.FS, name string, limit int64) ([]byte, error) {
	info, err := fs.Stat(fsys, name) // before it is opened, for on a pipe that would wait
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: %w", name, ErrNotRegular)
	}
	file, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := Read(file, limit)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return data, nil
}

// Reader returns a reader of r that fails with the context's error once ctx has ended. It does not interrupt a Read that waits.
func Reader(ctx context.Context, r io.Reader) io.Reader { return &reader{ctx, r} }

type reader struct {
	ctx context.Context
	r   io.Reader
}

func (r *reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}
