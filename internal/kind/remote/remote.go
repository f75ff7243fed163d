// Package remote is the ecosystem of remote entries: MCP servers that somebody else runs. There is nothing to fetch, to pin or to build; all that
// is known of such a server is what it answers, see package inspect.
package remote

import (
	"context"
	"io/fs"

	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/kind"
	"github.com/slipway-dev/slipway/internal/observation"
)

// Ecosystem is a kind.Hosted for remote entries. It may be used by many goroutines at once.
type Ecosystem struct{ ask Asker }

var _ kind.Hosted = (*Ecosystem)(nil)

// Asker asks an entry's server for what it declares.
type Asker func(ctx context.Context, e entry.Entry) (observation.Observation, error)

// New returns the ecosystem. Only Draft uses ask.
func New(ask Asker) *Ecosystem { return &Ecosystem{ask} }

// Folder says nothing of tools.json: a server can be listed before it was ever reached.
func (*Ecosystem) Folder(entry.Entry) kind.Folder { return kind.Folder{} }

// LockFiles returns none.
func (*Ecosystem) LockFiles() []string { return nil }

// Lock returns nothing: whoever runs the server changes it at any time. What it said when it was reviewed, tools.json holds.
func (*Ecosystem) Lock(context.Context, entry.Entry, fs.FS) (map[string][]byte, error) {
	return map[string][]byte{}, nil
}

// CheckLock finds nothing wrong.
func (*Ecosystem) CheckLock(entry.Entry, fs.FS) error { return nil }

// Endpoint returns the address that the entry names.
func (*Ecosystem) Endpoint(e entry.Entry) string { return e.Remote.URL }
