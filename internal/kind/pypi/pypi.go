// Package pypi is the ecosystem of uvx entries: packages of a Python package index, run by CPython.
//
// uv resolves, for both platforms at once; everything after that is done here, without uv and without running a line of what was downloaded:
// wheels are fetched by the hashes in the lock, checked file by file against their own records, and laid out as a virtual environment, with
// their sources compiled. A package that has no wheel is refused, unless the entry allows its sdist: from that a wheel is built in a sandbox
// without network, and then it is one like any other.
package pypi

import (
	"context"
	"path/filepath"

	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/fetch"
	"github.com/slipway-dev/slipway/internal/keep"
	"github.com/slipway-dev/slipway/internal/kind"
	"github.com/slipway-dev/slipway/internal/kind/pypi/bytecode"
	"github.com/slipway-dev/slipway/internal/kind/pypi/cpython"
	"github.com/slipway-dev/slipway/internal/kind/pypi/index"
	"github.com/slipway-dev/slipway/internal/kind/pypi/pipconf"
)

// LockFile is the name of the lock beside an entry, which pip and uv can install from.
const LockFile = "requirements.txt"

// BuildLockFile is the name of the lock of what allowed sdists are built with; entries without any have none.
const BuildLockFile = "build-requirements.txt"

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

	sandbox  cpython.Sandbox
	built    *keep.Store[made]
	compiler *bytecode.Compiler // of what is below AppDir
	library  *bytecode.Compiler // of what the base brings

	opened opened
}

var _ kind.Furnishing = (*Ecosystem)(nil)

// Runner runs uv with arguments in a folder, which is the only one that uv may write to, and with the environment env and nothing else but what
// uv itself needs. It must have the CPython of the entry's base. The error should hold what uv printed.
type Runner func(ctx context.Context, dir string, args, env []string) error

// Options are what an ecosystem works with.
type Options struct {
	Cache  *fetch.Cache
	Config *pipconf.Config
	Index  *index.Index
	// Resolve is used by Lock only.
	Resolve Runner
	// Sandbox is where sources are compiled and sdists are built, with the CPython of the entry's base, and Built the folder that keeps what
	// came of them.
	Sandbox cpython.Sandbox
	Built   string
}

// New returns the ecosystem of the user's index.
func New(o Options) *Ecosystem {
	compiler := func(below string) *bytecode.Compiler {
		return bytecode.NewCompiler(filepath.Join(o.Built, "python"), o.Sandbox, PythonPath, below)
	}
	return &Ecosystem{
		cache: o.Cache, config: o.Config, index: o.Index, run: o.Resolve, sandbox: o.Sandbox,
		built:    keep.New[made](filepath.Join(o.Built, "wheels")),
		compiler: compiler(AppDir),
		library:  compiler("/"),
	}
}

// LockFiles returns the names of both locks.
func (*Ecosystem) LockFiles() []string { return []string{LockFile, BuildLockFile} }

// Folder says that every entry has been observed.
func (*Ecosystem) Folder(entry.Entry) kind.Folder { return kind.Folder{Observed: true} }
