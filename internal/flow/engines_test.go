package flow

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/internal/catalog"
	"github.com/slipway-dev/slipway/internal/entry"
)

// Engines reach by themselves what all reach, and by this machine what only it reaches.
func TestLoopback(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]int{
		"localhost:5000": 5000, "registry.localhost:80": 80, "localhost": 80,
		"registry.example.com": 0, "registry.example.com:5000": 0, "10.0.0.1:5000": 0, "mylocalhost:5000": 0,
		"127.0.0.1:5000": -1, "[::1]:5000": -1, "127.8.0.1": -1, "localhost:none": -1,
	} {
		if port, err := loopback(host); (err != nil) != (want < 0) || err == nil && port != want {
			t.Errorf("%s: %d, %v; want %d", host, port, err, want)
		}
	}
}

// The images of others that only this machine reaches are in one registry, as there is one way to it.
func TestImagesHere(t *testing.T) {
	t.Parallel()
	items := func(images ...string) (all []catalog.Item) {
		all = append(all, catalog.Item{Entry: entry.Entry{Kind: entry.NPX, Name: "other"}})
		for _, image := range images {
			all = append(all, catalog.Item{Entry: entry.Entry{Kind: entry.Container, Name: "server", Image: &entry.Image{Name: image}}})
		}
		return all
	}
	for _, c := range []struct {
		images []string
		host   string
		port   int
		err    string
	}{
		{nil, "", 0, ""},
		{[]string{"registry.example.com/a/b"}, "", 0, ""},
		{[]string{"registry.example.com/a/b", "registry.localhost:5001/a", "registry.localhost:5001/b"}, "registry.localhost:5001", 5001, ""},
		{[]string{"registry.localhost/a"}, "registry.localhost", 80, ""},
		{[]string{"registry.localhost:5001/a", "registry.localhost:5002/b"}, "", 0, "container/server: image.name: engines reach one registry on this machine"},
		{[]string{"127.0.0.1:5001/a"}, "", 0, "container/server: image.name: at 127.0.0.1 each engine finds itself"},
	} {
		host, port, err := imagesHere(items(c.images...))
		if host != c.host || port != c.port || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%v: %q, %d, %v", c.images, host, port, err)
		}
	}
}

func TestModuleIsTheCatalogsOwnOrThatOfTheVersion(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ file, version, want string }{
		{"", "v1.2.3", "github.com/slipway-dev/slipway@v1.2.3"},
		{`{"name": "other"}`, "v1.2.3-rc.1", "github.com/slipway-dev/slipway@v1.2.3-rc.1"},
		{`{"name": "slipway"}`, "devel+1234", "ROOT"},
		{"", "devel+1234", ""},
		{"", "v0.0.0-20260101000000-abcdef012345", ""},
		{`{`, "v1.2.3", ""},
	} {
		root := t.TempDir()
		if c.file != "" {
			if err := os.WriteFile(filepath.Join(root, "dagger.json"), []byte(c.file), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		l := &Line{Options: Options{Root: root, Version: c.version}}
		got, err := l.Module()
		if want := strings.Replace(c.want, "ROOT", root, 1); got != want || (err != nil) != (want == "") {
			t.Errorf("%q and %s: %q, %v", c.file, c.version, got, err)
		}
	}
}
