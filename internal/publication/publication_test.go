package publication

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stacklok/toolhive-core/registry/converters"
	"github.com/stacklok/toolhive-core/registry/types"

	"github.com/slipway-dev/slipway/internal/catalog"
	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/observation"
	"github.com/slipway-dev/slipway/internal/record"
)

var (
	indexDigest = "sha256:" + strings.Repeat("a", 64)
	imageDigest = "sha256:" + strings.Repeat("b", 64)
	settings    = catalog.Settings{Namespace: "com.example", Images: "registry.example.com/catalog", Views: map[string]catalog.View{
		"all":     {},
		"current": {Statuses: []entry.Status{entry.Active}},
	}}
)

// published is an npx entry that was released on a day of November.
func published(name string, day int, tools ...string) Published {
	p := Published{
		Item: catalog.Item{Dir: "catalog/npx/" + name, Entry: entry.Entry{
			Kind: entry.NPX, Name: name, Title: "The " + name, Description: "Does <things>", Publisher: entry.Publisher{Name: "Example"},
			Status: entry.Active, Package: &entry.Package{Name: "@example/" + name, Version: "1.2.3"}, Transport: &entry.Transport{Type: entry.Stdio},
		}},
		Record: &record.Record{
			Version: "1.2.3", Tag: "1.2.3-r1", Digest: indexDigest, Released: time.Date(2026, 11, day, 1, 2, 3, 0, time.UTC),
			Platforms: []record.Platform{{Platform: "linux/amd64", Digest: imageDigest, Size: 7}},
		},
		Observation: &observation.Observation{Server: observation.Implementation{Name: name, Version: "9"}, ProtocolVersions: []string{"2025-11-25"}},
	}
	for _, tool := range tools {
		d, err := observation.Define(json.RawMessage(tool), "name")
		if err != nil {
			panic(err)
		}
		p.Observation.Tools = append(p.Observation.Tools, d)
	}
	return p
}

// all is one of everything.
func all() []Published {
	rich := published("rich", 21,
		`{"name":"query-docs","description":"a","inputSchema":{"type":"object"},"unheard":"of"}`,
		`{"name":"dotted.name","inputSchema":{"type":"object"}}`,
		`{"name":"hostile","inputSchema":"no object"}`)
	rich.Entry.License, rich.Entry.Homepage, rich.Entry.Tags = "MIT", "https://example.com", []string{"search", "docs"}
	rich.Entry.Repository = &entry.Repository{URL: "https://github.com/example/rich", Commit: strings.Repeat("c", 40), Path: "packages/mcp"}
	rich.Entry.Transport = &entry.Transport{Type: entry.StreamableHTTP, Port: 8080, Path: "/mcp"}
	rich.Entry.Args = []string{"--http"}
	rich.Entry.Env = []entry.Variable{{Name: "KEY", Description: "A key", Required: true, Secret: true}, {Name: "REGION", Description: "Where", Default: "eu"}}
	rich.Entry.Permissions.Network.Outbound = []entry.Endpoint{{Host: "b.example.com", Ports: []int{8443, 443}}, {Host: ".a.example.com", Ports: []int{443}}}
	browser := published("browser", 3)
	browser.Entry.Permissions.Network.AnyHost = "visits what it is told to"
	old := published("old", 5)
	old.Entry.Status, old.Entry.StatusReason, old.Entry.Successor = entry.Deprecated, "Nobody keeps it", "rich"
	bad := published("bad", 30)
	bad.Entry.Status, bad.Entry.StatusReason = entry.Revoked, "Stole keys"
	fresh := published("fresh", 1)
	fresh.Record = nil
	remote := Published{
		Item: catalog.Item{Entry: entry.Entry{
			Kind: entry.Remote, Name: "rich", Title: "Rich, hosted", Description: "Elsewhere", Publisher: entry.Publisher{Name: "Example"}, Status: entry.Active,
			Transport: &entry.Transport{Type: entry.StreamableHTTP},
			Remote: &entry.Server{
				URL: "https://mcp.example.com/mcp", Headers: []entry.Variable{{Name: "Authorization", Description: "Bearer", Required: true, Secret: true}},
				OAuth: &entry.OAuth{Issuer: "https://login.example.com", Scopes: []string{"read"}},
			},
		}},
		Observation: &observation.Observation{Server: observation.Implementation{Name: "rich", Version: "2.0\u202e"}},
	}
	return []Published{bad, browser, fresh, old, remote, rich}
}

func TestToolHiveGolden(t *testing.T) {
	t.Parallel()
	got, omitted, err := ToolHive(settings, settings.Views["all"], all())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Omission{{"npx/fresh", "it was never released"}}, omitted); diff != "" {
		t.Error(diff)
	}
	golden := filepath.Join("testdata", "registry.json")
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Error(diff)
	}
	again, _, err := ToolHive(settings, settings.Views["all"], all())
	if err != nil || string(again) != string(got) {
		t.Errorf("a second time it is different: %v", err)
	}
}

// TestToolHiveReadsWhatWeWrite goes through ToolHive's own types and converter.
func TestToolHiveReadsWhatWeWrite(t *testing.T) {
	t.Parallel()
	text, _, err := ToolHive(settings, settings.Views["all"], all())
	if err != nil {
		t.Fatal(err)
	}
	var upstream registry.UpstreamRegistry
	if err := json.Unmarshal(text, &upstream); err != nil {
		t.Fatal(err)
	}
	images, remotes := map[string]*registry.ImageMetadata{}, map[string]*registry.RemoteServerMetadata{}
	for _, s := range upstream.Data.Servers {
		if len(s.Packages) > 0 {
			if images[s.Name], err = converters.ServerJSONToImageMetadata(&s); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if remotes[s.Name], err = converters.ServerJSONToRemoteServerMetadata(&s); err != nil {
			t.Fatal(err)
		}
	}
	rich := images["com.example/rich"]
	if rich == nil || images["com.example/bad"] != nil || images["com.example/fresh"] != nil {
		t.Fatalf("the wrong servers: %v", images)
	}
	if want := "registry.example.com/catalog/npx/rich:1.2.3-r1@" + indexDigest; rich.Image != want {
		t.Errorf("image %s, want %s", rich.Image, want)
	}
	if diff := cmp.Diff([]string{"hostile", "query-docs"}, rich.Tools); diff != "" {
		t.Error(diff)
	}
	if len(rich.ToolDefinitions) != 2 {
		t.Errorf("%d definitions: the hostile one must not come through, nor take others with it", len(rich.ToolDefinitions))
	}
	out := rich.Permissions.Network.Outbound
	if diff := cmp.Diff([]string{".a.example.com", "b.example.com"}, out.AllowHost); diff != "" || out.InsecureAllowAll {
		t.Error(diff)
	}
	if diff := cmp.Diff([]int{443, 8443}, out.AllowPort); diff != "" {
		t.Error(diff)
	}
	if rich.TargetPort != 8080 || rich.Transport != "streamable-http" || len(rich.EnvVars) != 2 || !rich.EnvVars[0].Secret {
		t.Errorf("not as the entry says: %+v", rich)
	}
	if !images["com.example/browser"].Permissions.Network.Outbound.InsecureAllowAll {
		t.Error("a browser can't reach every host")
	}
	if old := images["com.example/old"]; old.Status != "Deprecated" || old.Permissions == nil || old.Permissions.Network == nil {
		t.Errorf("old: %+v", old)
	}
	hosted := remotes["com.example/rich-remote"]
	if hosted == nil || hosted.URL != "https://mcp.example.com/mcp" || hosted.OAuthConfig == nil || len(hosted.Headers) != 1 {
		t.Errorf("remote: %+v", hosted)
	}
}

func TestToolHiveOfNothing(t *testing.T) {
	t.Parallel()
	text, _, err := ToolHive(settings, settings.Views["all"], nil)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), `"servers": []`) || !strings.Contains(string(text), `"last_updated": "1970-01-01T00:00:00Z"`) {
		t.Errorf("got %s", text)
	}
}

func TestToolHiveRefusesSharedNames(t *testing.T) {
	t.Parallel()
	servers := all()
	for k := range servers {
		if servers[k].Entry.Name == "old" {
			servers[k].Entry.Name = "rich-remote"
		}
	}
	if _, _, err := ToolHive(settings, settings.Views["all"], servers); err == nil || !strings.Contains(err.Error(), "would both be published as com.example/rich-remote") {
		t.Errorf("got %v", err)
	}
}

// TestEvidenceIsOfTheRelease bumps an entry without releasing it: the evidence must not claim the new version for the old image.
func TestEvidenceIsOfTheRelease(t *testing.T) {
	t.Parallel()
	p := published("server", 1)
	p.Entry.Package.Version = "2.0.0"
	p.Entry.Repository = &entry.Repository{URL: "https://example.com/server", Commit: strings.Repeat("d", 40)}
	if e := newEvidence(p); e.Package != "" || e.Commit != "" || e.Tag != "1.2.3-r1" {
		t.Errorf("got %+v", e)
	}
}

func TestPURL(t *testing.T) {
	t.Parallel()
	for want, e := range map[string]entry.Entry{
		"pkg:npm/%40example/server@1.2.3":        {Kind: entry.NPX, Package: &entry.Package{Name: "@example/server", Version: "1.2.3"}},
		"pkg:npm/server@1.2.3":                   {Kind: entry.NPX, Package: &entry.Package{Name: "server", Version: "1.2.3"}},
		"pkg:pypi/mcp-server@1.2.3":              {Kind: entry.UVX, Package: &entry.Package{Name: "mcp-server", Version: "1.2.3"}},
		"pkg:golang/example.com/a/server@v1.2.3": {Kind: entry.Go, Package: &entry.Package{Name: "example.com/a/server", Version: "v1.2.3"}},
		"":                                       {Kind: entry.Remote},
	} {
		if got := purl(e); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
