// Package publishtest makes small images with everything that publishing one takes, for tests.
package publishtest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/slipway-dev/slipway/internal/attest"
	"github.com/slipway-dev/slipway/internal/publish"
	"github.com/slipway-dev/slipway/internal/sign"
	"github.com/slipway-dev/slipway/internal/verify"
)

// ServerName is the name of the server in every image.
const ServerName = "io.example/time"

// Image is an image for some platforms with one shared layer, in an OCI layout.
type Image struct {
	Layout    string
	Digest    string // of the index
	Platforms []verify.Platform
}

// NewImage writes an image of random layers, each of so many bytes, for linux on amd64 and arm64 or on other architectures if they are given.
func NewImage(t testing.TB, layerBytes int64, architectures ...string) Image {
	t.Helper()
	if len(architectures) == 0 {
		architectures = []string{"amd64", "arm64"}
	}
	shared := must(random.Layer(layerBytes, types.OCILayer))(t)
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	image := Image{Layout: t.TempDir()}
	for _, arch := range architectures {
		base := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
		img := must(mutate.AppendLayers(base, shared, must(random.Layer(layerBytes, types.OCILayer))(t)))(t)
		img = must(mutate.Config(img, v1.Config{Labels: map[string]string{verify.NameLabel: ServerName}}))(t)
		platform := &v1.Platform{OS: "linux", Architecture: arch}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{
			MediaType: types.OCIManifestSchema1, Platform: platform,
		}})
		image.Platforms = append(image.Platforms, verify.Platform{Name: platform.String(), Digest: must(img.Digest())(t).String()})
	}
	image.Digest = must(index.Digest())(t).String()
	if err := must(layout.Write(image.Layout, empty.Index))(t).AppendIndex(index); err != nil {
		t.Fatal(err)
	}
	return image
}

// Subjects returns the digests of the index and of each platform's manifest.
func (i Image) Subjects() []string {
	all := []string{i.Digest}
	for _, p := range i.Platforms {
		all = append(all, p.Digest)
	}
	return all
}

// Push pushes the image by digest, without evidence.
func (i Image) Push(repo name.Repository) error {
	path, err := layout.FromPath(i.Layout)
	if err != nil {
		return err
	}
	root, err := path.ImageIndex()
	if err != nil {
		return err
	}
	digest, err := v1.NewHash(i.Digest)
	if err != nil {
		return err
	}
	index, err := root.ImageIndex(digest)
	if err != nil {
		return err
	}
	return remote.WriteIndex(repo.Digest(i.Digest), index)
}

// Statements returns the three sorts of statements about every subject, as if made at the time now.
func (i Image) Statements(t testing.TB, repository string, pass bool, now time.Time) []attest.Statement {
	t.Helper()
	builder := attest.Builder{ID: "https://example.com/slipway", Version: "v0.1.0"}
	var all []attest.Statement
	for _, digest := range i.Subjects() {
		about := attest.Subject{Name: repository, Digest: digest}
		all = append(all,
			must(attest.Provenance(about, attest.Build{
				Entry: "npx/time", Package: "time-mcp", Version: "1.2.3", BaseLock: "sha256:" + strings.Repeat("a", 64), Builder: builder,
				Materials: []attest.Material{{URI: "pkg:npm/time-mcp@1.2.3", Digest: "sha512:" + strings.Repeat("b", 128)}},
				Started:   now, Finished: now.Add(time.Second),
			}))(t),
			must(attest.SPDX(about, fmt.Appendf(nil,
				`{"spdxVersion":"SPDX-2.3","SPDXID":"SPDXRef-DOCUMENT","name":"time","creationInfo":{"created":%q}}`, now.Format(time.RFC3339))))(t),
			must(attest.SCAI(about, attest.Assessment{
				Pass: pass, Scanners: []attest.Scanner{{Name: "builtin", Version: "1"}}, FirstToolList: time.Second + now.Sub(now.Truncate(time.Hour)),
				Finished: now, Producer: builder,
			}))(t))
	}
	return all
}

// Key returns the same key to all tests of a process: deriving its encryption takes long on purpose.
var Key = sync.OnceValue(func() *sign.Key {
	dir, err := os.MkdirTemp("", "keys-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	key, _, err := sign.Local(filepath.Join(dir, "keys"), nil)
	if err != nil {
		panic(err)
	}
	return key
})

// Input returns what publishes the image as repository:1.2.3 with [Key], at some fixed time.
func (i Image) Input(t testing.TB, repository string) publish.Input {
	t.Helper()
	now := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	return publish.Input{
		Layout: i.Layout, Digest: i.Digest, Repository: repository, Tag: "1.2.3", Name: ServerName, Key: Key(),
		Statements: i.Statements(t, repository, true, now), Now: now,
	}
}

func must[T any](value T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

// Attestation returns what publishes the two sorts of statements about the image that nobody needs to have built it for, with [Key], at some
// fixed time.
func (i Image) Attestation(t testing.TB, repository string) publish.Attestation {
	t.Helper()
	in := i.Input(t, repository)
	about := publish.Attestation{Repository: repository, Key: in.Key, Now: in.Now}
	for _, s := range in.Statements {
		if s.PredicateType != attest.ProvenanceType {
			about.Statements = append(about.Statements, s)
		}
	}
	for n, digest := range i.Subjects() {
		d := v1.Descriptor{MediaType: types.OCIManifestSchema1, Digest: must(v1.NewHash(digest))(t), Size: 1000}
		if n == 0 {
			d.MediaType = types.OCIImageIndex
		}
		about.Subjects = append(about.Subjects, d)
	}
	return about
}
