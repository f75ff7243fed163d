package npm_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/entry"
)

func TestDraftTakesWhatThePackageSays(t *testing.T) {
	t.Parallel()
	const head = "0123456789abcdef0123456789abcdef01234567"
	server := object{
		"title": "Weather", "description": "unused",
		"packages": []object{
			{"registryType": "pypi", "identifier": "weather", "environmentVariables": []object{{"name": "WRONG"}}},
			{
				"registryType": "npm", "identifier": "@corp/weather-mcp-server", "transport": object{"type": "stdio"},
				"environmentVariables": []object{
					{"name": "WEATHER_KEY", "description": "Key of the\nservice", "isRequired": true, "isSecret": true, "default": "hunter2"},
					{"name": "UNITS", "description": "metric or imperial", "default": "metric"},
					{"name": "UNITS", "description": "again"},
					{"name": "no good"},
				},
			},
		},
	}
	data, err := json.Marshal(server)
	if err != nil {
		t.Fatal(err)
	}
	eco := newRegistry(t, release{
		manifest: object{
			"name": "@corp/weather-mcp-server", "version": "1.2.3", "license": "MIT", "bin": "x.js", "author": "Corp Inc. <a@corp.test> (https://corp.test/)",
			"description": "Tells the\u202e weather\tof " + strings.Repeat("every place ", 20), "homepage": "https://corp.test/weather#readme",
			"repository": object{"url": "git+ssh://git@github.com/corp/tools.git", "directory": "packages/weather"}, "gitHead": head,
		},
		files: []file{{name: "package/x.js", content: "//"}, {name: "package/server.json", content: string(data)}},
	}).ecosystem(nil)
	d, err := eco.Draft(t.Context(), "@corp/weather-mcp-server")
	if err != nil {
		t.Fatal(err)
	}
	want := entry.Entry{
		Kind: entry.NPX, Name: "weather", Title: "Weather", Status: entry.Active, License: "MIT", Homepage: "https://corp.test/weather",
		Description: "Tells the weather of every place every place every place every place every place every place every…",
		Publisher:   entry.Publisher{Name: "corp"},
		Repository:  &entry.Repository{URL: "https://github.com/corp/tools", Path: "packages/weather", Commit: head},
		Package:     &entry.Package{Name: "@corp/weather-mcp-server", Version: "1.2.3"},
		Transport:   &entry.Transport{Type: entry.Stdio},
		Env: []entry.Variable{
			{Name: "WEATHER_KEY", Description: "Key of the service", Required: true, Secret: true},
			{Name: "UNITS", Description: "metric or imperial", Default: "metric"},
		},
	}
	if diff := cmp.Diff(want, d.Entry); diff != "" {
		t.Error(diff)
	}
	if n := utf8.RuneCountInString(d.Entry.Description); n > 100 {
		t.Errorf("the description has %d characters", n)
	}
}

func TestDraftNamesWhatIsMissing(t *testing.T) {
	t.Parallel()
	bare := release{manifest: object{
		"name": "bare", "version": "1.0.0", "license": "Do what you want", "repository": "ftp://x.test/y", "bin": object{"a": "a.js", "b": "b.js"},
		"scripts": object{"install": "make"}, "deprecated": "use another", "mcpName": "test.bare/server",
	}}
	d, err := newRegistry(t, bare).ecosystem(nil).Draft(t.Context(), "bare@1.0.0")
	if err != nil {
		t.Fatal(err)
	}
	if e := d.Entry; e.License != "" || e.Repository != nil || e.Publisher.Name != "" || len(e.Env) != 0 {
		t.Errorf("something is invented: %+v", e)
	}
	missing := strings.Join(d.Missing, "\n")
	for _, want := range []string{
		"description:", "name: the package calls itself test.bare/server", "license:", "repository:", "publisher.name:", "permissions.network:", "env:",
		"package.bin: choose one of a, b", "installScripts:", "deprecated: use another",
	} {
		if !strings.Contains(missing, want) {
			t.Errorf("%q is not among\n%s", want, missing)
		}
	}
}

func TestDraftShortensNames(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"@upstash/context7-mcp": "context7", "@modelcontextprotocol/server-everything": "everything", "@notionhq/notion-mcp-server": "notion",
		"mcp-searxng": "searxng", "tavily-mcp": "tavily", "@heroku/mcp-server": "heroku", "@playwright/mcp": "playwright",
		"@supabase/mcp-server-supabase": "supabase", "chrome-devtools-mcp": "chrome-devtools", "mcp-server": "mcp-server", "x.y_z": "x-y-z",
		"@s/--mcp--": "mcp",
	} {
		one := release{manifest: object{"name": name, "version": "1.0.0"}}
		d, err := newRegistry(t, one).ecosystem(nil).Draft(t.Context(), name)
		if err != nil {
			t.Error(err)
		} else if d.Entry.Name != want {
			t.Errorf("%s is called %q, want %q", name, d.Entry.Name, want)
		}
	}
}

func TestDraftReadsRepositoriesInTheirManyForms(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		field any
		want  entry.Repository
	}{
		{"github:corp/tool", entry.Repository{URL: "https://github.com/corp/tool"}},
		{"corp/tool", entry.Repository{URL: "https://github.com/corp/tool"}},
		{"gitlab:corp/tool#main", entry.Repository{URL: "https://gitlab.com/corp/tool"}},
		{"git@github.com:corp/tool.git", entry.Repository{URL: "https://github.com/corp/tool"}},
		{"git://github.com/corp/tool.git", entry.Repository{URL: "https://github.com/corp/tool"}},
		{"http://GitHub.com/corp/tool/", entry.Repository{URL: "https://github.com/corp/tool"}},
		{"ssh://git@host.test:22/corp/tool", entry.Repository{URL: "https://host.test/corp/tool"}},
		{"https://github.com/corp/tool/tree/main/packages/a", entry.Repository{URL: "https://github.com/corp/tool", Path: "packages/a"}},
		{object{"url": "git+https://github.com/corp/tool.git", "directory": "./a/"}, entry.Repository{URL: "https://github.com/corp/tool", Path: "a"}},
		{object{"url": "https://github.com/corp/tool", "directory": "../../x"}, entry.Repository{URL: "https://github.com/corp/tool"}},
		{"https://localhost/x", entry.Repository{}},
		{"javascript:alert(1)", entry.Repository{}},
		{"https://me:pw@github.com/corp/tool", entry.Repository{URL: "https://github.com/corp/tool"}},
		{7, entry.Repository{}},
		{nil, entry.Repository{}},
	} {
		one := release{manifest: object{"name": "one", "version": "1.0.0", "repository": test.field}}
		d, err := newRegistry(t, one).ecosystem(nil).Draft(t.Context(), "one")
		if err != nil {
			t.Error(err)
			continue
		}
		var got entry.Repository
		if d.Entry.Repository != nil {
			got = *d.Entry.Repository
		}
		if got != test.want {
			t.Errorf("%v is %+v, want %+v", test.field, got, test.want)
		}
	}
}

func TestDraftRefusesWhatCannotBePinned(t *testing.T) {
	t.Parallel()
	r := newRegistry(t,
		release{manifest: object{"name": "young", "version": "1.0.0-beta.1"}},
		release{manifest: object{"name": "one", "version": "1.0.0"}},
	)
	eco := r.ecosystem(nil)
	for ref, want := range map[string]string{
		"young":                    "ask for young@1.0.0-beta.1",
		"one@^1.0.0":               "ranges can move",
		"one@2.0.0":                "does not list version 2.0.0",
		"gone":                     "404",
		"":                         "is not an npm package",
		"../x":                     "is not an npm package",
		"One":                      "is not an npm package",
		"git+ssh://x/y":            "is not an npm package",
		strings.Repeat("x", 1<<20): "is not an npm package",
	} {
		if _, err := eco.Draft(t.Context(), ref); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %.300v", ref, err)
		}
	}
	for _, ref := range []string{"young@1.0.0-beta.1", "one@latest"} {
		if _, err := eco.Draft(t.Context(), ref); err != nil {
			t.Errorf("%s: %v", ref, err)
		}
	}
}

func FuzzDraft(f *testing.F) {
	f.Add(`{"description":"x","repository":"a/b","author":{"name":"x"},"license":"MIT","bin":{"a":"../b"},"scripts":{"install":"x"}}`, `{"packages":[{}]}`)
	f.Add(`{"repository":{"url":"git@a.test:b"},"author":"x (y","licenses":[{"type":"MIT"}],"homepage":"https://a.test:0/%zz"}`, `{}`)
	f.Fuzz(func(t *testing.T, manifest, server string) {
		var fields object
		if json.Unmarshal([]byte(manifest), &fields) != nil || fields == nil {
			return
		}
		for name := range fields {
			if strings.EqualFold(name, "dist") {
				delete(fields, name)
			}
		}
		fields["name"], fields["version"] = "one", "1.0.0"
		one := release{manifest: fields, files: []file{{name: "package/server.json", content: server}}}
		d, err := newRegistry(t, one).ecosystem(nil).Draft(t.Context(), "one")
		if err != nil {
			return
		}
		for _, text := range []string{d.Entry.Title, d.Entry.Description, d.Entry.Publisher.Name} {
			if utf8.RuneCountInString(text) > 100 || strings.TrimSpace(text) != text || strings.ContainsAny(text, "\n\r\x00\u202e") {
				t.Errorf("%q is no line of at most 100 characters", text)
			}
		}
		if r := d.Entry.Repository; r != nil && !strings.HasPrefix(r.URL, "https://") {
			t.Errorf("repository %q", r.URL)
		}
	})
}
