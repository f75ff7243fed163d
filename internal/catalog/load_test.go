package catalog

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/entry"
)

// npx is an entry with just what is required.
func npx(name, pkg string, more ...string) string {
	return fmt.Sprintf(`package entry

import "github.com/slipway-dev/slipway/schema"

schema.#NPX

name:        %q
title:       "A title"
description: "What it is for"
publisher: name: "Somebody"
package: {
	name:    %q
	version: "1.2.3"
}
%s
`, name, pkg, strings.Join(more, "\n"))
}

// files writes a catalog from paths and contents.
func files(t *testing.T, content map[string]string) string {
	t.Helper()
	root := t.TempDir()
	write(t, root, SettingsFile, settingsSource)
	for name, text := range content {
		write(t, root, name, text)
	}
	return root
}

// problems loads a catalog and returns what is wrong with it, one line each.
func problems(t *testing.T, root string, opts Options) []string {
	t.Helper()
	_, err := Load(t.Context(), root, opts)
	if err == nil {
		return nil
	}
	var all Problems
	if !errors.As(err, &all) {
		t.Fatalf("not Problems: %v", err)
	}
	return strings.Split(all.Error(), "\n")
}

func TestLoadFillsInDefaults(t *testing.T) {
	t.Parallel()
	root := files(t, map[string]string{"catalog/npx/context7/entry.cue": npx("context7", "@upstash/context7-mcp",
		`permissions: network: outbound: [{host: "context7.com"}]`)})
	c, err := Load(t.Context(), root, Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := entry.Entry{
		Kind: entry.NPX, Name: "context7", Title: "A title", Description: "What it is for",
		Publisher: entry.Publisher{Name: "Somebody"}, Status: entry.Active,
		Package:     &entry.Package{Name: "@upstash/context7-mcp", Version: "1.2.3"},
		Base:        "node24",
		Transport:   &entry.Transport{Type: entry.Stdio},
		Permissions: entry.Permissions{Network: entry.Network{Outbound: []entry.Endpoint{{Host: "context7.com", Ports: []int{443}}}}},
	}
	if diff := cmp.Diff(want, c.Items[0].Entry); diff != "" {
		t.Error(diff)
	}
	if got := c.Items[0].Position("package.version"); got != (Position{13, 2}) {
		t.Errorf("package.version stands at %v", got)
	}
	if got := c.Items[0].Position("overrides[0].reason"); got != (Position{5, 1}) {
		t.Errorf("an absent field stands at %v", got)
	}
	if c.Settings.Waivers.MaxDays != 90 || len(c.Settings.Platforms) != 2 || c.Settings.Gate.Block.String() != "high" {
		t.Errorf("settings without defaults: %+v", c.Settings)
	}
}

func TestLoadReportsEverythingAtOnce(t *testing.T) {
	t.Parallel()
	root := files(t, map[string]string{
		"catalog/npx/first/entry.cue": `package entry

import "github.com/slipway-dev/slipway/schema"

schema.#NPX

name:        "second"
title:       " padded"
publisher: name: "Somebody"
status:      "revoked"
descriptio:  "misspelt"
package: {
	name:    "server"
	version: "latest"
}
env: [
	{name: "FINE", description: "ok"},
	{name: "1BAD", description: "ok", sekret: true},
]
permissions: network: outbound: [{host: "*.example.com", ports: [0]}]
`,
		"catalog/npx/other/entry.cue": npx("another", "other"),
	})
	got := problems(t, root, Options{})
	want := []string{
		`catalog/npx/first/entry.cue:5:1: description: is missing; add it`,
		`catalog/npx/first/entry.cue:5:1: statusReason: is missing; add it`,
		`catalog/npx/first/entry.cue:8:1: title: found " padded"; want one line of 1 to 100 visible characters, without spaces at its ends`,
		`catalog/npx/first/entry.cue:11:1: descriptio: is no field of an npx entry; did you mean description?`,
		`catalog/npx/first/entry.cue:14:2: package.version: found "latest"; want one exact version such as 1.2.3; ranges, tags and latest can move`,
		`catalog/npx/first/entry.cue:18:3: env[1].name: found "1BAD"; want a variable's name: letters, digits and underscores, not starting with a digit`,
		`catalog/npx/first/entry.cue:18:36: env[1].sekret: is no field here; did you mean secret?`,
		`catalog/npx/first/entry.cue:20:35: permissions.network.outbound[0].host: found "*.example.com"; want a host name in lower case such as api.example.com, or .example.com for all below it; no globs, addresses or localhost`,
		`catalog/npx/first/entry.cue:20:58: permissions.network.outbound[0].ports: found [0]; want a list of 1 to 32 ports from 1 to 65535`,
		`catalog/npx/other/entry.cue:7:1: name: is "another" in a folder called "other"; make the two agree`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestLoadRefusesWhatIsNoData(t *testing.T) {
	t.Parallel()
	const head = "package entry\n\nimport \"github.com/slipway-dev/slipway/schema\"\n\nschema.#NPX\n\n"
	for name, test := range map[string]struct{ body, want string }{
		"not CUE":          {"package entry\n{{{", "entry.cue:2:4: is not CUE"},
		"another package":  {strings.Replace(npx("server", "server"), "package entry", "package catalog", 1), `belongs to package "catalog"`},
		"no definition":    {"package entry\nname: \"server\"\n", "embeds no definition; write schema.#NPX"},
		"another kind":     {strings.Replace(npx("server", "server"), "#NPX", "#UVX", 1), "embeds schema.#UVX, but what lies here is schema.#NPX"},
		"other import":     {strings.Replace(npx("server", "server"), "import \"", "import \"strings\"\nimport \"", 1), `imports "strings"`},
		"two definitions":  {npx("server", "server", "schema.#UVX"), "embeds something other than one definition"},
		"reference":        {head + "name: title\ntitle: \"server\"\n", "entry.cue:7:7: name: is an expression or a reference"},
		"comprehension":    {head + "if true {name: \"server\"}\n", "holds something other than fields"},
		"interpolation":    {head + "name: \"a\\(1)\"\n", `7:7: holds the interpolation`},
		"pattern":          {head + "[string]: \"server\"\n", "has a computed, optional or hidden field"},
		"hidden field":     {head + "_x: 1\n", "has a computed, optional or hidden field"},
		"attribute":        {head + "name: \"server\" @embed(file=entry.cue)\n", "has a computed, optional or hidden field"},
		"list that grows":  {head + "tags: [...string]\n", "tags[0]: is an expression or a reference"},
		"written twice":    {npx("server", "server", `title: "A title"`), "title: is written twice"},
		"null byte":        {npx("server", "server", "// \x00"), "15:1: holds a null byte"},
		"not UTF-8":        {npx("server", "server", "// \xff"), "is not UTF-8 text"},
		"a megabyte":       {npx("server", "server", "homepage: \"https://example.com/"+strings.Repeat("x", 1<<20)+`"`), "is larger than 256 KiB"},
		"a long text":      {npx("server", "server", "homepage: \"https://example.com/"+strings.Repeat("x", 1000)+`"`), "homepage: found"},
		"many words":       {npx("server", "server", "tags: ["+strings.Repeat("0,", 30_000)+"]"), "holds more than 20000 words"},
		"deep nesting":     {head + strings.Repeat("a: ", 60) + "1\n", "is nested too deeply"},
		"very deep":        {head + "tags: " + strings.Repeat("[", 9000) + strings.Repeat("]", 9000) + "\n", "is nested too deeply"},
		"a list of lists":  {head + "tags: " + strings.Repeat("[", 60) + strings.Repeat("]", 60) + "\n", "is nested too deeply"},
		"sums":             {head + "title: \"a\" + \"b\"\n", "title: is an expression"},
		"hidden character": {strings.Replace(npx("server", "server"), "A title", "A ti\u202etle", 1), `title: found "A ti\u202etle"; want one line`},
		"filler":           {strings.Replace(npx("server", "server"), "A title", "A\u3164title", 1), "title: found"},
		"wide space":       {strings.Replace(npx("server", "server"), "A title", "A\u00a0title", 1), "title: found"},
		"element twice":    {npx("server", "server", `tags: ["ab", "ab"]`), "tags: holds an element twice"},
		"many elements":    {npx("server", "server", "args: ["+strings.Repeat(`"a", `, 65)+"]"), "args: holds too many elements; want at most 64"},
		"secret default":   {npx("server", "server", `env: [{name: "KEY", description: "x", secret: true, default: "v"}]`), `env[0].default: found "v"; want no default for a secret`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := problems(t, files(t, map[string]string{"catalog/npx/server/entry.cue": test.body}), Options{})
			if text := strings.Join(got, "\n"); !strings.Contains(text, test.want) {
				t.Errorf("got  %.600s\nwant %s", text, test.want)
			}
		})
	}
}

func TestLoadLooksOnlyWhereItShould(t *testing.T) {
	t.Parallel()
	root := files(t, map[string]string{
		"catalog/npx/server/entry.cue":    npx("server", "server"),
		"catalog/npx/server/notes.txt":    "x",
		"catalog/npx/server/README.md":    "x",
		"catalog/npx/server/lock.json":    "x",
		"catalog/npx/empty/README.md":     "x",
		"catalog/npx/entry.cue":           "x",
		"catalog/nix/server/entry.cue":    "x",
		"catalog/skill/server/entry.cue":  "x",
		"catalog/bases/node24/base.cue":   "x",
		"catalog/scanners/some/other.cue": "x",
		"catalog/README.md":               "x",
	})
	if err := os.Symlink("../server/entry.cue", filepath.Join(root, "catalog/npx/empty/entry.cue")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("server", filepath.Join(root, "catalog/npx/link")); err != nil {
		t.Fatal(err)
	}
	got := problems(t, root, Options{Files: func(e entry.Entry) ([]string, bool) { return []string{"lock.json"}, e.Kind == entry.NPX }})
	want := []string{
		"catalog/nix: is neither a kind of entry nor a part of a catalog; move it out of catalog/",
		"catalog/npx/empty/entry.cue: is not a regular file; links and devices are refused",
		"catalog/npx/entry.cue: lies where only folders of entries should; move it to catalog/npx/<name>/ or remove it",
		"catalog/npx/link: lies where only folders of entries should; move it to catalog/npx/<name>/ or remove it",
		"catalog/npx/server/notes.txt: is no part of an entry of this kind; remove it",
		"catalog/skill: is neither a kind of entry nor a part of a catalog; move it out of catalog/",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestLoadChecksGeneratedFiles(t *testing.T) {
	t.Parallel()
	root := files(t, map[string]string{
		"catalog/npx/absent/entry.cue":  npx("absent", "absent"),
		"catalog/npx/canon/entry.cue":   npx("canon", "canon"),
		"catalog/npx/canon/tools.json":  "{\n  \"protocolVersions\": null,\n  \"server\": {\n    \"name\": \"s\",\n    \"version\": \"1\"\n  },\n  \"tools\": []\n}\n",
		"catalog/npx/edited/entry.cue":  npx("edited", "edited"),
		"catalog/npx/edited/tools.json": `{"server":{"name":"s","version":"1"},"protocolVersions":null,"tools":[]}`,
		"catalog/npx/broken/entry.cue":  npx("broken", "broken"),
		"catalog/npx/broken/tools.json": `{"serve`,
	})
	check := func(_ context.Context, item Item, dir fs.FS) []error {
		if _, err := fs.Stat(dir, EntryFile); err != nil {
			return []error{err}
		}
		if item.Entry.Name != "canon" {
			return nil
		}
		return []error{errors.New("is stale"), &Problem{File: "lock.json", Field: "packages", Message: "lacks a hash"}}
	}
	got := problems(t, root, Options{Observed: func(e entry.Entry) bool { return e.Kind != entry.Skill }, CheckLock: check})
	want := []string{
		"catalog/npx/absent/tools.json: is missing: file does not exist; write it with: catalogctl inspect npx/absent",
		"catalog/npx/broken/tools.json: decode observation: unexpected EOF; write it anew with: catalogctl inspect npx/broken",
		"catalog/npx/canon: is stale",
		"catalog/npx/canon/lock.json: packages: lacks a hash",
		"catalog/npx/edited/tools.json: is not in its canonical form; don't edit it, write it anew with: catalogctl inspect npx/edited",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestLoadOfNoCatalog(t *testing.T) {
	t.Parallel()
	for name, root := range map[string]string{"empty": t.TempDir(), "absent": filepath.Join(t.TempDir(), "x")} {
		var all Problems
		if _, err := Load(t.Context(), root, Options{}); err == nil || errors.As(err, &all) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestLoadOfPrivateCatalog(t *testing.T) {
	t.Parallel()
	skill := "package entry\nimport \"github.com/slipway-dev/slipway/schema\"\nschema.#Skill\nname: \"review\"\ntitle: \"T\"\ndescription: \"D\"\npublisher: name: \"P\"\nversion: \"1.0.0\"\n"
	entries := map[string]string{"skills/review/entry.cue": skill, "catalog/npx/server/entry.cue": npx("server", "server")}
	root := files(t, entries)
	if got := problems(t, root, Options{}); got != nil {
		t.Errorf("without cue.mod: %v", got)
	}
	write(t, root, "cue.mod/module.cue", "module: \"example.com/catalog@v0\"\nlanguage: version: \"v0.17.0\"\n")
	write(t, root, "schema/own.cue", "package schema\n#NPX: {nothing: 1}\n")
	if got := problems(t, root, Options{}); got != nil {
		t.Errorf("with its own module, and a folder that happens to be called schema: %v", got)
	}
	write(t, root, "cue.mod/pkg/github.com/slipway-dev/slipway/schema/own.cue", "package schema\n#Catalog: {...}\n#NPX: {name!: \"other\", ...}\n#Skill: {...}\n")
	if got := problems(t, root, Options{}); len(got) != 1 || !strings.Contains(got[0], "name: found") {
		t.Errorf("with definitions under cue.mod/pkg, which the cue command takes too: %v", got)
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	c, err := Load(t.Context(), files(t, map[string]string{
		"catalog/npx/server/entry.cue": npx("server", "server"),
		"catalog/npx/twin/entry.cue":   npx("twin", "twin"),
		"catalog/uvx/twin/entry.cue":   strings.Replace(npx("twin", "twin"), "#NPX", "#UVX", 1),
	}), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if item, err := c.Find("uvx/twin"); err != nil || item.Dir != "catalog/uvx/twin" {
		t.Errorf("uvx/twin: %v, %v", item.Dir, err)
	}
	if item, err := c.Find("server"); err != nil || item.Entry.ID() != "npx/server" {
		t.Errorf("server: %v, %v", item.Dir, err)
	}
	var ambiguous *AmbiguousError
	if _, err := c.Find("twin"); !errors.As(err, &ambiguous) || !cmp.Equal(ambiguous.Candidates, []string{"npx/twin", "uvx/twin"}) {
		t.Errorf("twin: %v", err)
	}
	var absent *NotFoundError
	if _, err := c.Find("sever"); !errors.As(err, &absent) || !cmp.Equal(absent.Similar, []string{"npx/server"}) {
		t.Errorf("sever: %v", err)
	}
	if _, err := c.Find("go/server"); !errors.As(err, &absent) {
		t.Errorf("go/server: %v", err)
	}
}
