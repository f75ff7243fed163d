package build

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Fetched makes the folder at path the layout with a digest that was built elsewhere, unless it is that already. Write writes the layout into a
// folder, which it creates; all of it is checked, as Open does, before it takes its place.
func Fetched(ctx context.Context, path string, digest v1.Hash, write func(folder string) error) (*Result, error) {
	var layout *Layout
	unchanged, err := replace(ctx, path, func() bool {
		there, err := Open(ctx, path)
		if err != nil || there.Digest != digest {
			return false
		}
		layout = there
		return true
	}, func(fresh string) error {
		if err := write(fresh); err != nil {
			return err
		}
		came, err := Open(ctx, fresh)
		if err != nil {
			return err
		}
		if came.Digest != digest {
			return fmt.Errorf("the layout that came is that of %s instead of %s", came.Digest, digest)
		}
		layout = came
		return nil
	})
	if err != nil {
		return nil, err
	}
	result := &Result{Path: path, Tag: layout.Tag, Digest: digest, Unchanged: unchanged}
	for _, image := range layout.Images {
		result.Platforms = append(result.Platforms, image.Image)
	}
	return result, nil
}

// BlobFile returns where a layout has the blob with a digest.
func BlobFile(layout string, digest v1.Hash) string { return filepath.Join(layout, blobPath(digest)) }

// Place puts a file that is never changed into a layout that Fetched has written, as the blob with a digest. It is shared where it can be, and
// copied where it cannot, as between file systems.
func Place(file, layout string, digest v1.Hash) error {
	name := BlobFile(layout, digest)
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	if os.Link(file, name) == nil {
		return nil
	}
	in, err := os.Open(file)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
