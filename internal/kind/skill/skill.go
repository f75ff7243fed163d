// Package skill is the ecosystem of skills: folders with a SKILL.md (agentskills.io) that tell an agent how to do something.
//
// A skill lies beside its entry, or in somebody else's Git repository at one commit. It becomes an artifact that ToolHive installs
// (artifact type dev.toolhive.skills.v1) with every file that the folder has: what cannot be packed is refused, never left out.
package skill

import (
	"path/filepath"

	"github.com/stacklok/toolhive-core/oci/skills"

	"github.com/slipway-dev/slipway/internal/coalesce"
	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/git"
	"github.com/slipway-dev/slipway/internal/kind"
	"github.com/slipway-dev/slipway/internal/staging"
)

// LockFile is the name of the lock beside an entry.
const LockFile = "skill.lock.json"

// MainFile is the file that makes a folder a skill.
const MainFile = "SKILL.md"

// What every host of the MCP skills extension takes (SEP-2640, Limits).
const (
	maxFiles = 512
	maxBytes = 16 << 20
)

// Ecosystem is a kind.Complete for skills. It may be used by many goroutines at once.
type Ecosystem struct {
	git    *git.Client
	root   string
	dir    string
	area   *staging.Area
	flight coalesce.Group[[]file]
}

var _ kind.Labelled = (*Ecosystem)(nil)

// New returns the ecosystem over a client for Git, the root of the catalog, from which Draft goes where it is given a folder, and a folder that
// keeps what was read from repositories.
func New(client *git.Client, root, dir string) *Ecosystem {
	return &Ecosystem{git: client, root: root, dir: dir, area: staging.New(filepath.Join(dir, "partial"))}
}

// LockFiles returns the lock's name.
func (*Ecosystem) LockFiles() []string { return []string{LockFile} }

// Label returns ToolHive's label for the name of a skill, which is the entry's.
func (*Ecosystem) Label(e entry.Entry) (label, name string) { return skills.LabelSkillName, e.Name }

// Folder says that the skill lies beside its entry, if it does: the lock names its files.
func (*Ecosystem) Folder(e entry.Entry) kind.Folder { return kind.Folder{Open: e.Source == nil} }
