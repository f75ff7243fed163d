// Package pypi is the ecosystem of uvx entries: packages of a Python package index, run by CPython.
//
// uv resolves, for both platforms at once; everything after that is done here, without uv and without running a line of what was downloaded:
// wheels are fetched by the hashes in the lock, checked file by file against their own records, and laid out as a virtual environment.
package pypi

import (
	"context"

	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/fetch"
	"github.com/slipway-dev/slipway/internal/kind"
	"github.com/slipway-dev/slipway/internal/kind/pypi/index"
	"github.com/slipway-dev/slipway/internal/kind/pypi/pipconf"
)

// LockFile is the name of the lock beside an entry, which pip and uv can install from.
const LockFile = "requirements.txt"

// PythonPath is where an image's base must have CPython, of the version that package wheel chooses for.
const PythonPath = "/usr/bin/python3.13"

// AppDir is the folder of the image that is the virtual environment.
const AppDir = "/app"

// Ecosystem is a kind.Packaged for uvx entries. It may be used by many goroutines at once.
type Ecosystem struct {
	cache  *fetch.Cache
	config *pipconf.Config
	index  *index.Index
	run    Runner

	opened opened
}

var _ kind.Packaged = (*Ecosystem)(nil)

// Runner runs uv with arguments in a folder, which is the only one that uv may write to, and with the environment env and nothing else but what
// uv itself needs. It must have the CPython of the entry's base. The error should hold what uv printed.
type Runner func(ctx context.Context, dir string, args, env []string) error

// New returns the ecosystem over a download cache and the user's index. Only Lock uses run.
func New(cache *fetch.Cache, config *pipconf.Config, index *index.Index, run Runner) *Ecosystem {
	return &Ecosystem{cache: cache, config: config, index: index, run: run}
}

// LockFiles returns the lock's name.
func (*Ecosystem) LockFiles() []string { return []string{LockFile} }

// Folder says that every entry has been observed.
func (*Ecosystem) Folder(entry.Entry) kind.Folder { return kind.Folder{Observed: true} }
