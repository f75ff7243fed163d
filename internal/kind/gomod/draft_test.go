package gomod_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/entry"
)

func TestDraftTakesWhatTheModuleSays(t *testing.T) {
	t.Parallel()
	commit := strings.Repeat("0a", 20)
	releases := serverReleases()
	releases[0].Origin = `{"VCS":"git","URL":"https://example.com/code/server.git","Subdir":"go","Hash":"` + commit + `","Ref":"refs/tags/v1.0.0"}`
	eco := newProxy(t, releases...).ecosystem()
	for _, ref := range []string{
		"example.com/server/cmd/server", "example.com/server/cmd/server@v1.0.0", "example.com/server@latest", "example.com/server",
	} {
		d, err := eco.Draft(t.Context(), ref)
		if err != nil {
			t.Errorf("%s: %v", ref, err)
			continue
		}
		want := entry.Entry{
			Kind: entry.Go, Name: "example-com", Title: "Example Com", Description: "Server serves what is left.", License: "MIT", Status: entry.Active,
			Publisher:  entry.Publisher{Name: "example.com"},
			Repository: &entry.Repository{URL: "https://example.com/code/server", Commit: commit, Path: "go"},
			Package:    &entry.Package{Name: "example.com/server/cmd/server", Version: "v1.0.0"},
			Transport:  &entry.Transport{Type: entry.Stdio},
		}
		if diff := cmp.Diff(want, d.Entry); diff != "" {
			t.Errorf("%s: %s", ref, diff)
		}
		var fields []string
		for _, m := range d.Missing {
			field, _, _ := strings.Cut(m, ":")
			fields = append(fields, field)
		}
		if diff := cmp.Diff([]string{"description", "publisher", "args", "permissions.network", "env"}, fields); diff != "" {
			t.Errorf("%s: missing %s", ref, diff)
		}
	}
}

func TestDraftNamesWhatIsMissing(t *testing.T) {
	t.Parallel()
	eco := newProxy(t, release{Path: "github.com/corp/mcp-tool/v2", Version: "v2.1.0", Files: map[string]string{
		"go.mod": "module github.com/corp/mcp-tool/v2\n", "LICENSE": "All yours.\n",
		"main.go": "package main\n\nfunc main() {}\n", "gen.go": "//go:build ignore\n\npackage main\n",
	}}).ecosystem()
	d, err := eco.Draft(t.Context(), "github.com/corp/mcp-tool/v2")
	if err != nil {
		t.Fatal(err)
	}
	e := d.Entry
	if e.Name != "tool" || e.Publisher.Name != "corp" || e.License != "" || e.Repository.URL != "https://github.com/corp/mcp-tool" || e.Description == "" {
		t.Errorf("%+v", e)
	}
	all := strings.Join(d.Missing, "\n")
	for _, want := range []string{"license: ", "repository.commit: ", "v2.1.0"} {
		if !strings.Contains(all, want) {
			t.Errorf("nothing says %q:\n%s", want, all)
		}
	}
}

func TestDraftRefuses(t *testing.T) {
	t.Parallel()
	several := map[string]string{
		"cmd/other/main.go": "package main\n\nfunc main() {}\n", "internal/x/main.go": "package main\n", "testdata/main.go": "package main\n",
	}
	p := newProxy(t, append(changed("example.com/server", several), release{Path: "example.com/lib", Version: "v1.0.0", Files: map[string]string{
		"go.mod": "module example.com/lib\n", "lib.go": "package lib\n", "gen.go": "//go:build ignore\n\npackage main\n", "bad.go": "packag",
	}})...)
	eco := p.ecosystem()
	for ref, want := range map[string]string{
		"server":                           "is no command of a Go module",
		"example.com/server@":              "is no command of a Go module",
		"example.com/server@-x":            "is no command of a Go module",
		"example.com/server@v1 v2":         "is no command of a Go module",
		"../server":                        "is no command of a Go module",
		"-modfile=x":                       "is no command of a Go module",
		"example.com/server":               "has example.com/server/cmd/other, example.com/server/cmd/server",
		"example.com/server/lib":           "example.com/server/lib is no command",
		"example.com/lib":                  "has no command",
		"example.com/none":                 "has no module that could hold example.com/none",
		"example.com/server/cmd@v9.0.0":    "v9.0.0",
		"example.com/" + "x" + "/y/z@main": "could hold",
	} {
		if _, err := eco.Draft(t.Context(), ref); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v", ref, err)
		}
	}
}
