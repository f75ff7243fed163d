package inventory

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/package-url/packageurl-go"
)

// file is one of a layer: with a link's target, or a folder if its name ends in a slash.
type file struct {
	name, content, link string
	mode                int64
}

func archive(files ...file) *bytes.Buffer {
	packed := &bytes.Buffer{}
	w := tar.NewWriter(packed)
	for _, f := range files {
		h := &tar.Header{Name: f.name, Linkname: f.link, Mode: max(f.mode, 0o644), Typeflag: tar.TypeReg, Size: int64(len(f.content))}
		switch {
		case f.link != "":
			h.Typeflag = tar.TypeSymlink
		case strings.HasSuffix(f.name, "/"):
			h.Typeflag = tar.TypeDir
		}
		if err := w.WriteHeader(h); err != nil {
			panic(err)
		}
		if _, err := w.Write([]byte(f.content)); err != nil {
			panic(err)
		}
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return packed
}

// read returns the package URLs of what an image of layers has.
func read(t *testing.T, layers ...*bytes.Buffer) (purls, unread []string) {
	t.Helper()
	i := New()
	for _, l := range layers {
		if err := i.Layer(l); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range i.Components("amd64") {
		purls = append(purls, c.PURL)
	}
	return purls, i.Unread()
}

func TestWhatPackageManagersLeave(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		files []file
		want  []string
	}{
		"dpkg": {[]file{
			{name: "./etc/os-release", content: "NAME=\"Debian\"\nID=debian\nVERSION_ID=\"13\"\n"},
			{name: "./var/lib/dpkg/status", content: "Package: libc6\nSource: glibc\nStatus: install ok installed\nArchitecture: amd64\nDescription: C library\n Version: 0\n" +
				"Version: 2.41-12+deb13u1\n\nPackage: gone\nStatus: deinstall ok config-files\nVersion: 1\n\nPackage: tzdata\nStatus: hold ok installed\nArchitecture: all\nSource: tzdata\nVersion: 2026a-0\n\nPackage: gcc\nSource: gcc-defaults (1.220)\nArchitecture: amd64\nVersion: 4:14.2.0-1\n\n" +
				"Package: odd\nSource: " + strings.Repeat("a", 600) + "\nArchitecture: amd64\nVersion: 1\n"},
		}, []string{
			"pkg:deb/debian/gcc@4:14.2.0-1?arch=amd64&distro=debian-13&upstream=gcc-defaults%401.220",
			"pkg:deb/debian/libc6@2.41-12%2Bdeb13u1?arch=amd64&distro=debian-13&upstream=glibc", "pkg:deb/debian/odd@1?arch=amd64&distro=debian-13", "pkg:deb/debian/tzdata@2026a-0?arch=all&distro=debian-13",
		}},
		"dpkg without dpkg": {[]file{
			{name: "var/lib/dpkg/status.d/base-files", content: "Package: base-files\nVersion: 12.4\nArchitecture: amd64"},
			{name: "var/lib/dpkg/status.d/base-files.md5sums", content: "Package: wrong\nVersion: 1"},
		}, []string{"pkg:deb/debian/base-files@12.4?arch=amd64"}},
		"apk": {[]file{
			{name: "usr/lib/os-release", content: "ID=alpine\nVERSION_ID=3.22.1\n"},
			{name: "lib/apk/db/installed", content: "C:Q1abc=\nP:musl\nV:1.2.5-r10\nA:x86_64\nL:MIT\n\nP:busybox\nV:1.37.0-r18\nA:x86_64\nL:GPL-2.0-only\no:busybox-suite\nF:bin\nR:busybox\n"},
		}, []string{"pkg:apk/alpine/busybox@1.37.0-r18?arch=x86_64&distro=alpine-3.22.1&upstream=busybox-suite", "pkg:apk/alpine/musl@1.2.5-r10?arch=x86_64&distro=alpine-3.22.1"}},
		"npm": {[]file{
			{name: "app/node_modules/zod/package.json", content: `{"name":"zod","version":"3.25.0","license":"MIT"}`},
			{name: "app/node_modules/@scope/a/package.json", content: `{"name":"@scope/a","version":"1.0.0","license":{"type":"MIT"}}`},
			{name: "app/node_modules/zod/dist/package.json", content: `{"name":"part","version":"1.0.0"}`},
			{name: "app/node_modules/zod/esm/node_modules/b/package.json", content: `{"type":"module"}`},
			{name: "app/package.json", content: `{"name":"app","version":"1.0.0"}`},
		}, []string{"pkg:npm/%40scope/a@1.0.0", "pkg:npm/zod@3.25.0"}},
		"Python": {[]file{
			{name: "usr/lib/python3.13/site-packages/Pydantic_Core-2.1.dist-info/METADATA", content: "Metadata-Version: 2.4\nName: Pydantic_Core\nVersion: 2.1\nLicense-Expression: MIT\n\nText: with colons\n"},
			{name: "opt/venv/lib/python3/dist-packages/old.egg-info", content: "Metadata-Version: 1.1\nName: old\nVersion: 0.1\nLicense: whatever I say\n"},
		}, []string{"pkg:pypi/old@0.1", "pkg:pypi/pydantic-core@2.1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, unread := read(t, archive(c.files...))
			if !slices.Equal(got, c.want) || len(unread) > 0 {
				t.Errorf("got %q, want %q; unread %v", got, c.want, unread)
			}
		})
	}
}

// TestGoPrograms looks into this test itself, which Go built.
func TestGoPrograms(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	source := map[string]string{
		"go.mod":  "module example.com/tiny\n\ngo 1.26\n",
		"main.go": "package main\n\nfunc main() {}\n",
	}
	for name, text := range source {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	build := exec.CommandContext(t.Context(), "go", "build", "-ldflags=-w", "-o", "tiny", ".")
	build.Dir, build.Env = dir, append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-buildvcs=false")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	program, err := os.ReadFile(filepath.Join(dir, "tiny"))
	if err != nil {
		t.Fatal(err)
	}
	got, _ := read(t, archive(
		file{name: "usr/bin/tiny", content: string(program), mode: 0o755},
		file{name: "usr/bin/short", content: "\x7fE", mode: 0o755},
		file{name: "usr/bin/broken", content: "\x7fELF and nothing else", mode: 0o755},
		file{name: "usr/share/tiny", content: string(program)}, // cannot be run
	))
	if len(got) != 1 || !strings.HasPrefix(got[0], "pkg:golang/stdlib@1.") {
		t.Errorf("got %q", got)
	}
}

// TestLaterLayersCount hides, replaces and removes what lower layers have.
func TestLaterLayersCount(t *testing.T) {
	t.Parallel()
	manifest := func(name, version string) file {
		return file{name: "app/node_modules/" + name + "/package.json", content: fmt.Sprintf(`{"name":%q,"version":%q}`, name, version)}
	}
	lower := []file{manifest("aa", "1.0.0"), manifest("bb", "1.0.0")}
	for name, c := range map[string]struct {
		upper []file
		want  []string
	}{
		"another version": {[]file{manifest("aa", "2.0.0")}, []string{"pkg:npm/aa@2.0.0", "pkg:npm/bb@1.0.0"}},
		"file removed":    {[]file{{name: "app/node_modules/aa/.wh.package.json"}}, []string{"pkg:npm/bb@1.0.0"}},
		"folder removed":  {[]file{{name: "app/node_modules/.wh.aa"}}, []string{"pkg:npm/bb@1.0.0"}},
		"all removed":     {[]file{{name: ".wh.app"}}, nil},
		"folder emptied": {
			[]file{manifest("cc", "1.0.0"), {name: "app/node_modules/.wh..wh..opq"}},
			[]string{"pkg:npm/cc@1.0.0"},
		},
		"root emptied":          {[]file{{name: ".wh..wh..opq"}}, nil},
		"a link for a folder":   {[]file{{name: "app/node_modules", link: "/elsewhere"}}, nil},
		"a link for a manifest": {[]file{{name: "app/node_modules/aa/package.json", link: "../bb/package.json"}}, []string{"pkg:npm/bb@1.0.0"}},
		"a folder again":        {[]file{{name: "app/node_modules/"}}, []string{"pkg:npm/aa@1.0.0", "pkg:npm/bb@1.0.0"}},
		"a path in disguise":    {[]file{{name: "/app/x/../node_modules/./.wh.aa"}}, []string{"pkg:npm/bb@1.0.0"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, _ := read(t, archive(lower...), archive(c.upper...)); !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// TestWhatIsNotKnownIsSaid finds traces that cannot be read.
func TestWhatIsNotKnownIsSaid(t *testing.T) {
	t.Parallel()
	got, unread := read(t, archive(
		file{name: "var/lib/rpm/rpmdb.sqlite", content: "SQLite"},
		file{name: "app/node_modules/odd/package.json", content: `{"name":"o\u202edd","version":"1.0.0"}`},
		file{name: "app/node_modules/long/package.json", content: `{"name":"` + strings.Repeat("x", 600) + `","version":"1.0.0"}`},
		file{name: "app/node_modules/huge/package.json", content: `{"name":"huge","version":"1.0.0"}` + strings.Repeat(" ", maxFile)},
	))
	want := []string{
		"/app/node_modules/huge/package.json", "/app/node_modules/long/package.json", "/app/node_modules/odd/package.json", "/var/lib/rpm/rpmdb.sqlite",
	}
	if len(got) > 0 || !slices.Equal(unread, want) {
		t.Errorf("found %q, unread %q", got, unread)
	}
}

func TestTooMuchIsRefused(t *testing.T) {
	t.Parallel()
	var status strings.Builder
	for n := range maxComponents + 1 {
		fmt.Fprintf(&status, "P:p%d\nV:1\n\n", n)
	}
	err := New().Layer(archive(file{name: "lib/apk/db/installed", content: status.String()}))
	if err == nil || !strings.Contains(err.Error(), "more than 50000 packages") {
		t.Errorf("packages: got %v", err)
	}
	if err := New().Layer(bytes.NewBufferString(strings.Repeat("junk", 1000))); !errors.Is(err, tar.ErrHeader) {
		t.Errorf("junk: got %v", err)
	}
}

// FuzzTraces feeds every reader of text: whatever it finds has a package URL that can be read again.
func FuzzTraces(f *testing.F) {
	f.Add("Package: a\nVersion: 1\nStatus: install ok installed\n", uint8(0))
	f.Add("P:a\nV:1\nL:MIT\n", uint8(1))
	f.Add(`{"name":"@a/b","version":"1"}`, uint8(2))
	f.Add("Name: a\nVersion: 1\n\n", uint8(3))
	f.Add("ID=debian\nVERSION_ID=\"13 ?&#\"\n", uint8(4))
	places := []string{
		"var/lib/dpkg/status", "lib/apk/db/installed", "node_modules/x/package.json", "usr/lib/site-packages/x.dist-info/METADATA", "etc/os-release",
	}
	f.Fuzz(func(t *testing.T, text string, place uint8) {
		i := New()
		if err := i.Layer(archive(file{name: places[int(place)%len(places)], content: text})); err != nil {
			t.Fatal(err)
		}
		for _, c := range i.Components("amd64") {
			if _, err := packageurl.FromString(c.PURL); err != nil || c.Name == "" || c.Version == "" {
				t.Fatalf("found %+v (%v)", c, err)
			}
		}
	})
}
