package verify

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

const (
	maxPlatforms = 64
	maxConfig    = 4 << 20
)

// parseManifest reads an OCI image manifest. The media type inside must agree, so that the bytes cannot also be read as an index
// (OCI image specification 1.1, "Verification").
func parseManifest(raw []byte) (*ocispec.Manifest, error) {
	var m struct {
		ocispec.Manifest
		Manifests json.RawMessage `json:"manifests"`
	}
	if err := json.Unmarshal(raw, &m); err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	if m.SchemaVersion != 2 || m.MediaType != ocispec.MediaTypeImageManifest || m.Manifests != nil {
		return nil, fmt.Errorf("manifest: version 2 of %s is expected, found version %d of %q",
			ocispec.MediaTypeImageManifest, m.SchemaVersion, m.MediaType)
	}
	return &m.Manifest, nil
}

func parseIndex(raw []byte) (*ocispec.Index, error) {
	var i struct {
		ocispec.Index
		Layers json.RawMessage `json:"layers"`
	}
	if err := json.Unmarshal(raw, &i); err != nil {
		return nil, fmt.Errorf("index: %w", err)
	}
	if i.SchemaVersion != 2 || i.MediaType != ocispec.MediaTypeImageIndex || i.Layers != nil {
		return nil, fmt.Errorf("index: version 2 of %s is expected, found version %d of %q",
			ocispec.MediaTypeImageIndex, i.SchemaVersion, i.MediaType)
	}
	return &i.Index, nil
}

// platforms returns the index's images: each platform once, nothing else in it.
func (v verifier) platforms(m *Manifest) ([]subject, error) {
	index, err := parseIndex(m.Raw)
	if err != nil {
		return nil, err
	}
	if n := len(index.Manifests); n == 0 || n > maxPlatforms {
		return nil, fmt.Errorf("index: %d images found, 1 to %d are expected", n, maxPlatforms)
	}
	var subjects []subject
	for _, d := range index.Manifests {
		if d.Platform == nil || d.MediaType != ocispec.MediaTypeImageManifest {
			return nil, fmt.Errorf("index: %s is no image of a platform", d.Digest)
		}
		h, err := v1.NewHash(d.Digest.String())
		if err != nil {
			return nil, fmt.Errorf("index: %w", err)
		}
		p := v1.Platform{OS: d.Platform.OS, Architecture: d.Platform.Architecture, Variant: d.Platform.Variant}
		s := subject{Platform{p.String(), h.String()}, v1.Descriptor{MediaType: types.MediaType(d.MediaType), Digest: h, Size: d.Size}}
		if slices.ContainsFunc(subjects, func(other subject) bool { return other.Name == s.Name }) {
			return nil, fmt.Errorf("index: the platform %s stands in it twice", s.Name)
		}
		subjects = append(subjects, s)
	}
	return subjects, nil
}

func comparePlatforms(want []Platform, found []subject) []Check {
	var checks []Check
	for _, p := range want {
		c := Check{Subject: p.Name, Digest: p.Digest, Name: "platform", State: NotPresent, Detail: "the index has no image for it"}
		if i := slices.IndexFunc(found, func(s subject) bool { return s.Name == p.Name }); i >= 0 {
			c = check(p.Name, p.Digest, "platform", equal(found[i].Digest, p.Digest))
		}
		checks = append(checks, c)
	}
	for _, s := range found {
		if !slices.ContainsFunc(want, func(p Platform) bool { return p.Name == s.Name }) {
			checks = append(checks, check(s.Name, s.Digest, "platform", errors.New("this platform was not released")))
		}
	}
	return checks
}

// image checks one platform's manifest, configuration and layers.
func (v verifier) image(ctx context.Context, s subject) ([]Check, error) {
	manifest, err := v.manifest(ctx, s)
	if unknown(err) {
		return nil, err
	}
	checks := []Check{present(s, "manifest", err)}
	if err != nil {
		return checks, nil //nolint:nilerr // it is in the check
	}
	if v.policy.Name != "" {
		err := v.label(ctx, manifest)
		if unknown(err) {
			return nil, err
		}
		checks = append(checks, present(s, "name", err))
	}
	err = v.content(ctx, manifest)
	if unknown(err) {
		return nil, err
	}
	return append(checks, present(s, "layers", err)), nil
}

// present tells what is missing from what is wrong.
func present(s subject, name string, err error) Check {
	c := check(s.Name, s.Digest, name, err)
	if errors.Is(err, ErrNotFound) {
		c.State = NotPresent
	}
	return c
}

func (v verifier) manifest(ctx context.Context, s subject) (*ocispec.Manifest, error) {
	m, err := v.repo.Manifest(ctx, v.repo.name.Digest(s.Digest))
	if err != nil {
		return nil, err
	}
	if m.Size != s.descriptor.Size {
		return nil, &ContentError{What: s.Digest, Err: fmt.Errorf("it has %d bytes, the index says %d", m.Size, s.descriptor.Size)}
	}
	parsed, err := parseManifest(m.Raw)
	if err != nil {
		return nil, &ContentError{What: s.Digest, Err: err}
	}
	return parsed, nil
}

func (v verifier) label(ctx context.Context, m *ocispec.Manifest) error {
	d, err := descriptor(m.Config)
	if err != nil {
		return err
	}
	raw, err := v.repo.Blob(ctx, d, maxConfig)
	if err != nil {
		return err
	}
	var config ocispec.Image
	if err := json.Unmarshal(raw, &config); err != nil {
		return &ContentError{What: "configuration", Err: err}
	}
	label := cmp.Or(v.policy.Label, NameLabel)
	if name := config.Config.Labels[label]; name != v.policy.Name {
		return &ContentError{What: "label " + label, Err: equal(fmt.Sprintf("%q", name), fmt.Sprintf("%q", v.policy.Name))}
	}
	return nil
}

// content checks that the configuration and the layers are there, and with [Policy.Layers] that they are what their digests say.
func (v verifier) content(ctx context.Context, m *ocispec.Manifest) error {
	if len(m.Layers) > maxLayers {
		return &ContentError{What: "manifest", Err: fmt.Errorf("%d layers found, at most %d are expected", len(m.Layers), maxLayers)}
	}
	for _, layer := range append([]ocispec.Descriptor{m.Config}, m.Layers...) {
		d, err := descriptor(layer)
		if err != nil {
			return err
		}
		look := v.repo.HasBlob
		if v.policy.Layers {
			look = v.repo.CheckBlob
		}
		if err := look(ctx, d); err != nil {
			return err
		}
	}
	return nil
}

func descriptor(d ocispec.Descriptor) (v1.Descriptor, error) {
	h, err := v1.NewHash(d.Digest.String())
	if err != nil {
		return v1.Descriptor{}, &ContentError{What: "descriptor", Err: err}
	}
	return v1.Descriptor{MediaType: types.MediaType(d.MediaType), Digest: h, Size: d.Size}, nil
}
