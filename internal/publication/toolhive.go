package publication

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/stacklok/toolhive-core/registry/types"

	"github.com/slipway-dev/slipway/internal/catalog"
	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/observation"
)

// registryFile is the file of a view that ToolHive reads.
const registryFile = "registry.json"

// upstreamRegistry is the format that ToolHive calls the upstream registry, see registry/types/data/upstream-registry.schema.json of
// toolhive-core: the server.json of the MCP registry in a frame.
type upstreamRegistry struct {
	Schema  string `json:"$schema"`
	Version string `json:"version"` // of the format
	Meta    struct {
		LastUpdated string `json:"last_updated"`
	} `json:"meta"`
	Data struct {
		Servers []server         `json:"servers"`
		Skills  []registry.Skill `json:"skills,omitempty"`
	} `json:"data"`
}

// ToolHive returns registry.json of one view, as thv reads it, and the entries that had to be left out. It is dated by its newest release.
func ToolHive(settings catalog.Settings, view catalog.View, all []Published) ([]byte, []Omission, error) {
	in, out := selected(view, all)
	names, err := publicNames(settings.Namespace, in)
	if err != nil {
		return nil, nil, err
	}
	r := upstreamRegistry{Schema: registry.UpstreamRegistrySchemaURL, Version: "1.0.0"}
	r.Data.Servers = []server{}
	newest := time.Unix(0, 0).UTC()
	for k, p := range in {
		if p.Entry.Kind == entry.Skill {
			r.Data.Skills = append(r.Data.Skills, newSkill(settings, p))
		} else {
			s, err := newServer(settings, names[k], p)
			if err != nil {
				return nil, nil, fmt.Errorf("publish %s: %w", p.Entry.ID(), err)
			}
			r.Data.Servers = append(r.Data.Servers, s)
		}
		if p.Record != nil && p.Record.Released.After(newest) {
			newest = p.Record.Released
		}
	}
	r.Meta.LastUpdated = newest.UTC().Format(time.RFC3339)
	sortServers(r.Data.Servers)
	sortSkills(r.Data.Skills)
	raw, err := json.Marshal(r)
	if err != nil {
		return nil, nil, err
	}
	text, err := observation.Canonical(raw)
	if err != nil {
		return nil, nil, err
	}
	if err := registry.ValidateUpstreamRegistryBytes(text); err != nil {
		return nil, nil, fmt.Errorf("ToolHive would not accept the registry: %w", err)
	}
	return text, out, nil
}
