// Package npm is the ecosystem of npx entries: packages of an npm registry, run by Node.js.
//
// npm's own resolver writes the lock; everything after that is done here, without npm and without running a line of what was downloaded:
// packages are fetched by the hashes in the lock and laid out as `npm ci --ignore-scripts --omit=dev` would.
package npm

import (
	"context"

	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/fetch"
	"github.com/slipway-dev/slipway/internal/kind"
	"github.com/slipway-dev/slipway/internal/kind/npm/npmrc"
)

// LockFile is the name of the lock beside an entry, which is npm's own.
const LockFile = "package-lock.json"

// NodePath is where an image's base must have Node.js.
const NodePath = "/usr/local/bin/node"

// AppDir is the folder of the image that holds node_modules.
const AppDir = "/app"

// Ecosystem is a kind.Packaged for npx entries. It may be used by many goroutines at once.
type Ecosystem struct {
	cache    *fetch.Cache
	config   *npmrc.Config
	archives *Archives
	run      Runner
}

var _ kind.Packaged = (*Ecosystem)(nil)

// Runner runs npm with arguments in a folder, which is the only one that npm may write to, and with the environment env and nothing else but
// what npm and Node.js themselves need. It should run npm under the Node.js of the entry's base: npm prefers versions that suit the one it
// runs on. The error should hold what npm printed.
type Runner func(ctx context.Context, dir string, args, env []string) error

// New returns the ecosystem over a download cache, what is known of the archives in it, and the user's registries. Only Lock uses run.
func New(cache *fetch.Cache, archives *Archives, config *npmrc.Config, run Runner) *Ecosystem {
	return &Ecosystem{cache: cache, archives: archives, config: config, run: run}
}

// LockFiles returns the lock's name.
func (*Ecosystem) LockFiles() []string { return []string{LockFile} }

// Folder says that every entry has been observed.
func (*Ecosystem) Folder(entry.Entry) kind.Folder { return kind.Folder{Observed: true} }
