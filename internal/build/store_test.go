package build_test

import (
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/slipway-dev/slipway/internal/build"
	"github.com/slipway-dev/slipway/internal/entry"
)

// whole is an index of images with random content for the platforms; an empty one stands for none.
func whole(t *testing.T, platforms ...string) v1.ImageIndex {
	t.Helper()
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, text := range platforms {
		image, err := random.Image(64, 2)
		if err != nil {
			t.Fatal(err)
		}
		image = mutate.ConfigMediaType(mutate.MediaType(image, types.OCIManifestSchema1), types.OCIConfigJSON)
		var platform *v1.Platform
		if text != "" {
			if platform, err = v1.ParsePlatform(text); err != nil {
				t.Fatal(err)
			}
			config, err := image.ConfigFile()
			if err != nil {
				t.Fatal(err)
			}
			config = config.DeepCopy()
			config.OS, config.Architecture = platform.OS, platform.Architecture
			if image, err = mutate.ConfigFile(image, config); err != nil {
				t.Fatal(err)
			}
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: image, Descriptor: v1.Descriptor{Platform: platform}})
	}
	return index
}

func skill() entry.Entry {
	return entry.Entry{Kind: entry.Skill, Name: "review", Version: "1.2.0"}
}

func TestStoreKeepsEveryByte(t *testing.T) {
	t.Parallel()
	dir, index := t.TempDir(), whole(t, "linux/amd64", "linux/arm64")
	want, err := index.Digest()
	if err != nil {
		t.Fatal(err)
	}
	for _, unchanged := range []bool{false, true} {
		stored, err := build.Store(t.Context(), skill(), index, dir)
		if err != nil {
			t.Fatal(err)
		}
		if stored.Digest != want || stored.Tag != "1.2.0" || len(stored.Platforms) != 2 || stored.Unchanged != unchanged {
			t.Errorf("stored %+v, expected %s with two platforms, unchanged %t", stored, want, unchanged)
		}
		layout, err := build.Open(t.Context(), stored.Path)
		if err != nil {
			t.Fatal(err)
		}
		if layout.Digest != want {
			t.Errorf("the layout holds %s, expected %s", layout.Digest, want)
		}
	}
}

func TestStoreRefusesWhatIsForNoPlatform(t *testing.T) {
	t.Parallel()
	if _, err := build.Store(t.Context(), skill(), whole(t, "linux/amd64", ""), t.TempDir()); err == nil || !strings.Contains(err.Error(), "not the image manifest of a platform") {
		t.Errorf("got %v", err)
	}
}

func TestDescribeChoosesPlatforms(t *testing.T) {
	t.Parallel()
	index := whole(t, "linux/amd64", "", "linux/s390x")
	digest, err := index.Digest()
	if err != nil {
		t.Fatal(err)
	}
	found, err := build.Describe(digest, index, []string{"linux/amd64", "linux/arm64"})
	if err != nil {
		t.Fatal(err)
	}
	if len(found.Platforms) != 1 || found.Platforms[0].Platform.String() != "linux/amd64" || found.Digest != digest {
		t.Errorf("described %+v", found)
	}
	if _, err := build.Describe(digest, index, []string{"linux/riscv64"}); err == nil || !strings.Contains(err.Error(), "linux/riscv64") {
		t.Errorf("got %v", err)
	}
}
