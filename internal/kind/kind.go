// Package kind is the meeting point of the ecosystems: what each of npm, PyPI, Go modules and the others must be able to do so that the
// rest of Slipway need not know it. One ecosystem is one package below this one.
package kind

import (
	"context"
	"io/fs"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/finding"
	"github.com/slipway-dev/slipway/internal/layer"
)

// Ecosystem is what every kind of entry must be able to do. What an entry of it becomes, one of the interfaces below says, which its ecosystem
// meets besides.
type Ecosystem interface {
	// LockFiles names the files beside an entry that pin its dependencies, the first being the lock proper. A kind that pins nothing has none.
	LockFiles() []string

	// Folder says what else an entry's folder holds.
	Folder(e entry.Entry) Folder

	// Lock resolves what the entry depends on and returns the content of each lock file by name; one that the entry needs no more is not among
	// them. It is the only method that resolves anything, and it asks the network. Dir is the entry's folder.
	Lock(ctx context.Context, e entry.Entry, dir fs.FS) (map[string][]byte, error)

	// CheckLock reports why the lock files in dir no longer pin what the entry says: every reason at once, joined, each a *LockError.
	// It asks nothing of the network.
	CheckLock(e entry.Entry, dir fs.FS) error

	// Draft writes a first entry for a reference (a package, an image, an address, a folder in a repository), with everything that what
	// it stands for says of itself.
	Draft(ctx context.Context, ref string) (*Draft, error)
}

// Folder says what an entry's folder holds besides entry.cue and the lock files.
type Folder struct {
	// Observed says that tools.json must be there.
	Observed bool
	// Open says that any other file may be there, since the folder holds what is published.
	Open bool
}

// Packaged is an ecosystem whose packages become the top layer of an image on a base.
type Packaged interface {
	Ecosystem

	// Payload fetches what the lock pins for one platform, checks it, and says how it is laid out and started.
	Payload(ctx context.Context, e entry.Entry, dir fs.FS, platform v1.Platform) (*Payload, error)
}

// Furnishing is a packaged ecosystem that puts a layer of its own between the base and the packages of its entries.
type Furnishing interface {
	Packaged

	// Furnish returns that layer for a base, of which Debian's packages are given; layers keeps it. Equal bases get equal layers.
	Furnish(ctx context.Context, layers *layer.Store, debian v1.Layer) (v1.Layer, error)
}

// Complete is an ecosystem whose entries are whole artifacts without a base: skills, and images that others built.
type Complete interface {
	Ecosystem

	// Artifact fetches what the lock pins and checks it. What it returns may read its layers later.
	Artifact(ctx context.Context, e entry.Entry, dir fs.FS) (*Artifact, error)
}

// Labelled is a complete ecosystem whose images name their entry in a label of their own, not in that of the MCP registry.
type Labelled interface {
	Complete

	// Label returns the label and what it holds for an entry.
	Label(e entry.Entry) (label, name string)
}

// Hosted is an ecosystem whose entries are servers that somebody else runs: there is nothing to build.
type Hosted interface {
	Ecosystem

	// Endpoint returns the address of the server's MCP endpoint.
	Endpoint(e entry.Entry) string
}

// Artifact is an OCI artifact as its ecosystem gives it.
type Artifact struct {
	// Upstream is what a foreign artifact is known by: the index, or the one image that it may be.
	Upstream v1.Descriptor
	// Index holds a manifest for each platform.
	Index v1.ImageIndex
	// Foreign says that it is published already, by others and elsewhere: Slipway publishes what it found out about it and no copy.
	Foreign bool
	// Server says that its images hold an MCP server to boot.
	Server bool
	// Components of each platform's manifest, by platform; none where nothing is known.
	Components map[string][]Component
	// Documents are the texts that an agent reads and obeys, such as a skill's, sorted by path.
	Documents []Document
	// Sources are what the artifact was made from, such as a Git commit.
	Sources []Source
	// Findings are what the checks of where it comes from brought up, such as a signature that somebody else made than the entry says.
	Findings []finding.Finding
}

// Upstream is the scanner under whose name an artifact's findings are reported.
const Upstream = "upstream"

// Document is a text inside an artifact.
type Document struct {
	Path string // inside the artifact, slash-separated
	Text []byte
}

// Source is a material of provenance (SLSA v1, resolvedDependencies).
type Source struct {
	URI    string
	Digest map[string]string // by algorithm as in-toto names it, such as gitCommit
}

// Payload is the upstream software of one entry for one platform, ready to become the top layer of an image.
type Payload struct {
	// Key names the content of the layer: equal keys write equal layers.
	Key string
	// Write writes the files of the layer. It can be called more than once.
	Write func(ctx context.Context, w *layer.Writer) error

	Entrypoint []string
	Env        []string // NAME=value
	WorkingDir string
	Labels     map[string]string

	Components []Component
	// Sources are what components were made from besides their own archives, such as the build requirements of an sdist.
	Sources []Source
}

// Component is a package inside the image, for the SBOM.
type Component struct {
	Name    string
	Version string
	PURL    string // package URL, see the purl specification
	License string // SPDX expression as the package declares it; empty if it declares none
	// Algorithm and Digest of the archive that the component was unpacked from: "SHA256" or "SHA512" and hex digits. Of a Go module it is the
	// hash that its go.sum has, which is over the hashes of the files in the archive. Empty for what came with another component.
	Algorithm string
	Digest    string
	Path      string   // where it lies in the image
	DependsOn []string // PURLs
	Supplier  string   // organisation, if the package names one
}

// Draft is a new entry before a human has looked at it.
type Draft struct {
	Entry entry.Entry
	// Missing says in one sentence each what a human must still fill in or check.
	Missing []string
}

// LockError is one reason why a lock does not pin what its entry says.
type LockError struct {
	File   string // base name of the lock file
	Field  string // where in it, such as packages["node_modules/zod"].integrity
	Reason string // what was found and what to do
}

func (e *LockError) Error() string {
	if e.Field == "" {
		return e.File + ": " + e.Reason
	}
	return e.File + ": " + e.Field + ": " + e.Reason
}
