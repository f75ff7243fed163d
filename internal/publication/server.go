package publication

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/modelcontextprotocol/registry/pkg/model"

	"github.com/slipway-dev/slipway/internal/catalog"
	"github.com/slipway-dev/slipway/internal/entry"
)

// server is the server.json of the MCP registry, schema 2025-12-11, in as far as a catalog fills it.
type server struct {
	Schema      string            `json:"$schema"`
	Name        string            `json:"name"`
	Title       string            `json:"title"`
	Description string            `json:"description"`
	Version     string            `json:"version"`
	Repository  *model.Repository `json:"repository,omitempty"`
	WebsiteURL  string            `json:"websiteUrl,omitempty"`
	Packages    []model.Package   `json:"packages,omitempty"`
	Remotes     []model.Transport `json:"remotes,omitempty"`
	Meta        struct {
		Publisher map[string]any `json:"io.modelcontextprotocol.registry/publisher-provided"`
	} `json:"_meta"`
}

func sortServers(all []server) {
	slices.SortFunc(all, func(a, b server) int { return cmp.Compare(a.Name, b.Name) })
}

// newServer describes one entry under its public name.
func newServer(settings catalog.Settings, name string, p Published) (server, error) {
	s := server{
		Schema: model.CurrentSchemaURL, Name: name, Title: p.Entry.Title, Description: p.Entry.Description,
		Repository: repository(p.Entry.Repository), WebsiteURL: p.Entry.Homepage,
	}
	var identifier string
	if p.Entry.Remote != nil {
		identifier, s.Version = p.Entry.Remote.URL, remoteVersion(p)
		s.Remotes = []model.Transport{{Type: string(p.Entry.Transport.Type), URL: identifier, Headers: inputs(p.Entry.Remote.Headers)}}
	} else {
		identifier, s.Version = reference(settings, p), p.Record.Version
		s.Packages = []model.Package{{
			RegistryType: model.RegistryTypeOCI, Identifier: identifier,
			Transport: transport(p.Entry.Transport), EnvironmentVariables: inputs(p.Entry.Env),
		}}
	}
	extension, err := newExtension(p)
	if err != nil {
		return server{}, err
	}
	s.Meta.Publisher = map[string]any{
		// ToolHive takes the first key that it finds, so that there must be but one.
		toolHiveNamespace: map[string]any{identifier: extension},
		ownNamespace:      newEvidence(p),
	}
	return s, nil
}

// reference is the image by tag and digest: people read the tag, clients pull by the digest.
func reference(settings catalog.Settings, p Published) string {
	if image := p.Entry.Image; image != nil { // others publish it
		return fmt.Sprintf("%s:%s@%s", image.Name, p.Record.Tag, p.Record.Digest)
	}
	return fmt.Sprintf("%s/%s/%s:%s@%s", settings.Images, p.Entry.Kind, p.Entry.Name, p.Record.Tag, p.Record.Digest)
}

// transport is how a client reaches the server in its container; localhost stands for that container.
func transport(t *entry.Transport) model.Transport {
	if t == nil || t.Type == entry.Stdio {
		return model.Transport{Type: string(entry.Stdio)}
	}
	return model.Transport{Type: string(t.Type), URL: fmt.Sprintf("http://localhost:%d%s", t.Port, t.Path)}
}

func inputs(variables []entry.Variable) []model.KeyValueInput {
	var all []model.KeyValueInput
	for _, v := range variables {
		in := model.KeyValueInput{Name: v.Name}
		in.Description, in.IsRequired, in.IsSecret, in.Default = v.Description, v.Required, v.Secret, v.Default
		all = append(all, in)
	}
	return all
}

func repository(r *entry.Repository) *model.Repository {
	if r == nil {
		return nil
	}
	source := "git"
	if u, err := url.Parse(r.URL); err == nil {
		// The names of the services that the MCP registry knows.
		if service, _, found := strings.Cut(u.Hostname(), ".com"); found && (service == "github" || service == "gitlab") {
			source = service
		}
	}
	return &model.Repository{URL: r.URL, Source: source, Subfolder: r.Path}
}

// remoteVersion is what a remote server says of itself: its operator changes it, and nobody pins it.
func remoteVersion(p Published) string {
	version := p.Observation.Server.Version
	plain := func(r rune) bool {
		return r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || strings.ContainsRune(".+_-", r)
	}
	if version == "" || len(version) > 100 || version == "latest" || strings.ContainsFunc(version, func(r rune) bool { return !plain(r) }) {
		return "0.0.0"
	}
	return version
}
