package build

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/slipway-dev/slipway/internal/entry"
)

const (
	defaultUser = "65532:65532"
	defaultPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
)

// epoch is the time of all that is built: the real one would give every build another digest.
var epoch = v1.Time{Time: time.Unix(0, 0).UTC()}

// blob is a small document of a layout.
type blob struct {
	content []byte
	digest  v1.Hash
}

func newBlob(document any) (blob, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(document); err != nil {
		return blob{}, err
	}
	content := bytes.TrimRight(b.Bytes(), "\n")
	sum := sha256.Sum256(content)
	return blob{content: content, digest: v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(sum[:])}}, nil
}

func (b blob) descriptor(mediaType types.MediaType) v1.Descriptor {
	return v1.Descriptor{MediaType: mediaType, Size: int64(len(b.content)), Digest: b.digest}
}

// image is one platform's part of a layout.
type image struct {
	platform         v1.Platform
	layers           []v1.Layer
	descriptors      []v1.Descriptor // of the layers
	config, manifest blob
}

func (i *image) size() int64 {
	size := int64(len(i.config.content) + len(i.manifest.content))
	for _, d := range i.descriptors {
		size += d.Size
	}
	return size
}

// buildImage follows the OCI Image Specification 1.1, image configuration and image manifest.
func buildImage(ctx context.Context, in Input, p Platform) (*image, error) {
	payload, err := in.Layers.Layer(ctx, p.Payload.Key, p.Payload.Write)
	if err != nil {
		return nil, err
	}
	built := &image{platform: p.Platform, layers: append(append([]v1.Layer{}, p.Base.Layers...), payload)}
	config, err := configuration(in.Entry, p)
	if err != nil {
		return nil, err
	}
	labels := labels(p, facts(in.Entry, in.Namespace))
	config.Config.Labels = labels
	for i, layer := range built.layers {
		descriptor, diffID, err := describe(layer)
		if err != nil {
			return nil, fmt.Errorf("layer %d: %w", i, err)
		}
		built.descriptors = append(built.descriptors, descriptor)
		config.RootFS.DiffIDs = append(config.RootFS.DiffIDs, diffID)
		by := "slipway: base"
		if i == len(built.layers)-1 {
			by = "slipway: " + in.Entry.ID() + " " + Version(in.Entry)
		}
		config.History = append(config.History, v1.History{Created: epoch, CreatedBy: by})
	}
	if built.config, err = newBlob(config); err != nil {
		return nil, err
	}
	built.manifest, err = newBlob(v1.Manifest{
		SchemaVersion: 2,
		MediaType:     types.OCIManifestSchema1,
		Config:        built.config.descriptor(types.OCIConfigJSON),
		Layers:        built.descriptors,
		Annotations:   annotations(labels),
	})
	return built, err
}

// describe returns the layer's descriptor, with OCI's media type where Docker's names the same format, and the digest of its archive.
func describe(layer v1.Layer) (d v1.Descriptor, diffID v1.Hash, err error) {
	if d.MediaType, err = layer.MediaType(); err != nil {
		return d, diffID, err
	}
	switch d.MediaType {
	case types.OCILayer, types.OCILayerZStd, types.OCIUncompressedLayer:
	case types.DockerLayer:
		d.MediaType = types.OCILayer
	case types.DockerUncompressedLayer:
		d.MediaType = types.OCIUncompressedLayer
	default:
		return d, diffID, fmt.Errorf("media type %s is not that of an image layer", d.MediaType)
	}
	if d.Digest, err = layer.Digest(); err != nil {
		return d, diffID, err
	}
	if d.Size, err = layer.Size(); err != nil {
		return d, diffID, err
	}
	diffID, err = layer.DiffID()
	return d, diffID, err
}

func configuration(e entry.Entry, p Platform) (*v1.ConfigFile, error) {
	env, err := environment(e, p)
	if err != nil {
		return nil, err
	}
	config := v1.Config{
		User: defaultUser, WorkingDir: "/",
		Entrypoint: p.Payload.Entrypoint, Cmd: e.Args, Env: env,
	}
	if p.Base.User != "" {
		config.User = p.Base.User
	}
	if p.Payload.WorkingDir != "" {
		config.WorkingDir = p.Payload.WorkingDir
	}
	if t := e.Transport; t != nil && t.Type != entry.Stdio && t.Port > 0 {
		config.ExposedPorts = map[string]struct{}{strconv.Itoa(t.Port) + "/tcp": {}}
	}
	return &v1.ConfigFile{
		Created: epoch, Architecture: p.Platform.Architecture, OS: p.Platform.OS, Variant: p.Platform.Variant,
		Config: config, RootFS: v1.RootFS{Type: "layers"},
	}, nil
}

// environment is the base's, the payload's and the entry's defaults. A later value replaces an earlier one in its place; a secret's default
// stays out of the image.
func environment(e entry.Entry, p Platform) ([]string, error) {
	all := append(append([]string{defaultPath}, p.Base.Env...), p.Payload.Env...)
	for _, v := range e.Env {
		if v.Default != "" && !v.Secret {
			all = append(all, v.Name+"="+v.Default)
		}
	}
	var env []string
	places := map[string]int{}
	for _, variable := range all {
		name, _, ok := strings.Cut(variable, "=")
		if !ok || name == "" {
			return nil, fmt.Errorf("environment variable %.100q is not of the form NAME=value", variable)
		}
		if i, ok := places[name]; ok {
			env[i] = variable
			continue
		}
		places[name] = len(env)
		env = append(env, variable)
	}
	return env, nil
}
