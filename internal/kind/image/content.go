package image

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"

	"github.com/slipway-dev/slipway/internal/bounded"
	"github.com/slipway-dev/slipway/internal/inventory"
	"github.com/slipway-dev/slipway/internal/layer"
)

const (
	// parallel bounds the downloads at a time for one platform.
	parallel = 4
	// maxUnpacked bounds what the layers of one image unpack to, in bytes, tar headers included.
	maxUnpacked = 16 << 30
)

// content is one platform's image, of which every byte was checked: a v1.Image over files of the download cache.
type content struct {
	v1.Image
	platform  v1.Platform
	installed *inventory.Inventory
}

// image fetches the configuration and the layers of an image and reads the layers through, lowest first.
func (r *repository) image(ctx context.Context, platform v1.Platform, m *document, raw []byte) (*content, error) {
	rawConfig, err := r.small(ctx, m.Config, maxConfig)
	if err != nil {
		return nil, fmt.Errorf("the configuration: %w", err)
	}
	c, err := parseConfig(rawConfig, len(m.Layers))
	if err != nil {
		return nil, err
	}
	if !runs(c.Platform, platform) {
		return nil, fmt.Errorf("the configuration is for %.40s/%.40s %.20s", c.OS, c.Architecture, c.Variant)
	}
	files := make([]string, len(m.Layers))
	ready := make([]chan struct{}, len(m.Layers))
	for n := range ready {
		ready[n] = make(chan struct{})
	}
	image := &content{platform: platform, installed: inventory.New()}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallel + 1)
	group.Go(func() error { // as layers come in
		left := int64(maxUnpacked)
		for n := range m.Layers {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-ready[n]:
			}
			if err := readLayer(ctx, files[n], c.diffIDs[n], &left, image.installed); err != nil {
				return fmt.Errorf("layer %d: %w", n+1, err)
			}
		}
		return nil
	})
	for n, l := range m.Layers {
		group.Go(func() (err error) {
			if files[n], err = r.layer(ctx, l); err != nil {
				return fmt.Errorf("layer %d: %w", n+1, err)
			}
			close(ready[n])
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	image.Image, err = partial.CompressedToImage(&stored{m: m, raw: raw, config: rawConfig, files: files})
	return image, err
}

// readLayer reads a layer through: what is in it must have the digest that the configuration gives, and unpack to no more than is left.
func readLayer(ctx context.Context, file string, want digest.Digest, left *int64, into *inventory.Inventory) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	plain, err := layer.Decompress(bounded.Reader(ctx, f))
	if err != nil {
		return err
	}
	defer plain.Close()
	sum := sha256.New()
	stream := &budget{io.TeeReader(plain, sum), left}
	if err := into.Layer(stream); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, stream); err != nil { // what follows the archive's end
		return err
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != want.Encoded() {
		return fmt.Errorf("it unpacks to sha256:%s, and the configuration says %s: the image is not what its publisher described", got, want)
	}
	return nil
}

// budget fails as soon as more is read than is left.
type budget struct {
	r    io.Reader
	left *int64
}

func (b *budget) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if *b.left -= int64(n); *b.left < 0 {
		return 0, fmt.Errorf("the image unpacks to more than %d bytes", int64(maxUnpacked))
	}
	return n, err
}

// stored is what partial makes an image of.
type stored struct {
	m           *document
	raw, config []byte
	files       []string
}

var errNoLayer = errors.New("the image has no such layer")

func (s *stored) RawConfigFile() ([]byte, error)      { return s.config, nil }
func (s *stored) RawManifest() ([]byte, error)        { return s.raw, nil }
func (s *stored) MediaType() (types.MediaType, error) { return types.MediaType(s.m.MediaType), nil }

func (s *stored) LayerByDigest(h v1.Hash) (partial.CompressedLayer, error) {
	for n, l := range s.m.Layers {
		if l.Digest.String() == h.String() {
			return storedLayer{l, s.files[n]}, nil
		}
	}
	if s.m.Config.Digest.String() == h.String() {
		return partial.ConfigLayer(s)
	}
	return nil, errNoLayer
}

// storedLayer is a layer in the download cache.
type storedLayer struct {
	d    ocispec.Descriptor
	file string
}

func (l storedLayer) Digest() (v1.Hash, error)            { return v1.NewHash(l.d.Digest.String()) }
func (l storedLayer) Size() (int64, error)                { return l.d.Size, nil }
func (l storedLayer) MediaType() (types.MediaType, error) { return types.MediaType(l.d.MediaType), nil }
func (l storedLayer) Compressed() (io.ReadCloser, error)  { return os.Open(l.file) }
