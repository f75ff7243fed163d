package skill

import (
	"encoding/json"
	"net/url"
	"strings"

	"github.com/opencontainers/go-digest"
)

// listing is the skill's entry in the shape of the MCP skills extension (SEP-2640, Skill Entries): what a server that serves the same skill
// answers to skills/get, so that a client can compare the two.
type listing struct {
	URI         string          `json:"uri"`
	Frontmatter json.RawMessage `json:"frontmatter"`
	Resources   []resource      `json:"resources"`
}

// resource is one file.
type resource struct {
	URI    string        `json:"uri"`
	Digest digest.Digest `json:"digest"` // of the file as it is
	Size   int64         `json:"size"`   // in bytes
}

// list returns the listing as canonical JSON.
func (p *packer) list(files []file) ([]byte, error) {
	l := listing{URI: uri(p.about.name, MainFile), Frontmatter: p.about.json}
	for _, f := range files {
		l.Resources = append(l.Resources, resource{URI: uri(p.about.name, f.path), Digest: digest.FromBytes(f.content), Size: int64(len(f.content))})
	}
	return encode(l)
}

// uri returns the address of a file of a skill (SEP-2640, Resource Mapping).
func uri(skill, path string) string {
	parts := strings.Split(path, "/")
	for i, part := range parts {
		parts[i] = url.PathEscape(part)
	}
	return "skill://" + skill + "/" + strings.Join(parts, "/")
}
