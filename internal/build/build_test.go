package build_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
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
	return &kind.Payload{
		Key: key,
		Write: func(_ context.Context, w *layer.Writer) error {
			if err := w.WriteDir("app", 0o755); err != nil {
				return err
			}
			content := strings.Repeat(key, size/len(key)+1)
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
	layers := layer.NewStore(store)
	base, err := layers.Layer(t.Context(), "base", func(_ context.Context, w *layer.Writer) error {
		return w.WriteFile("etc/passwd", 0o644, 4, strings.NewReader("root"))
	})
	if err != nil {
		t.Fatal(err)
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
	}
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
	if err := validate.Index(l.Index); err != nil {
		t.Error(err)
	}
	if l.Digest != result.Digest || l.Tag != "1.0.0_build" || result.Tag != l.Tag {
		t.Errorf("opened %s %s, built %s %s", l.Tag, l.Digest, result.Tag, result.Digest)
	}
	for i, image := range l.Images {
		if diff := cmp.Diff(result.Platforms[i], image.Image); diff != "" {
			t.Error(diff)
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

func TestConfiguration(t *testing.T) {
	t.Parallel()
	in := input(t, t.TempDir(), t.TempDir())
	in.Entry.Transport = &entry.Transport{Type: entry.StreamableHTTP, Port: 8080}
	l := mustOpen(t, mustBuild(t, in).Path)
	image, ok := l.Platform(amd64)
	if !ok {
		t.Fatal("no image for linux/amd64")
	}
	config, err := image.Content.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	facts := map[string]string{
		"io.modelcontextprotocol.server.name":  "io.example/context7",
		"org.opencontainers.image.version":     "1.0.0+build",
		"org.opencontainers.image.licenses":    "MIT",
		"org.opencontainers.image.title":       "Context7",
		"org.opencontainers.image.description": "Documentation <of> libraries & more",
		"org.opencontainers.image.vendor":      "Upstash",
		"org.opencontainers.image.url":         "https://context7.example",
		"org.opencontainers.image.source":      "https://git.example/context7",
		"org.opencontainers.image.revision":    strings.Repeat("a", 40),
	}
	index, err := l.Index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(facts, index.Annotations); diff != "" {
		t.Error("index:", diff)
	}
	facts["org.opencontainers.image.base.name"] = "bases/node"
	manifest, err := image.Content.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(facts, manifest.Annotations); diff != "" {
		t.Error("manifest:", diff)
	}
	facts["x.payload"] = "yes"
	want := v1.Config{
		User: "65532:65532", WorkingDir: "/app", Labels: facts,
		Entrypoint: []string{"/usr/bin/node", "/app/index.js"}, Cmd: []string{"--verbose"},
		Env:          []string{"PATH=/usr/bin", "BASE=replaced", "NODE_ENV=production", "MODE=fast"},
		ExposedPorts: map[string]struct{}{"8080/tcp": {}},
	}
	if diff := cmp.Diff(want, config.Config); diff != "" {
		t.Error(diff)
	}
	if !config.Created.Equal(time.Unix(0, 0)) || len(config.History) != 2 || len(config.RootFS.DiffIDs) != 2 {
		t.Errorf("created %s, %d history entries, %d layers", config.Created, len(config.History), len(config.RootFS.DiffIDs))
	}
}

func TestUnknownFactsAreLeftOut(t *testing.T) {
	t.Parallel()
	in := input(t, t.TempDir(), t.TempDir())
	in.Entry.Repository.Commit, in.Entry.License, in.Entry.Homepage = "", "", ""
	index, err := mustOpen(t, mustBuild(t, in).Path).Index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"revision", "licenses", "url", "documentation"} {
		if value, ok := index.Annotations["org.opencontainers.image."+name]; ok {
			t.Errorf("%s = %q", name, value)
		}
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
	if err := validate.Index(l.Index); err != nil {
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

func TestRevisionIsPartOfTheTag(t *testing.T) {
	t.Parallel()
	e := context7()
	for revision, want := range []string{"1.0.0_build", "1.0.0_build-r1", "1.0.0_build-r2"} {
		e.Revision = revision
		if got := build.Tag(e); got != want {
			t.Errorf("revision %d: tag %s", revision, got)
		}
	}
}

func BenchmarkTwoPlatformsWithCachedLayers(b *testing.B) {
	for _, unchanged := range []bool{false, true} {
		b.Run(fmt.Sprintf("unchanged=%t", unchanged), func(b *testing.B) {
			in := input(b, b.TempDir(), b.TempDir())
			for i := range in.Platforms {
				in.Platforms[i].Payload = payload("large-"+in.Platforms[i].Platform.Architecture, 50<<20)
			}
			mustBuild(b, in)
			for i := 0; b.Loop(); i++ {
				if !unchanged {
					in.Entry.Revision = i%2 + 1
					in.Entry.Title = fmt.Sprint(i)
				}
				if mustBuild(b, in).Unchanged != unchanged {
					b.Fatal("unexpected layout")
				}
			}
		})
	}
}
