package build_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/slipway-dev/slipway/internal/build"
	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/kind"
	"github.com/slipway-dev/slipway/internal/layer"
	"github.com/slipway-dev/slipway/internal/layer/layertest"
)

var (
	amd64 = v1.Platform{OS: "linux", Architecture: "amd64"}
	arm64 = v1.Platform{OS: "linux", Architecture: "arm64"}
)

func context7() entry.Entry {
	return entry.Entry{
		Kind: entry.NPX, Name: "context7", Title: "Context7", Description: "Documentation <of> libraries & more",
		Publisher: entry.Publisher{Name: "Upstash"}, License: "MIT", Homepage: "https://context7.example",
		Repository: &entry.Repository{URL: "https://git.example/context7", Commit: strings.Repeat("a", 40)},
		Package:    &entry.Package{Name: "@upstash/context7-mcp", Version: "1.0.0+build"},
		Transport:  &entry.Transport{Type: entry.Stdio},
		Args:       []string{"--verbose"},
		Env: []entry.Variable{
			{Name: "MODE", Default: "fast"},
			{Name: "KEY", Default: "not for the image", Secret: true},
			{Name: "OPTIONAL"},
		},
	}
}

func payload(key string, size int) *kind.Payload {
	return payloadOf(key, strings.Repeat(key, size/len(key)+1))
}

func payloadOf(key, content string) *kind.Payload {
	return &kind.Payload{
		Key: key,
		Write: func(_ context.Context, w *layer.Writer) error {
			if err := w.WriteDir("app", 0o755); err != nil {
				return err
			}
			return w.WriteFile("app/index.js", 0o644, int64(len(content)), strings.NewReader(content))
		},
		Entrypoint: []string{"/usr/bin/node", "/app/index.js"},
		Env:        []string{"NODE_ENV=production", "BASE=replaced"},
		WorkingDir: "/app",
		Labels:     map[string]string{"org.opencontainers.image.title": "overridden by the entry", "x.payload": "yes"},
	}
}

func input(t testing.TB, dir, store string) build.Input {
	t.Helper()
	in, err := newInput(t.Context(), dir, store)
	if err != nil {
		t.Fatal(err)
	}
	return in
}

func newInput(ctx context.Context, dir, store string) (build.Input, error) {
	layers := layer.NewStore(store)
	base, err := layers.Layer(ctx, "base", func(_ context.Context, w *layer.Writer) error {
		return w.WriteFile("etc/passwd", 0o644, 4, strings.NewReader("root"))
	})
	if err != nil {
		return build.Input{}, err
	}
	platform := func(p v1.Platform) build.Platform {
		return build.Platform{
			Platform: p,
			Base: build.Base{
				Layers: []v1.Layer{base}, Env: []string{"BASE=1", "PATH=/usr/bin"},
				Labels: map[string]string{"org.opencontainers.image.base.name": "bases/node"},
			},
			Payload: payload("context7-"+p.Architecture, 5000),
		}
	}
	return build.Input{
		Entry: context7(), Namespace: "io.example", Platforms: []build.Platform{platform(arm64), platform(amd64)}, Layers: layers, Dir: dir,
	}, nil
}

func mustBuild(t testing.TB, in build.Input) *build.Result {
	t.Helper()
	result, err := build.Build(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func mustOpen(t testing.TB, path string) *build.Layout {
	t.Helper()
	l, err := build.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// Serial, since the umask and the time zone belong to the process.
func TestSameDigestEverywhere(t *testing.T) {
	zone, mask, processors := time.Local, syscall.Umask(0o022), runtime.GOMAXPROCS(0)
	t.Cleanup(func() {
		time.Local = zone
		syscall.Umask(mask)
		runtime.GOMAXPROCS(processors)
	})
	first := mustBuild(t, input(t, t.TempDir(), t.TempDir()))

	time.Local = time.FixedZone("elsewhere", 9*3600)
	syscall.Umask(0o077)
	runtime.GOMAXPROCS(1)
	in := input(t, filepath.Join(t.TempDir(), "another", "folder"), t.TempDir())
	slices.Reverse(in.Platforms)
	second := mustBuild(t, in)
	if first.Digest != second.Digest {
		t.Errorf("digests %s and %s", first.Digest, second.Digest)
	}
	if diff := cmp.Diff(first.Platforms, second.Platforms); diff != "" {
		t.Error(diff)
	}
}

func TestLayoutIsValid(t *testing.T) {
	t.Parallel()
	result := mustBuild(t, input(t, t.TempDir(), t.TempDir()))
	l := mustOpen(t, result.Path)
	if err := errors.Join(validate.Index(l.Index, validate.Fast), layertest.CheckIndex(l.Index)); err != nil {
		t.Error(err)
	}
	if l.Digest != result.Digest || l.Tag != "1.0.0_build" || result.Tag != l.Tag {
		t.Errorf("opened %s %s, built %s %s", l.Tag, l.Digest, result.Tag, result.Digest)
	}
	for i, image := range l.Images {
		if diff := cmp.Diff(result.Platforms[i], image.Image); diff != "" {
			t.Error(diff)
		}
		unopened, err := result.Image(image.Digest)
		if err != nil {
			t.Fatal(err)
		}
		if err := validate.Image(unopened, validate.Fast); err != nil {
			t.Error(err)
		}
		manifest, err := image.Content.Manifest()
		if err != nil {
			t.Fatal(err)
		}
		if manifest.MediaType != types.OCIManifestSchema1 || manifest.Config.MediaType != types.OCIConfigJSON {
			t.Errorf("media types %s, %s", manifest.MediaType, manifest.Config.MediaType)
		}
		raw, err := image.Content.RawManifest()
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(raw, []byte(`\u003c`)) {
			t.Error("annotations are escaped for HTML")
		}
		size := int64(len(raw)) + manifest.Config.Size
		for _, d := range manifest.Layers {
			size += d.Size
		}
		if image.Size != size {
			t.Errorf("size %d, want %d", image.Size, size)
		}
	}
	if got := []v1.Platform{l.Images[0].Platform, l.Images[1].Platform}; !got[0].Equals(amd64) || !got[1].Equals(arm64) {
		t.Errorf("platforms %v", got)
	}
}

func TestAnUnchangedLayoutStays(t *testing.T) {
	t.Parallel()
	in := input(t, t.TempDir(), t.TempDir())
	first := mustBuild(t, in)
	before, err := os.Stat(first.Path)
	if err != nil {
		t.Fatal(err)
	}
	second := mustBuild(t, in)
	after, err := os.Stat(first.Path)
	if err != nil {
		t.Fatal(err)
	}
	if first.Unchanged || !second.Unchanged || !os.SameFile(before, after) {
		t.Errorf("unchanged: %t, then %t", first.Unchanged, second.Unchanged)
	}
	in.Entry.Args = []string{"--other"}
	third := mustBuild(t, in)
	if third.Unchanged || third.Digest == first.Digest || mustOpen(t, third.Path).Digest != third.Digest {
		t.Errorf("after a change: %+v", third)
	}
	left, err := filepath.Glob(filepath.Join(in.Dir, "npx", ".context7.*"))
	if err != nil || len(left) != 1 || filepath.Base(left[0]) != ".context7.lock" {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// Layers cannot be linked from a store that keeps them elsewhere, and then are copied.
func TestForeignLayersAreCopied(t *testing.T) {
	t.Parallel()
	in := input(t, t.TempDir(), t.TempDir())
	foreign, err := random.Layer(3000, types.DockerLayer)
	if err != nil {
		t.Fatal(err)
	}
	in.Platforms[0].Base.Layers = append(in.Platforms[0].Base.Layers, foreign)
	l := mustOpen(t, mustBuild(t, in).Path)
	if err := errors.Join(validate.Index(l.Index, validate.Fast), layertest.CheckIndex(l.Index)); err != nil {
		t.Error(err)
	}
	image, _ := l.Platform(arm64)
	manifest, err := image.Content.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	if got := manifest.Layers[1].MediaType; got != types.OCILayer {
		t.Errorf("media type %s", got)
	}
}

func TestBadInput(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*build.Input){
		"no platform":                   func(in *build.Input) { in.Platforms = nil },
		"has no namespace":              func(in *build.Input) { in.Namespace = "" },
		"given twice":                   func(in *build.Input) { in.Platforms[1] = in.Platforms[0] },
		"no entrypoint":                 func(in *build.Input) { in.Platforms[0].Payload.Entrypoint = nil },
		"has no version":                func(in *build.Input) { in.Entry.Package = nil },
		`"../x" cannot name a folder`:   func(in *build.Input) { in.Entry.Name = "../x" },
		`".x" cannot name a folder`:     func(in *build.Input) { in.Entry.Name = ".x" },
		`"NONSENSE" is not of the form`: func(in *build.Input) { in.Platforms[0].Payload.Env = []string{"NONSENSE"} },
		"for linux/arm64: the disk burns": func(in *build.Input) {
			in.Platforms[0].Payload.Key = "burns"
			in.Platforms[0].Payload.Write = func(context.Context, *layer.Writer) error { return errors.New("the disk burns") }
		},
	} {
		in := input(t, t.TempDir(), t.TempDir())
		change(&in)
		_, err := build.Build(t.Context(), in)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
		var left []string
		err = filepath.WalkDir(in.Dir, func(path string, entry fs.DirEntry, err error) error {
			if err == nil && !entry.IsDir() {
				left = append(left, path)
			}
			return err
		})
		if err != nil || len(left) != 0 {
			t.Errorf("%s left %v, %v", want, left, err)
		}
	}
}
