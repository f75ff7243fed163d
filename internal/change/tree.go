package change

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/slipway-dev/slipway/internal/unpack"
)

// treeLimits bounds the files of a catalog in one commit.
var treeLimits = unpack.Limits{Entries: maxFiles, Bytes: 4 << 30, FileBytes: 64 << 20, Links: true}

// catalogParts are what a catalog is read from.
var catalogParts = []string{"catalog", "cue.mod", "schema", "skills"}

// Tree writes the catalog in the folder dir of a Git work tree, as it was at the commit rev, below the empty folder to. Links are left out:
// no part of a catalog is one.
func Tree(ctx context.Context, dir, rev, to string) error {
	commit, err := Commit(ctx, dir, rev)
	if err != nil {
		return err
	}
	out, err := git(ctx, dir, maxListing, "ls-tree", "-z", "--name-only", commit)
	if err != nil {
		return err
	}
	names, err := parsePaths(out)
	if err != nil {
		return fmt.Errorf("the files of %s: %w", rev, err)
	}
	names = slices.DeleteFunc(names, func(name string) bool { return !slices.Contains(catalogParts, name) })
	if len(names) == 0 {
		return fmt.Errorf("%s holds no catalog in %s", rev, dir)
	}
	root, err := os.OpenRoot(to)
	if err != nil {
		return err
	}
	defer root.Close()
	return stream(ctx, dir, func(archive io.Reader) error {
		return unpack.TarGzip(ctx, archive, 0, treeLimits, func(file unpack.File, content io.Reader) error {
			switch {
			case file.Mode.IsDir():
				return root.MkdirAll(file.Path, 0o755)
			case !file.Mode.IsRegular() || file.Link != "":
				return nil
			}
			return writeFile(root, file.Path, content)
		})
	}, append([]string{"archive", "--format=tar.gz", "-1", commit, "--"}, names...)...)
}

func writeFile(root *os.Root, name string, content io.Reader) error {
	if err := root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	f, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, content)
	return errors.Join(err, f.Close())
}
