// Package basetest makes small Debian archives, signed with a key of their own, for tests to serve on loopback.
package basetest

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/clearsign"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// Architectures are those that every package is built for.
var Architectures = []string{"amd64", "arm64"}

// Archive is a Debian archive below /debian/ and a security archive below /security/. Its fields may be changed before [Archive.Publish].
type Archive struct {
	Key    *openpgp.Entity
	Signer *openpgp.Entity   // another than Key for a wrong signature
	Fields map[string]string // of trixie's InRelease, over the usual ones
	Debs   []Deb
	Newer  []Deb // in trixie-security
	ByHash bool
	Listed func(index []byte) []byte // what is served where the index names another file

	Files map[string][]byte // what is served, by path
	Asked atomic.Int32      // how many requests came

	now time.Time
}

// New returns an archive of three packages, all that a base needs, whose index was made six hours before now.
func New(now time.Time) *Archive {
	return &Archive{
		Key: NewKey(now), Fields: map[string]string{}, Files: map[string][]byte{}, ByHash: true, now: now,
		Debs: []Deb{
			{Name: "base-files", Version: "13", Depends: "awk", Files: []tar.Header{
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
			{Name: "ca-certificates", Version: "2", Depends: "openssl (>= 1), libc6:any (>= 2) | other", Files: []tar.Header{
				{Name: "./usr/share/ca-certificates/mozilla/B.crt", Mode: 0o644},
				{Name: "./usr/share/ca-certificates/mozilla/A.crt", Mode: 0o644},
				{Name: "./usr/share/doc/ca-certificates", Typeflag: tar.TypeSymlink, Linkname: "base-files", Mode: 0o777},
			}},
			{Name: "libc6", Version: "2.41-12", Extra: "Source: glibc (2.41)\n", Files: []tar.Header{
				{Name: "./usr/lib/libc.so.6", Mode: 0o755},
			}},
		},
	}
}

// NewKey returns a key made a year before now.
func NewKey(now time.Time) *openpgp.Entity {
	return must(openpgp.NewEntity("test", "", "test@example.invalid", &packet.Config{
		Algorithm: packet.PubKeyAlgoEdDSA, Time: func() time.Time { return now.AddDate(-1, 0, 0) },
	}))
}

// Keyring returns the public half of Key as a base keeps it.
func (a *Archive) Keyring() []byte {
	var keys bytes.Buffer
	w := must(armor.Encode(&keys, openpgp.PublicKeyType, nil))
	check(a.Key.Serialize(w))
	check(w.Close())
	return keys.Bytes()
}

// Publish lays out what the archives serve.
func (a *Archive) Publish() {
	a.Suite("debian/", "trixie", a.Debs, a.Fields)
	a.Suite("security/", "trixie-security", a.Newer, nil)
}

// ServeHTTP serves Files.
func (a *Archive) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.Asked.Add(1)
	data, ok := a.Files[r.URL.Path]
	if !ok {
		http.NotFound(w, r)
		return
	}
	_, _ = w.Write(data)
}

// Suite lays out a suite with its packages below root.
func (a *Archive) Suite(root, name string, debs []Deb, fields map[string]string) {
	var sums strings.Builder
	for _, arch := range Architectures {
		var index bytes.Buffer
		for _, d := range debs {
			data := d.Build(arch)
			file := fmt.Sprintf("pool/main/%s_%s_%s.deb", d.Name, d.Version, arch)
			a.Files["/"+root+file] = data
			fmt.Fprintf(&index, "Package: %s\nVersion: %s\nArchitecture: %s\nDepends: %s\n%sFilename: %s\nSize: %d\nSHA256: %x\nDescription: a\n b\n\n",
				d.Name, d.Version, arch, d.Depends, d.Extra, file, len(data), sha256.Sum256(data))
		}
		packed := xzipped(index.Bytes())
		path := "main/binary-" + arch + "/Packages.xz"
		sum := fmt.Sprintf("%x", sha256.Sum256(packed))
		fmt.Fprintf(&sums, "\n %s %d %s", sum, len(packed), path)
		if a.Listed != nil {
			packed = a.Listed(packed)
		}
		if a.ByHash {
			path = "main/binary-" + arch + "/by-hash/SHA256/" + sum
		}
		a.Files["/"+root+"dists/"+name+"/"+path] = packed
	}
	all := map[string]string{
		"Codename": name, "Suite": "stable", "Version": "13.7", "Date": a.now.UTC().Add(-6*time.Hour).Format("Mon, 02 Jan 2006 15:04:05") + " UTC",
		"SHA256": sums.String(), "Acquire-By-Hash": map[bool]string{true: "yes", false: "no"}[a.ByHash],
	}
	maps.Copy(all, fields)
	var text bytes.Buffer
	for _, field := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(&text, "%s: %s\n", field, all[field])
	}
	a.Files["/"+root+"dists/"+name+"/InRelease"] = a.sign(text.Bytes())
}

func (a *Archive) sign(text []byte) []byte {
	signer := a.Key
	if a.Signer != nil {
		signer = a.Signer
	}
	var signed bytes.Buffer
	w := must(clearsign.Encode(&signed, signer.PrivateKey, &packet.Config{Time: func() time.Time { return a.now.Add(-time.Hour) }}))
	must(w.Write(text))
	check(w.Close())
	return signed.Bytes()
}

// must returns the value of what can only fail by a mistake in a test.
func must[T any](value T, err error) T {
	check(err)
	return value
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
