package publication

import (
	"encoding/json"
	"fmt"
	"html"
	"regexp"
	"slices"
	"time"

	"github.com/stacklok/toolhive-core/mcpcompat/mcp"
	"github.com/stacklok/toolhive-core/registry/types"

	"github.com/slipway-dev/slipway/internal/entry"
)

const toolHiveNamespace = registry.ToolHivePublisherNamespace

// extension is what ToolHive reads about a server beyond its server.json, see ServerExtensions in registry/types of toolhive-core. It has
// no provenance: that names a keyless identity, and none has signed.
type extension struct {
	Status          string            `json:"status"`
	Tier            string            `json:"tier"`
	Tools           []string          `json:"tools,omitempty"`
	ToolDefinitions []json.RawMessage `json:"tool_definitions,omitempty"`
	Tags            []string          `json:"tags,omitempty"`
	Overview        string            `json:"overview"`
	Args            []string          `json:"args,omitempty"`
	Permissions     *permissions      `json:"permissions,omitempty"`
	OAuth           *oauth            `json:"oauth_config,omitempty"`
	Metadata        *metadata         `json:"metadata,omitempty"`
	Custom          map[string]string `json:"custom_metadata"`
}

type metadata struct {
	LastUpdated string `json:"last_updated"`
}

type oauth struct {
	Issuer       string   `json:"issuer,omitempty"`
	AuthorizeURL string   `json:"authorize_url,omitempty"`
	TokenURL     string   `json:"token_url,omitempty"`
	ClientID     string   `json:"client_id,omitempty"`
	Scopes       []string `json:"scopes,omitempty"`
}

// permissions are always stated for a container: where they are missing, ToolHive opens the network.
type permissions struct {
	Network struct {
		Outbound struct {
			AllowAll   bool     `json:"insecure_allow_all,omitempty"`
			AllowHosts []string `json:"allow_host,omitempty"`
			AllowPorts []int    `json:"allow_port,omitempty"`
		} `json:"outbound"`
	} `json:"network"`
}

// toolName is what ToolHive's schema takes for the name of a tool; others stand in the definitions only.
var toolName = regexp.MustCompile(`^[\w-]+$`)

func newExtension(p Published) (*extension, error) {
	e := p.Entry
	x := &extension{Status: "Active", Tier: "Community", Overview: overview(e), Args: e.Args, Custom: map[string]string{"author": e.Publisher.Name}}
	if e.Status == entry.Deprecated {
		x.Status = "Deprecated"
	}
	if e.Homepage != "" {
		x.Custom["homepage"] = e.Homepage
	}
	if e.License != "" {
		x.Custom["license"] = e.License
	}
	x.Tags = slices.Clone(e.Tags)
	if e.Remote != nil {
		x.Tags = append(x.Tags, "remote")
		if o := e.Remote.OAuth; o != nil {
			x.OAuth = &oauth{o.Issuer, o.AuthorizationEndpoint, o.TokenEndpoint, o.ClientID, o.Scopes}
		}
	} else {
		x.Permissions = newPermissions(e.Permissions.Network)
		x.Metadata = &metadata{p.Record.Released.UTC().Format(time.RFC3339)}
	}
	slices.Sort(x.Tags)
	x.Tags = slices.Compact(x.Tags)
	if p.Observation != nil {
		for _, tool := range p.Observation.Tools {
			if toolName.MatchString(tool.Key) {
				x.Tools = append(x.Tools, tool.Key)
			}
			// ToolHive reads the extension as a whole or not at all, and without it forgets the permissions. A definition that does not
			// fit its types must not come near it.
			if json.Unmarshal(tool.JSON, new(mcp.Tool)) == nil {
				x.ToolDefinitions = append(x.ToolDefinitions, tool.JSON)
			}
		}
		slices.Sort(x.Tools)
		x.Tools = slices.Compact(x.Tools)
	}
	text, err := json.Marshal(x)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(text, new(registry.ServerExtensions)); err != nil {
		return nil, fmt.Errorf("ToolHive could not read what it needs: %w", err)
	}
	return x, nil
}

// newPermissions gives ToolHive the hosts and the ports; it can't tell which port belongs to which host.
func newPermissions(n entry.Network) *permissions {
	p := &permissions{}
	out := &p.Network.Outbound
	if n.AnyHost != "" {
		out.AllowAll = true
		return p
	}
	for _, endpoint := range n.Outbound {
		out.AllowHosts = append(out.AllowHosts, endpoint.Host)
		out.AllowPorts = append(out.AllowPorts, endpoint.Ports...)
	}
	slices.Sort(out.AllowHosts)
	slices.Sort(out.AllowPorts)
	out.AllowHosts, out.AllowPorts = slices.Compact(out.AllowHosts), slices.Compact(out.AllowPorts)
	return p
}

// overview is Markdown for a page about the server.
func overview(e entry.Entry) string {
	text := fmt.Sprintf("## %s\n\n%s", html.EscapeString(e.Title), html.EscapeString(e.Description))
	if e.Status == entry.Deprecated {
		text += "\n\n**Deprecated:** " + html.EscapeString(e.StatusReason)
		if e.Successor != "" {
			text += "\n\nUse `" + e.Successor + "` instead."
		}
	}
	return text
}
