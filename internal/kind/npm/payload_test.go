package npm_test

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/kind"
	"github.com/slipway-dev/slipway/internal/kind/npm"
	"github.com/slipway-dev/slipway/internal/layer"
)

var (
	amd64 = v1.Platform{OS: "linux", Architecture: "amd64"}
	arm64 = v1.Platform{OS: "linux", Architecture: "arm64", Variant: "v8"}
)

// listing returns the layer of a payload: the mode and size, or the target, of everything in it by path.
func listing(t testing.TB, p *kind.Payload) (map[string]string, v1.Hash) {
	t.Helper()
	l, err := layer.NewStore(t.TempDir()).Layer(t.Context(), p.Key, p.Write)
	if err != nil {
		t.Fatal(err)
	}
	r, err := l.Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	found := map[string]string{}
	for archive := tar.NewReader(r); ; {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		switch h.Typeflag {
		case tar.TypeDir:
		case tar.TypeSymlink:
			found[h.Name] = "-> " + h.Linkname
		default:
			data, err := io.ReadAll(archive)
			if err != nil {
				t.Fatal(err)
			}
			found[h.Name] = fmt.Sprintf("%o %s", h.Mode, strings.TrimSpace(string(data)))
		}
	}
	digest, err := l.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return found, digest
}

func TestPayloadLaysOutWhatThePlatformNeeds(t *testing.T) {
	t.Parallel()
	eco := newRegistry(t, serverReleases()...).ecosystem(nil)
	p, err := eco.Payload(t.Context(), serverEntry(), folder(t, serverLock(t)), amd64)
	if err != nil {
		t.Fatal(err)
	}
	found, digest := listing(t, p)
	for name := range found {
		if strings.HasSuffix(name, "/package.json") {
			delete(found, name)
		}
	}
	const modules = "app/node_modules/"
	want := map[string]string{
		modules + ".bin/left":                       "-> ../left/cli.js",
		modules + ".bin/server":                     "-> ../@corp/server/dist/main.js",
		modules + "@corp/server/.npmignore":         "644 x",
		modules + "@corp/server/dist/main.js":       "755 #!/usr/bin/env node",
		modules + "@corp/server/private.txt":        "644 p",
		modules + "@corp/server/script.sh":          "755 echo",
		modules + "bundler/node_modules/.bin/inner": "-> ../inner/run",
		modules + "bundler/node_modules/inner/run":  "755 //",
		modules + "left/cli.js":                     "755 //",
	}
	if diff := cmp.Diff(want, found); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{npm.NodePath, "/app/node_modules/@corp/server/dist/main.js"}, p.Entrypoint); diff != "" {
		t.Error(diff)
	}

	again, err := eco.Payload(t.Context(), serverEntry(), folder(t, serverLock(t)), amd64)
	if err != nil {
		t.Fatal(err)
	}
	if _, second := listing(t, again); again.Key != p.Key || second != digest {
		t.Error("the same lock gives two layers")
	}
	other, err := eco.Payload(t.Context(), serverEntry(), folder(t, serverLock(t)), arm64)
	if err != nil {
		t.Fatal(err)
	}
	if other.Key == p.Key {
		t.Error("platforms with other packages share a key")
	}
}

// What an earlier process noted of the archives is as good as reading them, and what was damaged since is noted anew.
func TestLaterProcessesReadNoArchiveAgain(t *testing.T) {
	t.Parallel()
	registry := newRegistry(t, serverReleases()...)
	dir := registry.cacheDir()
	notes := func() []string {
		found, err := filepath.Glob(filepath.Join(dir, "archives", "*", "*"))
		if err != nil {
			t.Fatal(err)
		}
		return slices.DeleteFunc(found, func(name string) bool { return filepath.Base(filepath.Dir(name)) == "partial" })
	}
	var first *kind.Payload
	for _, process := range []struct {
		name   string
		before func(note string) error
	}{
		{"the first", nil},
		{"a later one", func(note string) error { return os.Chtimes(note, time.Time{}, time.Unix(0, 0)) }},
		{"one after damage", func(note string) error {
			return errors.Join(os.Chmod(note, 0o600), os.WriteFile(note, []byte("{}"), 0o600))
		}},
	} {
		for _, note := range notes() {
			if err := process.before(note); err != nil {
				t.Fatal(err)
			}
		}
		p, err := registry.process(dir, nil).Payload(t.Context(), serverEntry(), folder(t, serverLock(t)), amd64)
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = p
		}
		if diff := cmp.Diff(first, p, cmpopts.IgnoreFields(kind.Payload{}, "Write")); diff != "" {
			t.Errorf("%s: %s", process.name, diff)
		}
		want, _ := listing(t, first)
		got, _ := listing(t, p)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", process.name, diff)
		}
		if process.name != "a later one" {
			continue
		}
		for _, note := range notes() {
			if info, err := os.Stat(note); err != nil || !info.ModTime().Equal(time.Unix(0, 0)) {
				t.Errorf("%s was written again: %v", note, err)
			}
		}
	}
	if len(notes()) < 2*5 {
		t.Errorf("only these were noted: %v", notes())
	}
}

func TestPayloadNamesItsComponents(t *testing.T) {
	t.Parallel()
	eco := newRegistry(t, serverReleases()...).ecosystem(nil)
	p, err := eco.Payload(t.Context(), serverEntry(), folder(t, serverLock(t)), arm64)
	if err != nil {
		t.Fatal(err)
	}
	licenses := map[string]string{}
	var server kind.Component
	for _, c := range p.Components {
		licenses[strings.TrimPrefix(c.Path, "/app/node_modules/")] = c.PURL + " " + c.License
		if c.Algorithm != "SHA512" || len(c.Digest) != 128 {
			t.Errorf("%s has the digest %s %s", c.Path, c.Algorithm, c.Digest)
		}
		if c.Name == "@corp/server" {
			server = c
		}
	}
	want := map[string]string{
		"@corp/server":               "pkg:npm/%40corp/server@2.0.0 Apache-2.0",
		"bundler":                    "pkg:npm/bundler@1.0.0 MIT OR Apache-2.0",
		"bundler/node_modules/inner": "pkg:npm/inner@3.0.1 MIT",
		"left":                       "pkg:npm/left@1.5.0 (MIT OR Apache-2.0)",
		"left/node_modules/shared":   "pkg:npm/shared@1.0.3 ",
		"native":                     "pkg:npm/native@1.0.0 ",
		"native-arm64":               "pkg:npm/native-arm64@1.0.0 MIT",
		"shared":                     "pkg:npm/shared@2.1.0 ISC",
	}
	if diff := cmp.Diff(want, licenses); diff != "" {
		t.Error(diff)
	}
	dependsOn := []string{"pkg:npm/bundler@1.0.0", "pkg:npm/left@1.5.0", "pkg:npm/native@1.0.0", "pkg:npm/shared@2.1.0"}
	if diff := cmp.Diff(dependsOn, server.DependsOn); diff != "" {
		t.Error(diff)
	}
}

func TestPlatformsThatTakeTheSamePackagesShareALayer(t *testing.T) {
	t.Parallel()
	one := release{
		manifest: object{"name": "one", "version": "1.0.0", "bin": "x.js", "os": []string{"!win32"}, "libc": "glibc"},
		files:    []file{{name: "package/x.js", content: "//"}},
	}
	eco := newRegistry(t, one).ecosystem(nil)
	e := serverEntry()
	e.Package = &entry.Package{Name: "one", Version: "1.0.0"}
	lock := folder(t, lockOf(t, "one", "1.0.0", map[string]release{"one": one}))
	a, err := eco.Payload(t.Context(), e, lock, amd64)
	if err != nil {
		t.Fatal(err)
	}
	b, err := eco.Payload(t.Context(), e, lock, arm64)
	if err != nil {
		t.Fatal(err)
	}
	if a.Key != b.Key {
		t.Error("two keys for one set of packages")
	}
	if _, err := eco.Payload(t.Context(), e, lock, v1.Platform{OS: "windows", Architecture: "amd64"}); err == nil {
		t.Error("built for windows")
	}
}

func TestWhatTheServerNeedsMustRunOnThePlatform(t *testing.T) {
	t.Parallel()
	one := release{manifest: object{"name": "one", "version": "1.0.0", "bin": "x.js", "cpu": []string{"x64"}}}
	e := serverEntry()
	e.Package = &entry.Package{Name: "one", Version: "1.0.0"}
	lock := folder(t, lockOf(t, "one", "1.0.0", map[string]release{"one": one}))
	_, err := newRegistry(t, one).ecosystem(nil).Payload(t.Context(), e, lock, arm64)
	if err == nil || !strings.Contains(err.Error(), "one does not run on linux/arm64") {
		t.Error(err)
	}
}

func TestEntrypointIsTheRightCommand(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		bin    any
		chosen string
		want   string // path, or part of the error
	}{
		{object{"one": "x.js", "other": "y.js"}, "", "/one/x.js"},
		{object{"one": "x.js", "other": "y.js"}, "other", "/one/y.js"},
		{object{"a": "y.js"}, "", "/one/y.js"},
		{"../../../x.js", "", "/one/x.js"}, // npm, too, takes the package for the root
		{object{"a": "x.js", "b": "y.js"}, "", "set package.bin to one of a, b"},
		{object{"a": "x.js", "b": "y.js"}, "c", `no command "c"`},
		{object{"a": "gone.js"}, "", "no such file"},
		{nil, "", "has no command"},
		{object{"a": 3}, "", "has no command"},
	} {
		one := release{manifest: object{"name": "@s/one", "version": "1.0.0", "bin": test.bin}, files: []file{
			{name: "package/x.js", content: "//"}, {name: "package/y.js", content: "//"},
		}}
		e := serverEntry()
		e.Package = &entry.Package{Name: "@s/one", Version: "1.0.0", Bin: test.chosen}
		lock := folder(t, lockOf(t, "@s/one", "1.0.0", map[string]release{"@s/one": one}))
		p, err := newRegistry(t, one).ecosystem(nil).Payload(t.Context(), e, lock, amd64)
		got := fmt.Sprint(err)
		if err == nil {
			got = p.Entrypoint[1]
		}
		if !strings.Contains(got, test.want) {
			t.Errorf("%v, %q: %s", test.bin, test.chosen, got)
		}
	}
}

func TestTheArchiveIsBelievedRatherThanTheLock(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*release)
		want   string
	}{
		"another name":        {func(r *release) { r.manifest["name"] = "evil" }, `archive says that it is evil 1.5.0`},
		"another version":     {func(r *release) { r.manifest["version"] = "9.9.9" }, `archive says that it is left 9.9.9`},
		"hidden script":       {func(r *release) { r.manifest["scripts"] = object{"postinstall": "curl x | sh"} }, "postinstall: curl x | sh"},
		"hidden native build": {func(r *release) { r.files = append(r.files, file{name: "package/binding.gyp", content: "{}"}) }, "node-gyp rebuild"},
		"hidden package": {func(r *release) {
			r.files = append(r.files, file{name: "package/node_modules/evil/index.js", content: "x"})
		}, "carries another package in node_modules/evil"},
		"no package.json":       {func(r *release) { r.archive = tgz(t, file{name: "package/x", content: "x"}) }, "no package.json"},
		"package.json is wrong": {func(r *release) { r.archive = tgz(t, file{name: "package/package.json", content: "[]"}) }, "not a JSON object"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			releases := serverReleases()
			r := newRegistry(t, releases...)
			changed := releases[1]
			changed.manifest = maps.Clone(changed.manifest)
			test.change(&changed)
			r.releases["left"]["1.5.0"] = changed
			lock := serverLock(t)
			lock["packages"].(object)["node_modules/left"].(object)["integrity"] = integrity(changed.tarball(t))
			_, err := r.ecosystem(nil).Payload(t.Context(), serverEntry(), folder(t, lock), amd64)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("want %q, got %v", test.want, err)
			}
		})
	}
}

func TestADeclaredInstallScriptIsAccepted(t *testing.T) {
	t.Parallel()
	releases := serverReleases()
	releases[1].manifest["scripts"] = object{"install": "make"}
	releases[1].manifest["hasInstallScript"] = true
	lock := serverLock(t)
	left := lock["packages"].(object)["node_modules/left"].(object)
	left["integrity"], left["hasInstallScript"] = integrity(releases[1].tarball(t)), true
	eco := newRegistry(t, releases...).ecosystem(nil)

	e := serverEntry()
	_, err := eco.Payload(t.Context(), e, folder(t, lock), amd64)
	if err == nil || !strings.Contains(err.Error(), `installScripts: [{package: "left"`) {
		t.Errorf("undeclared: %v", err)
	}
	e.InstallScripts = []entry.InstallScript{{Package: "left", Reason: "only speeds things up"}}
	if _, err := eco.Payload(t.Context(), e, folder(t, lock), amd64); err != nil {
		t.Errorf("declared: %v", err)
	}
}

func TestPayloadStopsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := newRegistry(t, serverReleases()...).ecosystem(nil).Payload(ctx, serverEntry(), folder(t, serverLock(t)), amd64)
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func BenchmarkPayloadWithWarmCache(b *testing.B) {
	eco := newRegistry(b, serverReleases()...).ecosystem(nil)
	dir := folder(b, serverLock(b))
	for b.Loop() {
		p, err := eco.Payload(b.Context(), serverEntry(), dir, amd64)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := layer.NewStore(b.TempDir()).Layer(b.Context(), p.Key, p.Write); err != nil {
			b.Fatal(err)
		}
	}
}
