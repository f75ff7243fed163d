package flow

import (
	"context"
	"io"
	"os"
	"path"
	"strings"

	"github.com/slipway-dev/slipway/internal/kind/npm"
	"github.com/slipway-dev/slipway/internal/unpack"
)

// resolverDir is where a package manager lies inside the resolver's root.
const resolverDir = "/opt/resolver"

// Limits of a package manager's archive, which its registry serves and the base's lock pins.
var resolverLimits = unpack.Limits{Entries: 20_000, Bytes: 256 << 20, FileBytes: 128 << 20}

// manager is how a package manager is unpacked and run.
type manager struct {
	command      []string
	env          []string
	certificates string // the variable that names a file of certificates to trust
	unpack       func(ctx context.Context, archive *os.File, visit unpack.Visit) error
}

// managers are the package managers that a base can have, by the name of their package.
var managers = map[string]manager{
	"npm": {
		command:      []string{npm.NodePath, resolverDir + "/bin/npm-cli.js"},
		env:          []string{"npm_config_cache=/tmp/npm"},
		certificates: "NODE_EXTRA_CA_CERTS",
		unpack: func(ctx context.Context, archive *os.File, visit unpack.Visit) error {
			return unpack.TarGzip(ctx, archive, 1, resolverLimits, visit)
		},
	},
	"uv": {
		command:      []string{resolverDir + "/uv"},
		env:          []string{"UV_CACHE_DIR=/tmp/uv", "UV_PYTHON_DOWNLOADS=never"},
		certificates: "SSL_CERT_FILE",
		unpack:       unpackScripts,
	},
}

// unpackScripts visits a wheel's programs, without the folder that they lie in.
func unpackScripts(ctx context.Context, archive *os.File, visit unpack.Visit) error {
	info, err := archive.Stat()
	if err != nil {
		return err
	}
	return unpack.Zip(ctx, archive, info.Size(), resolverLimits, func(file unpack.File, content io.Reader) error {
		if dir := path.Dir(file.Path); !strings.HasSuffix(dir, ".data/scripts") || strings.Count(dir, "/") != 1 || file.Mode.IsDir() {
			return nil
		}
		file.Path = path.Base(file.Path)
		return visit(file, content)
	})
}
