package build_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/slipway-dev/slipway/internal/build"
	"github.com/slipway-dev/slipway/internal/entry"
)

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
