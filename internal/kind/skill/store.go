package skill

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/opencontainers/go-digest"

	"github.com/slipway-dev/slipway/internal/bounded"
	"github.com/slipway-dev/slipway/internal/entry"
)

// maxTar is what the files of the largest skill make, with a header and padding for each, in bytes.
const maxTar = maxBytes + maxFiles*8192

// name is that of the file that keeps what a lock pins. It stands for all that was checked when that was read: that the commit belongs to the
// ref, and that it has this tree at this path.
func name(e entry.Entry, l *lock) string {
	sum := digest.SHA256.Digester()
	for _, part := range []string{e.Source.URL, l.Source.Ref, l.Source.Commit, l.Source.Path, l.Source.Tree, l.Digest.String()} {
		fmt.Fprintf(sum.Hash(), "%d:%s", len(part), part)
	}
	return sum.Digest().Encoded() + ".tar"
}

// kept returns the files of a lock: those that were read before, or from Git. What is kept is hashed on each use.
func (s *Ecosystem) kept(ctx context.Context, e entry.Entry, l *lock) ([]file, error) {
	return s.flight.Do(ctx, name(e, l), func() ([]file, error) {
		if tar, err := bounded.File(os.DirFS(s.dir), name(e, l), maxTar); err == nil && digest.FromBytes(tar) == l.Digest {
			if files, err := unpack(tar); err == nil {
				return files, nil
			}
		}
		return s.fetch(ctx, e, l)
	})
}

// keep keeps the files of a lock for the next time.
func (s *Ecosystem) keep(e entry.Entry, l *lock, files []file) error {
	tar, err := pack(files)
	if err != nil {
		return err
	}
	staged, err := s.area.Create()
	if err != nil {
		return err
	}
	defer staged.Discard()
	if _, err := staged.Write(tar); err != nil {
		return err
	}
	return staged.Install(filepath.Join(s.dir, name(e, l)))
}
