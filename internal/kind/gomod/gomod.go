// Package gomod is the ecosystem of go entries: a command in a module of Go, compiled here.
//
// The lock is a module of its own, go.mod and go.sum, that requires the entry's module and has its command as a tool; Go's own resolver writes
// it. The user's go command fetches what the lock pins, from the user's module proxy, and Go compiles it without running a line of it. What
// the binary then says of itself has to agree with the lock.
package gomod

import (
	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/keep"
	"github.com/slipway-dev/slipway/internal/kind"
	"github.com/slipway-dev/slipway/internal/kind/gomod/gocmd"
	"github.com/slipway-dev/slipway/internal/kind/gomod/lockfile"
)

// BinDir is the folder of the image that holds the command.
const BinDir = "/usr/local/bin"

// Ecosystem is a kind.Packaged for go entries. It may be used by many goroutines at once.
type Ecosystem struct {
	golang   *gocmd.Command
	programs *keep.Store[[]kind.Component] // with the modules, and the standard library
}

var _ kind.Packaged = (*Ecosystem)(nil)

// New returns the ecosystem over the user's go command, with what it compiled in dir.
func New(golang *gocmd.Command, dir string) *Ecosystem {
	return &Ecosystem{golang: golang, programs: keep.New[[]kind.Component](dir)}
}

// LockFiles returns the names of Go's own files.
func (*Ecosystem) LockFiles() []string { return []string{lockfile.ModFile, lockfile.SumFile} }

// Folder says that every entry has been observed.
func (*Ecosystem) Folder(entry.Entry) kind.Folder { return kind.Folder{Observed: true} }
