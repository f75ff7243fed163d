// Package flow leads entries along the way of the data: lock, build, inspect, scan, gate, publish. It knows the order of the steps and what
// passes from one to the next; what a step does is the concern of the package that the step is named after.
//
// Each step takes values and returns values, and does nothing when its inputs have not changed since it last ran.
package flow

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/slipway-dev/slipway/internal/catalog"
	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/fetch"
	"github.com/slipway-dev/slipway/internal/git"
	"github.com/slipway-dev/slipway/internal/kind/gomod"
	"github.com/slipway-dev/slipway/internal/kind/gomod/gocmd"
	"github.com/slipway-dev/slipway/internal/kind/npm"
	"github.com/slipway-dev/slipway/internal/kind/npm/npmrc"
	"github.com/slipway-dev/slipway/internal/kind/pypi/index"
	"github.com/slipway-dev/slipway/internal/kind/pypi/pipconf"
	"github.com/slipway-dev/slipway/internal/kind/skill"
	"github.com/slipway-dev/slipway/internal/layer"
	"github.com/slipway-dev/slipway/internal/progress"
	"github.com/slipway-dev/slipway/internal/sandbox"
	"github.com/slipway-dev/slipway/internal/scan/osv"
)

// Options says where a line works and what it may use of the machine.
type Options struct {
	Root  string // of the catalog
	Out   string // layouts, reports, keys and the embedded registry; dist in the root if empty
	Cache string // downloads, layers and observations, shared by all catalogs of a user

	// Memory is a folder in memory to unpack what is booted, which takes half as long there as on a disk. Empty means TMPDIR, as where it is full.
	Memory string

	// Registry is the repository prefix to publish below, such as "registry.example.com/mcp". Empty means the embedded registry.
	Registry string
	// KeyFile is a cosign key file to sign with. Empty means the key pair in Out, made on first use.
	KeyFile string

	// TrustedRoot is a trusted_root.json that says whose signatures of upstream's images count. Empty means Sigstore's public instance.
	TrustedRoot string
	// Remote reaches servers that others run. Nil means public addresses only, see inspect.RemoteInput.
	Remote http.RoundTripper

	Home    string   // of the user, for configuration of package managers
	Environ []string // NAME=value
	// Version of catalogctl, for the evidence.
	Version  string
	Progress progress.Func
	Now      func() time.Time
}

// Line is the way of the data for one catalog on one machine. It may be used by many goroutines.
type Line struct {
	Options
	Catalog  *catalog.Catalog
	Problems catalog.Problems // what is wrong in the catalog

	downloads *fetch.Cache
	layers    *layer.Store
	npmrc     *npmrc.Config
	packages  *npm.Archives
	skills    *skill.Ecosystem
	pipconf   *pipconf.Config
	pypi      *index.Index
	gomod     *gomod.Ecosystem
	keychain  authn.Keychain

	pythons   pythons
	bases     memo[*standing]
	resolvers memo[string]
	sandbox   func(context.Context) (*sandbox.Runtime, error)
	osv       func(context.Context) (*osv.Command, error)
	registry  func() (http.RoundTripper, error)
	siblings  func(context.Context) (*shelf, error)
}

// Open reads the catalog and prepares a line for it. What is wrong in the catalog is in the line's Problems, and its Catalog holds the
// entries that could be read; an error means that there is no catalog to work on.
func Open(ctx context.Context, o Options, checks Checks) (*Line, error) {
	if o.Out == "" {
		o.Out = filepath.Join(o.Root, "dist")
	}
	client := &http.Client{Transport: http.DefaultTransport}
	ask, prefix := npmrc.Machine(o.Root, o.Environ)
	config, err := npmrc.Load(npmrc.Sources{Project: o.Root, Home: o.Home, Prefix: prefix, Environ: o.Environ, Ask: ask})
	if err != nil {
		return nil, err
	}
	pip, err := pipconf.Load(pipconf.Sources{
		Project: o.Root, Home: o.Home, System: "/etc", Environ: o.Environ, Ask: pipconf.Machine(o.Root, o.Environ),
	})
	if err != nil {
		return nil, err
	}
	downloads := fetch.New(filepath.Join(o.Cache, "downloads"), client)
	l := &Line{
		Options:   o,
		downloads: downloads,
		layers:    layer.NewStore(filepath.Join(o.Cache, "layers")),
		npmrc:     config,
		packages:  npm.NewArchives(filepath.Join(o.Cache, "built", "npm")),
		skills:    skill.New(git.New(o.Environ), o.Root, filepath.Join(o.Cache, "skills")),
		pipconf:   pip,
		pypi:      index.New(downloads, pip),
		gomod:     gomod.New(gocmd.New(filepath.Join(o.Cache, "go"), o.Environ), filepath.Join(o.Cache, "go", "programs")),
		keychain:  authn.DefaultKeychain,
	}
	l.sandbox = once(l.findSandbox)
	l.osv = once(l.findOSV)
	l.registry = sync.OnceValues(l.openRegistry)
	l.siblings = once(l.readShelf)
	known := l.ecosystems("")
	options := catalog.Options{Files: func(e entry.Entry) ([]string, bool) {
		ecosystem, ok := known[e.Kind]
		if !ok {
			return nil, false
		}
		return ecosystem.LockFiles(), !ecosystem.Folder(e).Open
	}}
	if checks.Observations {
		options.Observed = func(e entry.Entry) bool {
			ecosystem, ok := known[e.Kind]
			return ok && ecosystem.Folder(e).Observed
		}
	}
	if checks.Locks {
		options.CheckLock = l.checkLock
	}
	l.Catalog, err = catalog.Load(ctx, o.Root, options)
	if err != nil && !errors.As(err, &l.Problems) {
		return nil, err
	}
	if l.Catalog == nil {
		return nil, err
	}
	return l, nil
}

// Checks says what must hold besides the entries themselves when a catalog is opened.
type Checks struct {
	Locks        bool // every lock pins what its entry says
	Observations bool // every entry that must have it has its tools.json
}

// folder returns the folder of an item.
func (l *Line) folder(item catalog.Item) string {
	return filepath.Join(l.Root, filepath.FromSlash(item.Dir))
}

// files returns the folder of an item to read from.
func (l *Line) files(item catalog.Item) fs.FS { return os.DirFS(l.folder(item)) }

// reports returns the folder for what is found out about an item.
func (l *Line) reports(item catalog.Item) string {
	return filepath.Join(l.Out, "reports", string(item.Entry.Kind), item.Entry.Name)
}

// step runs one step of an item and reports on it. The step says in a few words what came of it, and whether nothing had to be done.
func (l *Line) step(item catalog.Item, name string, run func() (detail string, unchanged bool, err error)) error {
	started := l.Now()
	l.Progress(progress.Event{Entry: item.Entry.ID(), Step: name})
	detail, unchanged, err := run()
	event := progress.Event{Entry: item.Entry.ID(), Step: name, State: progress.Done, Detail: detail, Elapsed: l.Now().Sub(started)}
	switch {
	case err != nil:
		event.State = progress.Failed
	case unchanged:
		event.State = progress.Unchanged
	}
	l.Progress(event)
	return err
}
