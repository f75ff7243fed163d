package catalog

import (
	"errors"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/entry"
)

// full is an entry that says everything that an npx entry can say.
var full = entry.Entry{
	Kind: entry.NPX, Name: "context7", Title: "Context7", Description: "Documentation of \"libraries\", by version",
	Publisher: entry.Publisher{Name: "Upstash", URL: "https://upstash.com"}, License: "MIT",
	Repository: &entry.Repository{URL: "https://example.com/upstash/context7", Commit: "0123456789abcdef0123456789abcdef01234567", Path: "packages/mcp"},
	Homepage:   "https://context7.com", Tags: []string{"documentation", "search"},
	Status: entry.Deprecated, StatusReason: "Moved", Successor: "context-next",
	Package: &entry.Package{Name: "@upstash/context7-mcp", Version: "4.1.1-rc.1", Bin: "context7-mcp"},
	Base:    "node22", Revision: 2,
	Transport: &entry.Transport{Type: entry.StreamableHTTP, Port: 8080, Path: "/mcp/v2"},
	Args:      []string{"--transport", "http"},
	Env: []entry.Variable{
		{Name: "CONTEXT7_API_KEY", Description: "Key for higher limits", Required: true, Secret: true},
		{Name: "REGION", Description: "Where the data lies", Default: "eu"},
	},
	Permissions: entry.Permissions{Network: entry.Network{Outbound: []entry.Endpoint{
		{Host: "context7.com", Ports: []int{443}}, {Host: ".example.com", Ports: []int{80, 443}},
	}}},
	Overrides:      []entry.Override{{Package: "zod", Version: "3.25.0", Reason: "4.0.0 lost a module"}},
	InstallScripts: []entry.InstallScript{{Package: "esbuild", Reason: "only builds"}},
	Provenance:     &entry.Provenance{Issuer: "https://token.example.com", Repository: "https://example.com/upstash/context7", Workflow: ".github/workflows/release.yml"},
	Inspect:        entry.Inspect{Env: map[string]string{"CONTEXT7_API_KEY": "mock"}, Args: []string{"--stdio"}, NoTools: "lists them after login"},
	Waivers:        []entry.Waiver{{Fingerprint: "0123456789abcdef0123456789abcdef", Rule: "hidden-unicode", Owner: "ada", Reason: "an emoji", Expires: "2027-01-31"}},
	DistinctFrom:   []entry.Distinction{{Name: "context8", Reason: "another one"}},
}

func TestFormat(t *testing.T) {
	t.Parallel()
	least := entry.Entry{
		Kind: entry.NPX, Name: "server", Title: "Server", Description: "Serves", Publisher: entry.Publisher{Name: "Somebody"}, Status: entry.Active,
		Package: &entry.Package{Name: "server", Version: "1.0.0"}, Base: "node24", Transport: &entry.Transport{Type: entry.Stdio},
		Permissions: entry.Permissions{Network: entry.Network{Outbound: []entry.Endpoint{{Host: "api.example.com", Ports: []int{443}}}}},
	}
	skill := entry.Entry{
		Kind: entry.Skill, Name: "review", Title: "Review", Description: "Reviews", Publisher: entry.Publisher{Name: "Somebody"}, Status: entry.Active,
		Source: &entry.Source{URL: "https://example.com/skills", Ref: "v1.0.0", Commit: full.Repository.Commit, Path: "."}, Version: "1.0.0",
	}
	for name, e := range map[string]entry.Entry{"full": full, "least": least, "skill": skill} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := Format(e)
			if err != nil {
				t.Fatalf("%v\n%s", err, got)
			}
			golden := "testdata/format/" + name + ".cue"
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
			dir := "catalog/npx/"
			if e.Kind == entry.Skill {
				dir = "skills/"
			}
			c, _ := Load(t.Context(), files(t, map[string]string{dir + e.Name + "/entry.cue": string(got)}), Options{})
			if diff := cmp.Diff(e, c.Items[0].Entry); diff != "" {
				t.Errorf("it does not say the same when it is read: %s", diff)
			}
		})
	}
}

func TestFormatOfInvalidEntry(t *testing.T) {
	t.Parallel()
	e := full
	e.Title = ""
	var all Problems
	if _, err := Format(e); !errors.As(err, &all) || all[0].Field != "title" {
		t.Errorf("got %v", err)
	}
	if _, err := Format(entry.Entry{Kind: "nix"}); err == nil {
		t.Error("an unknown kind is accepted")
	}
}
