package base

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
)

func TestResolver(t *testing.T) {
	t.Parallel()
	a := newArchive(t)
	folder, s := a.serve(t)
	if _, err := load(t, folder).Resolver(t.Context(), s, "amd64"); err == nil {
		t.Error("a resolver came from no lock")
	}
	b := lock(t, folder, s)
	request, err := b.Resolver(t.Context(), s, "amd64")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Files.File(t.Context(), request); err != nil || !strings.HasSuffix(request.URL, "/npm/npm/-/npm-11.0.0.tgz") {
		t.Errorf("%s: %v", request.URL, err)
	}
}

const (
	uvAMD64 = "uv-0.13.9-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"
	uvARM64 = "uv-0.13.9-py3-none-manylinux_2_17_aarch64.manylinux2014_aarch64.whl"
)

// withUV makes uv the base's resolver and publishes the wheels of it.
func (a *archive) withUV(folder fstest.MapFS, wheels ...string) {
	folder["test/"+SpecFile] = &fstest.MapFile{Data: []byte(strings.Replace(baseCUE, `"npm", version: "11.0.0"`, `"uv", version: "0.13.9"`, 1))}
	var page strings.Builder
	for _, name := range wheels {
		a.Files["/files/"+name] = []byte(name)
		fmt.Fprintf(&page, "<a href=\"../../files/%s#sha256=%x\">%[1]s</a>\n", name, sha256.Sum256([]byte(name)))
	}
	a.Files["/pypi/uv/"] = []byte("<html>" + page.String() + "</html>")
}

func TestResolverFromPyPI(t *testing.T) {
	t.Parallel()
	a := newArchive(t)
	folder, s := a.serve(t)
	a.withUV(folder, "uv-0.13.8-py3-none-any.whl", uvAMD64, uvARM64, "uv-0.13.9.tar.gz", "uv-0.13.9-py3-none-musllinux_1_1_x86_64.whl")
	b := lock(t, folder, s)
	for arch, want := range map[string]string{"amd64": uvAMD64, "arm64": uvARM64} {
		request, err := b.Resolver(t.Context(), s, arch)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Files.File(t.Context(), request); err != nil || request.Digest.Hex != fmt.Sprintf("%x", sha256.Sum256([]byte(want))) {
			t.Errorf("%s: %v", arch, err)
		}
	}
	if _, err := b.Resolver(t.Context(), s, "riscv64"); err == nil {
		t.Error("there is a resolver for a platform without")
	}
	good := string(folder["test/"+LockFile].Data)
	for name, c := range map[string]struct{ from, to, reason string }{
		"another version": {"uv-0.13.9-py3", "uv-0.13.8-py3", "not that of a wheel of uv 0.13.9"},
		"another package": {"uv-0.13.9-py3", "vu-0.13.9-py3", "not that of a wheel of uv"},
		"no wheel":        {uvAMD64, "../uv.whl", "not that of a wheel"},
		"no hash":         {`"sha256": "` + fmt.Sprintf("%x", sha256.Sum256([]byte(uvAMD64))), `"sha256": "x`, "no SHA-256"},
		"out of order": {`"architecture": "arm64",
        "filename": "uv`, `"architecture": "amd64",
        "filename": "uv`, "out of order"},
		"another platform": {`"architecture": "arm64",
        "filename": "uv`, `"architecture": "mips",
        "filename": "uv`, "architecture"},
		"an integrity, too": {`"wheels": [`, `"integrity": "sha512-x",
    "wheels": [`, "integrity"},
		"no package manager": {`"package": "uv"`, `"package": "Uv"`, "none of a PyPI package"},
	} {
		changed := strings.Replace(good, c.from, c.to, 1)
		if changed == good {
			t.Fatalf("%s: nothing was changed", name)
		}
		folder["test/"+LockFile] = &fstest.MapFile{Data: []byte(changed)}
		if err := load(t, folder).CheckLock(); err == nil || !strings.Contains(err.Error(), c.reason) {
			t.Errorf("%s: got %v, want an error about %q", name, err, c.reason)
		}
	}
}

func TestLockRefusesResolversFromPyPI(t *testing.T) {
	t.Parallel()
	for reason, change := range map[string]func(a *archive, folder fstest.MapFS){
		"no wheel of uv 0.13.9 for arm64": func(a *archive, folder fstest.MapFS) { a.withUV(folder, uvAMD64) },
		"neither HTML nor JSON":           func(a *archive, _ fstest.MapFS) { a.Files["/pypi/uv/"] = []byte("oops") },
		"404":                             func(a *archive, _ fstest.MapFS) { delete(a.Files, "/pypi/uv/") },
	} {
		a := newArchive(t)
		folder, s := a.serve(t)
		a.withUV(folder, uvAMD64, uvARM64)
		change(a, folder)
		if _, err := load(t, folder).Lock(t.Context(), s, now); err == nil || !strings.Contains(err.Error(), reason) {
			t.Errorf("got %v, want an error about %q", err, reason)
		}
	}
}
