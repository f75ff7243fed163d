// Slipway keeps a catalog of MCP servers and agent skills: it builds, boots, scans, signs and publishes entries, each step in a container
// of its own.
//
// Start with `dagger call entry --name NAME build`, or with `dagger check`, which judges a change as its pull request will be judged.
package main

import (
	"fmt"
	"path"
	"runtime"
	"strings"

	"dagger/slipway/internal/dagger"
)

const (
	skill    = "skill"     // the kind of the entries below skills/; the others have a folder for theirs below catalog/
	compiled = "go"        // the kind of the entries that need the Go toolchain
	npx      = "npx"       // the kind of npm packages
	uvx      = "uvx"       // the kind of Python packages
	foreign  = "container" // the kind of the entries that name an image of others
	hosted   = "remote"    // the kind of the entries that name a server that others run
	anyKind  = "*"         // stands for each of them where an entry is asked for by its name alone
)

// Slipway is the command that works on catalogs, and where it gets what it needs.
type Slipway struct {
	Code *dagger.Directory // +private

	Catalogctl *dagger.File // +private
	Runsc      *dagger.File // +private
	OsvScanner *dagger.File // +private

	Vulnerabilities *dagger.Directory // +private

	GoImage     string          // +private
	BaseImage   string          // +private
	GoProxy     string          // +private
	NpmRegistry string          // +private
	PypiIndex   string          // +private
	AptMirror   string          // +private
	ImageHost   string          // +private
	Images      *dagger.Service // +private
	CaBundle    *dagger.File    // +private
	Npmrc       *dagger.Secret  // +private
}

func New(
	// What catalogctl is compiled from, and the versions of its tools; that of this module's repository if it is left out. No entry is in it, so a
	// change of one does not run this again
	// +defaultPath="/"
	// +ignore=["*", "!cmd", "!internal", "!schema", "!catalog/bases", "!Makefile", "!go.mod", "!go.sum"]
	code *dagger.Directory,
	// Executable of catalogctl for the engine's platform, such as .tools/bin/catalogctl; compiled from the code if it is left out
	// +optional
	catalogctl *dagger.File,
	// Executable of gVisor for the engine's platform, such as .tools/bin/runsc; compiled at the version of the Makefile if it is left out
	// +optional
	runsc *dagger.File,
	// Executable of osv-scanner for the engine's platform, for catalogs that require this scanner
	// +optional
	osvScanner *dagger.File,
	// Its database, as its offline mode keeps it; it asks the network if this is left out
	// +optional
	vulnerabilities *dagger.Directory,
	// Image with the Go toolchain and certificates, which compiles catalogctl and its tools
	// +default="golang:1.26-trixie"
	goImage string,
	// Image in which catalogctl runs
	// +default="debian:trixie-slim"
	baseImage string,
	// Go module proxy, in the form of GOPROXY; that of the Go image if it is left out
	// +optional
	goProxy string,
	// npm registry to take packages from; that of the catalog's or the caller's .npmrc, or npm's own, if it is left out
	// +optional
	npmRegistry string,
	// Index of Python packages, in the form of PIP_INDEX_URL; pip's own if it is left out
	// +optional
	pypiIndex string,
	// Debian mirror and, after a space, its security archive; those of the base image if they are left out
	// +optional
	aptMirror string,
	// Host of the images that entries name, such as registry.example.com:5000, if only the caller reaches it
	// +optional
	imageHost string,
	// Where that host listens, such as tcp://localhost:5000
	// +optional
	images *dagger.Service,
	// Certificates to trust, as one PEM file; those of the Go image if it is left out
	// +optional
	caBundle *dagger.File,
	// Configuration of npm with the tokens of private registries, such as file:$HOME/.npmrc
	// +optional
	npmrc *dagger.Secret,
) *Slipway {
	return &Slipway{
		Code: code, Catalogctl: catalogctl, Runsc: runsc, OsvScanner: osvScanner, Vulnerabilities: vulnerabilities, GoImage: goImage, BaseImage: baseImage,
		GoProxy: goProxy, NpmRegistry: npmRegistry, PypiIndex: pypiIndex, AptMirror: aptMirror, ImageHost: imageHost, Images: images, CaBundle: caBundle, Npmrc: npmrc,
	}
}

// Catalog is all entries together: whether they are valid, and what is generated from them.
func (s *Slipway) Catalog() *Catalog { return &Catalog{Slipway: s} }

// Parallel returns how many entries the engine works on at once: as many as it has processors, since servers are booted against the clock.
func (s *Slipway) Parallel() int { return runtime.GOMAXPROCS(0) }

// Command is catalogctl itself: its executable, its tests, its linters.
func (s *Slipway) Command() *Command { return &Command{Slipway: s} }

// Entry is one entry of a catalog, on its way from a few lines of CUE to a signed image.
func (s *Slipway) Entry(
	// Name of the entry, such as context7, or npx/context7 where the name alone stands for several
	name string,
) (*Entry, error) {
	kind, short, qualified := strings.Cut(name, "/")
	if !qualified {
		kind, short = anyKind, name
	}
	if strings.ContainsAny(name, `*?[]{}\`) || path.Clean(name) != name || short == "" || strings.HasPrefix(name, ".") || strings.Contains(short, "/") {
		return nil, fmt.Errorf("%q cannot be the name of an entry: want NAME, or KIND/NAME", name)
	}
	return &Entry{Slipway: s, Kind: kind, Name: short}, nil
}
