package build

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/sync/errgroup"
)

const (
	maxDocument  = 4 << 20
	maxPlatforms = 32
	maxLayers    = 128
)

// Layout is an image layout on disk of which every byte was checked.
type Layout struct {
	Path   string
	Tag    string
	Digest v1.Hash // of the index
	Index  v1.ImageIndex
	Images []LayoutImage
}

// LayoutImage is one platform's image in a layout.
type LayoutImage struct {
	Image   // what Build said of it
	Content v1.Image
}

// Platform returns the image of a platform, and whether there is one.
func (l *Layout) Platform(platform v1.Platform) (LayoutImage, bool) {
	for _, image := range l.Images {
		if image.Platform.Satisfies(platform) {
			return image, true
		}
	}
	return LayoutImage{}, false
}

// DamageError says that a layout is not what was built.
type DamageError struct {
	File   string
	Reason string
}

func (e *DamageError) Error() string {
	return fmt.Sprintf("%s: %s: the layout was changed or torn after it was built, build it again", e.File, e.Reason)
}

// Open reads the layout at path and checks the digest and the size of everything that its index names, layers included. What differs is
// a *DamageError; where nothing was built the error is fs.ErrNotExist.
func Open(ctx context.Context, path string) (*Layout, error) {
	r := &reader{path: path}
	l, err := r.open()
	if err != nil {
		return nil, fmt.Errorf("open the image layout: %w", err)
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for digest, size := range r.layers {
		group.Go(func() error {
			if err := context.Cause(ctx); err != nil {
				return err
			}
			return checkBlob(filepath.Join(path, blobPath(digest)), digest, size)
		})
	}
	if err := group.Wait(); err != nil {
		return nil, fmt.Errorf("open the image layout: %w", err)
	}
	return l, nil
}

// Image returns the image with a digest from the layout that the result names. All of it was checked when the result was made, and is not again.
func (r *Result) Image(digest v1.Hash) (v1.Image, error) {
	folder, err := layout.ImageIndexFromPath(r.Path)
	if err != nil {
		return nil, fmt.Errorf("open the image layout: %w", err)
	}
	index, err := folder.ImageIndex(r.Digest)
	if err != nil {
		return nil, fmt.Errorf("open the image layout: %w", err)
	}
	image, err := index.Image(digest)
	if err != nil {
		return nil, fmt.Errorf("open the image layout: %w", err)
	}
	return image, nil
}

// reader follows the documents of a layout down and collects its layers.
type reader struct {
	path   string
	layers map[v1.Hash]int64
}

func (r *reader) open() (*Layout, error) {
	version, err := readFile(filepath.Join(r.path, "oci-layout"), maxDocument)
	if err != nil {
		return nil, err
	}
	var header struct {
		Version string `json:"imageLayoutVersion"`
	}
	if err := json.Unmarshal(version, &header); err != nil || header.Version != "1.0.0" {
		return nil, r.damage("oci-layout", "version %.20q instead of 1.0.0", header.Version)
	}
	content, err := readFile(filepath.Join(r.path, "index.json"), maxDocument)
	if err != nil {
		return nil, err
	}
	var root, index v1.IndexManifest
	if err := json.Unmarshal(content, &root); err != nil {
		return nil, r.damage("index.json", "%v", err)
	}
	if len(root.Manifests) != 1 || root.Manifests[0].MediaType != types.OCIImageIndex {
		return nil, r.damage("index.json", "it does not name exactly one image index")
	}
	top := root.Manifests[0]
	if err := r.document(top, &index); err != nil {
		return nil, err
	}
	if len(index.Manifests) > maxPlatforms {
		return nil, r.damage(blobPath(top.Digest), "more than %d platforms", maxPlatforms)
	}
	folder, err := layout.ImageIndexFromPath(r.path)
	if err != nil {
		return nil, err
	}
	l := &Layout{Path: r.path, Tag: top.Annotations[refName], Digest: top.Digest}
	if l.Index, err = folder.ImageIndex(top.Digest); err != nil {
		return nil, err
	}
	r.layers = map[v1.Hash]int64{}
	for _, d := range index.Manifests {
		image, err := r.image(d)
		if err != nil {
			return nil, err
		}
		if image.Content, err = l.Index.Image(d.Digest); err != nil {
			return nil, err
		}
		l.Images = append(l.Images, image)
	}
	return l, nil
}

func (r *reader) image(d v1.Descriptor) (LayoutImage, error) {
	var manifest v1.Manifest
	var config v1.ConfigFile
	var none LayoutImage
	if d.MediaType != types.OCIManifestSchema1 || d.Platform == nil {
		return none, r.damage(blobPath(d.Digest), "it is not the image manifest of a platform")
	}
	if err := r.document(d, &manifest); err != nil {
		return none, err
	}
	if err := r.document(manifest.Config, &config); err != nil {
		return none, err
	}
	if config.OS != d.Platform.OS || config.Architecture != d.Platform.Architecture {
		return none, r.damage(blobPath(d.Digest), "the index says %s, the image %s/%s", d.Platform, config.OS, config.Architecture)
	}
	if len(manifest.Layers) > maxLayers {
		return none, r.damage(blobPath(d.Digest), "more than %d layers", maxLayers)
	}
	size := d.Size + manifest.Config.Size
	for _, layer := range manifest.Layers {
		if known, ok := r.layers[layer.Digest]; ok && known != layer.Size || layer.Size < 0 {
			return none, r.damage(blobPath(d.Digest), "layer %s has two sizes", layer.Digest)
		}
		r.layers[layer.Digest] = layer.Size
		size += layer.Size
	}
	return LayoutImage{Image: Image{Platform: *d.Platform, Digest: d.Digest, Size: size}}, nil
}

// document reads a blob, checks it and decodes it.
func (r *reader) document(d v1.Descriptor, into any) error {
	name := blobPath(d.Digest)
	content, err := readFile(filepath.Join(r.path, name), maxDocument)
	if errors.Is(err, fs.ErrNotExist) {
		return r.damage(name, "it is missing")
	}
	if err != nil {
		return err
	}
	sum := sha256.Sum256(content)
	if int64(len(content)) != d.Size || d.Digest.Algorithm != "sha256" || hex.EncodeToString(sum[:]) != d.Digest.Hex {
		return r.damage(name, "its content has another digest")
	}
	if err := json.Unmarshal(content, into); err != nil {
		return r.damage(name, "%v", err)
	}
	return nil
}

func (r *reader) damage(name, format string, args ...any) error {
	return &DamageError{File: filepath.Join(r.path, name), Reason: fmt.Sprintf(format, args...)}
}

// regular opens a file that is not a link, a device or a pipe, on which a reader could be led astray or wait for ever.
func regular(name string) (*os.File, int64, error) {
	info, err := os.Lstat(name)
	if err != nil {
		return nil, 0, err
	}
	if !info.Mode().IsRegular() {
		return nil, 0, &DamageError{File: name, Reason: "it is not a regular file"}
	}
	f, err := os.Open(name)
	return f, info.Size(), err
}

func readFile(name string, limit int64) ([]byte, error) {
	f, size, err := regular(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if size > limit {
		return nil, &DamageError{File: name, Reason: fmt.Sprintf("it has more than %d bytes", limit)}
	}
	return io.ReadAll(io.LimitReader(f, limit))
}

func checkBlob(name string, digest v1.Hash, size int64) error {
	f, _, err := regular(name)
	if errors.Is(err, fs.ErrNotExist) {
		return &DamageError{File: name, Reason: "it is missing"}
	}
	if err != nil {
		return err
	}
	defer f.Close()
	sum := sha256.New()
	n, err := io.Copy(sum, io.LimitReader(f, size+1))
	if err != nil {
		return err
	}
	if n != size || digest.Algorithm != "sha256" || hex.EncodeToString(sum.Sum(nil)) != digest.Hex {
		return &DamageError{File: name, Reason: "its content has another digest"}
	}
	return nil
}
