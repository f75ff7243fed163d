package unpack

import (
	"archive/zip"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/bounded"
)

// Zip reads a zip archive of size bytes (PKWARE APPNOTE 6.3.10, files stored or deflated). Beyond what is refused in every format, it refuses
// links, encrypted files, paths that differ in case only, and files that share bytes of the archive, by which small archives unpack to
// endless ones. A refused archive gives an *Error.
func Zip(ctx context.Context, r io.ReaderAt, size int64, l Limits, visit Visit) error {
	if l.Entries <= 0 || l.Bytes <= 0 || l.FileBytes <= 0 {
		return errors.New("unpack: a limit is missing")
	}
	archive, err := openZip(r, size, l)
	if err != nil {
		return decodeError(ctx, "is not a valid zip archive", err)
	}
	if err := apart(archive.File); err != nil {
		return decodeError(ctx, "is not a valid zip archive", err)
	}
	tree := tree{seen: map[string]fs.FileMode{"": fs.ModeDir}, limits: l}
	folded := map[string]string{}
	for _, f := range archive.File {
		if err := ctx.Err(); err != nil {
			return err
		}
		file, err := tree.admitZip(f)
		if err != nil {
			return err
		}
		if file.Path == "" {
			continue
		}
		if other, ok := folded[strings.ToLower(file.Path)]; ok && other != file.Path {
			return &Error{Path: abbreviate(f.Name), Reason: fmt.Sprintf("differs from %q in case only", abbreviate(other))}
		}
		folded[strings.ToLower(file.Path)] = file.Path
		if err := visitZip(ctx, f, file, visit); err != nil {
			return err
		}
	}
	return nil
}

// openZip reads the archive's directory, and no more of it than a directory within the limits takes: what the archive says of its length
// cannot be trusted.
func openZip(r io.ReaderAt, size int64, l Limits) (*zip.Reader, error) {
	const perEntry, ending = 512, 256 << 10
	limited := &cappedAt{r: r, left: perEntry*int64(l.Entries) + ending}
	archive, err := zip.NewReader(limited, size)
	if err != nil {
		return nil, err
	}
	limited.open = true
	return archive, nil
}

// cappedAt fails once more than left bytes were read, until it is open.
type cappedAt struct {
	r    io.ReaderAt
	left int64
	open bool
}

func (c *cappedAt) ReadAt(p []byte, offset int64) (int, error) {
	if !c.open {
		if c.left -= int64(len(p)); c.left < 0 {
			return 0, &Error{Reason: "has a directory far larger than its entries may take"}
		}
	}
	return c.r.ReadAt(p, offset)
}

// apart checks that no two files lie in the same bytes of the archive.
func apart(files []*zip.File) error {
	type span struct {
		start, end int64
		name       string
	}
	spans := make([]span, 0, len(files))
	for _, f := range files {
		start, err := f.DataOffset()
		if err != nil {
			return err
		}
		if f.CompressedSize64 > 1<<60 {
			return zip.ErrFormat
		}
		spans = append(spans, span{start, start + int64(f.CompressedSize64), f.Name})
	}
	slices.SortFunc(spans, func(a, b span) int { return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.end, b.end)) })
	for i := 1; i < len(spans); i++ {
		if spans[i].start < spans[i-1].end || spans[i].start == spans[i-1].start {
			return &Error{Path: abbreviate(spans[i].name), Reason: "shares bytes of the archive with another file"}
		}
	}
	return nil
}

// admitZip checks one entry against everything before it. The archive's own root gives a File without a path.
func (t *tree) admitZip(f *zip.File) (File, error) {
	refuse := func(format string, args ...any) (File, error) {
		return File{}, &Error{Path: abbreviate(f.Name), Reason: fmt.Sprintf(format, args...)}
	}
	if t.entries++; t.entries > t.limits.Entries {
		return refuse("is one entry too many: at most %d are allowed", t.limits.Entries)
	}
	name, reason := clean(f.Name)
	if reason != "" {
		return refuse("%s", reason)
	}
	const encrypted = 1
	if f.Flags&encrypted != 0 {
		return refuse("is encrypted")
	}
	if f.UncompressedSize64 > uint64(t.limits.FileBytes) { //nolint:gosec // is positive
		return refuse("has %d bytes: at most %d are allowed in a file", f.UncompressedSize64, t.limits.FileBytes)
	}
	if t.bytes += int64(f.UncompressedSize64); t.bytes > t.limits.Bytes { //nolint:gosec // is within FileBytes
		return refuse("brings the archive to %d bytes: at most %d are allowed", t.bytes, t.limits.Bytes)
	}
	mode := f.Mode()
	file := File{Path: name, Mode: mode.Perm()}
	switch {
	case strings.HasSuffix(f.Name, "/"): // whatever its mode says: tools differ, and a directory has no content
		if f.UncompressedSize64 > 0 {
			return refuse("is a directory with content")
		}
		file.Mode |= fs.ModeDir
	case mode.IsRegular():
		file.Size = int64(f.UncompressedSize64) //nolint:gosec // is within FileBytes
	case mode.Type() == fs.ModeSymlink:
		return refuse("is a link: links are not allowed here")
	default:
		return refuse("is neither a file nor a directory")
	}
	if name == "" {
		if !file.Mode.IsDir() {
			return refuse("has no name")
		}
		return File{}, nil
	}
	if reason := t.add(file); reason != "" {
		return refuse("%s", reason)
	}
	return file, nil
}

func visitZip(ctx context.Context, f *zip.File, file File, visit Visit) error {
	if file.Mode.IsDir() {
		return visit(file, strings.NewReader(""))
	}
	data, err := f.Open()
	if err != nil {
		return &Error{Path: abbreviate(f.Name), Reason: "cannot be read", Err: err}
	}
	defer data.Close()
	return visit(file, &content{r: bounded.Reader(ctx, data), ctx: ctx, path: f.Name})
}
