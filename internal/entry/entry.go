// Package entry holds the types of one catalog entry as written in CUE.
//
// They carry no behaviour: the schema under schema/ says which values are valid, and package catalog reads them. Field names are
// those of the CUE source, so that an error can name the field as its author wrote it.
package entry

// Kind is the sort of thing an entry describes; it is also the name of the folder below catalog/ that holds it.
type Kind string

// The kinds of entries.
const (
	Container Kind = "container"
	Remote    Kind = "remote"
	NPX       Kind = "npx"
	UVX       Kind = "uvx"
	Go        Kind = "go"
	Skill     Kind = "skill"
)

// Status is an entry's place in its life.
type Status string

// The statuses of an entry.
const (
	Active     Status = "active"
	Deprecated Status = "deprecated"
	Revoked    Status = "revoked"
)

// Entry is one MCP server or skill of the catalog.
type Entry struct {
	Kind         Kind        `json:"kind"`
	Name         string      `json:"name"`
	Title        string      `json:"title"`
	Description  string      `json:"description"`
	Publisher    Publisher   `json:"publisher"`
	License      string      `json:"license,omitempty"` // SPDX licence expression; empty where it could not be looked up
	Repository   *Repository `json:"repository,omitempty"`
	Homepage     string      `json:"homepage,omitempty"`
	Tags         []string    `json:"tags,omitempty"`
	Status       Status      `json:"status"`
	StatusReason string      `json:"statusReason,omitempty"`
	Successor    string      `json:"successor,omitempty"`

	Package *Package `json:"package,omitempty"` // npx, uvx, go
	Image   *Image   `json:"image,omitempty"`   // container
	Remote  *Server  `json:"remote,omitempty"`  // remote
	// Version of a skill, which is the catalog's own.
	Version string  `json:"version,omitempty"`
	Source  *Source `json:"source,omitempty"` // skill
	// DotFiles are those files of a skill that a dot hides and that belong to it all the same.
	DotFiles []string `json:"dotFiles,omitempty"`

	// Base names the folder under catalog/bases that the image is built on.
	Base string `json:"base,omitempty"`
	// Revision counts rebuilds of one upstream version: a published tag never moves, so a new base needs a new revision.
	Revision int `json:"revision,omitempty"`

	Transport   *Transport  `json:"transport,omitempty"`
	Args        []string    `json:"args,omitempty"`
	Env         []Variable  `json:"env,omitempty"`
	Permissions Permissions `json:"permissions"`

	Overrides      []Override      `json:"overrides,omitempty"`
	Constraints    []Constraint    `json:"constraints,omitempty"`
	InstallScripts []InstallScript `json:"installScripts,omitempty"`
	Sdists         []Sdist         `json:"sdists,omitempty"` // uvx
	Provenance     *Provenance     `json:"provenance,omitempty"`
	Inspect        Inspect         `json:"inspect"`
	Waivers        []Waiver        `json:"waivers,omitempty"`
	DistinctFrom   []Distinction   `json:"distinctFrom,omitempty"`
}

// ID is the entry's name with its kind, unique in a catalog.
func (e Entry) ID() string { return string(e.Kind) + "/" + e.Name }

// Pinned reports whether what the entry stands for is fixed: a server that somebody else runs never is, and an image not without a digest.
func (e Entry) Pinned() bool {
	return e.Kind != Remote && (e.Image == nil || e.Image.Digest != "")
}

// Publisher is who stands behind the upstream software.
type Publisher struct {
	Name string `json:"name"`
	URL  string `json:"url,omitempty"`
}

// Repository is where the upstream source lives.
type Repository struct {
	URL    string `json:"url"`
	Commit string `json:"commit,omitempty"` // full commit of the packaged version; empty where it could not be looked up
	Path   string `json:"path,omitempty"`   // folder inside the repository
}

// Package is a package of an ecosystem's registry at one exact version. Of a go entry it is the import path of a command, at the version of the
// module that holds it.
type Package struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	// Bin chooses among several commands of the package; empty means the ecosystem's default.
	Bin string `json:"bin,omitempty"`
}

// Image is an upstream container image.
type Image struct {
	Name   string `json:"name"`             // repository without tag
	Tag    string `json:"tag"`              // the tag that lock resolves
	Digest string `json:"digest,omitempty"` // of the index; empty means unpinned
}

// Server is a server that somebody else runs.
type Server struct {
	URL     string     `json:"url"`
	Headers []Variable `json:"headers,omitempty"`
	OAuth   *OAuth     `json:"oauth,omitempty"`
}

// OAuth is what a client must know before it asks for a token, as far as it cannot find that out from the server itself.
type OAuth struct {
	Issuer string `json:"issuer,omitempty"`
	// The endpoints of an authorization server that has no metadata.
	AuthorizationEndpoint string   `json:"authorizationEndpoint,omitempty"`
	TokenEndpoint         string   `json:"tokenEndpoint,omitempty"`
	ClientID              string   `json:"clientId,omitempty"`
	Scopes                []string `json:"scopes,omitempty"`
}

// Source is a skill's folder in a Git repository; its absence means that the skill is kept beside its entry.
type Source struct {
	URL    string `json:"url"`
	Ref    string `json:"ref"` // the branch or tag that the commit belongs to
	Commit string `json:"commit"`
	Path   string `json:"path"` // of the skill's folder; "." is the whole repository
}

// TransportType is one of the MCP transports.
type TransportType string

// The transports of an entry.
const (
	Stdio          TransportType = "stdio"
	StreamableHTTP TransportType = "streamable-http"
	SSE            TransportType = "sse"
)

// Transport is how a client reaches the server.
type Transport struct {
	Type TransportType `json:"type"`
	Port int           `json:"port,omitempty"` // where an HTTP server listens in its container
	Path string        `json:"path,omitempty"` // of the MCP endpoint, such as /mcp
}

// Variable is an environment variable or a header that a user sets.
type Variable struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	Required    bool   `json:"required"`
	Secret      bool   `json:"secret"`
	Default     string `json:"default,omitempty"`
}

// Permissions is what a server may reach when it runs.
type Permissions struct {
	Network Network `json:"network"`
}

// Network lists the outbound endpoints that a server needs; none means no network at all.
type Network struct {
	Outbound []Endpoint `json:"outbound,omitempty"`
	// AnyHost is the reason why no list of hosts can be given, such as a browser that visits what it is told to.
	AnyHost string `json:"anyHost,omitempty"`
}

// Endpoint is a host, or with a leading dot a domain and all below it, and the ports on it.
type Endpoint struct {
	Host  string `json:"host"`
	Ports []int  `json:"ports"`
}

// Override forces the version of a transitive dependency.
type Override struct {
	Package string `json:"package"`
	Version string `json:"version"`
	Reason  string `json:"reason"`
}

// Constraint bounds the version of a dependency, if there is one.
type Constraint struct {
	Package  string `json:"package"`
	Versions string `json:"versions"` // as the ecosystem writes them, such as >=1.2,<2
	Reason   string `json:"reason"`
}

// InstallScript declares that a dependency works without the install script that it asks for.
type InstallScript struct {
	Package string `json:"package"`
	Reason  string `json:"reason"`
}

// Sdist allows a package to be built from its source distribution, since it has no wheel.
type Sdist struct {
	Package string `json:"package"`
	Reason  string `json:"reason"`
}

// Provenance is what the upstream's own signatures must say. An empty field may be anything.
type Provenance struct {
	Issuer     string `json:"issuer"`
	Repository string `json:"repository,omitempty"`
	Workflow   string `json:"workflow,omitempty"`
	Identity   string `json:"identity,omitempty"` // container: whom the certificate names, where that is no workflow
	Runner     string `json:"runner,omitempty"`   // container: where the workflow ran, such as github-hosted
}

// Inspect says how to start the server in the sandbox.
type Inspect struct {
	Env  map[string]string `json:"env,omitempty"`  // mock values, never real ones
	Args []string          `json:"args,omitempty"` // instead of the entry's args
	// NoTools is the reason why an empty tool list is expected.
	NoTools string `json:"noTools,omitempty"`
}

// Waiver excepts one finding from the gate, for a time.
type Waiver struct {
	// Fingerprint is the finding's, as the report prints it.
	Fingerprint string `json:"fingerprint"`
	Rule        string `json:"rule"`
	Owner       string `json:"owner"`
	Reason      string `json:"reason"`
	Expires     string `json:"expires"` // last day on which the waiver counts, as YYYY-MM-DD in UTC
}

// Distinction says why a name that looks like another one is not an imitation of it.
type Distinction struct {
	Name   string `json:"name"`
	Reason string `json:"reason"`
}
