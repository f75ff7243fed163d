package publication

import (
	"cmp"
	"slices"

	"github.com/stacklok/toolhive-core/registry/types"

	"github.com/slipway-dev/slipway/internal/catalog"
	"github.com/slipway-dev/slipway/internal/entry"
)

// newSkill returns a skill as ToolHive's registries list it. A client takes the OCI package, by digest, and copies its files.
func newSkill(settings catalog.Settings, p Published) registry.Skill {
	e := p.Entry
	s := registry.Skill{
		Namespace: settings.Namespace, Name: e.Name, Title: e.Title, Description: e.Description,
		Version: p.Record.Version, Status: "active", License: e.License,
		Packages: []registry.SkillPackage{{
			RegistryType: "oci", Identifier: reference(settings, p), Digest: p.Record.Digest,
		}},
		Meta: map[string]any{ownNamespace: newEvidence(p)},
	}
	if e.Status == entry.Deprecated {
		s.Status = "deprecated"
	}
	if r := e.Repository; r != nil {
		s.Repository = &registry.SkillRepository{URL: r.URL, Type: repository(r).Source}
	}
	return s
}

func sortSkills(all []registry.Skill) {
	slices.SortFunc(all, func(a, b registry.Skill) int { return cmp.Compare(a.Name, b.Name) })
}
