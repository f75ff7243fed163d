//go:build e2e

package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// pinned is a version that Renovate finds in a file.
type pinned struct{ file, name, version string }

// pins applies the custom managers of Renovate's configuration to the files of this repository, and to more files by their names.
func pins(t *testing.T, more map[string]string) (all []pinned) {
	t.Helper()
	var config struct {
		CustomManagers []struct {
			Description         string
			ManagerFilePatterns []string
			MatchStrings        []string
			DepNameTemplate     string
		}
	}
	text, err := os.ReadFile("../.github/renovate.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &config); err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, pattern := range []string{"Makefile", "dagger.json", ".github/workflows/*", "catalog/*/*/*.cue", "ci/main.go"} {
		names, err := filepath.Glob(filepath.Join("..", pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			files[strings.TrimPrefix(filepath.ToSlash(name), "../")] = string(text)
		}
	}
	for name, text := range more {
		files[name] = text
	}
	for _, manager := range config.CustomManagers {
		found := 0
		for name, text := range files {
			if !slices.ContainsFunc(manager.ManagerFilePatterns, func(p string) bool { return regexp.MustCompile(strings.Trim(p, "/")).MatchString(name) }) {
				continue
			}
			for _, pattern := range manager.MatchStrings {
				expression := regexp.MustCompile(pattern)
				for _, match := range expression.FindAllStringSubmatch(text, -1) {
					found++
					p := pinned{file: name, name: manager.DepNameTemplate}
					for i, group := range expression.SubexpNames() {
						switch group {
						case "depName":
							p.name = match[i]
						case "currentValue":
							p.version = match[i]
						}
					}
					all = append(all, p)
				}
			}
		}
		if found == 0 {
			t.Errorf("Renovate finds nothing for %q", manager.Description)
		}
	}
	return all
}

// TestRenovateKnowsWhatIsPinned wants each entry, scanner, base and tool to be found, and one version of Dagger everywhere.
func TestRenovateKnowsWhatIsPinned(t *testing.T) {
	t.Parallel()
	const packaged = "package: {\n\tname:    \"%\"\n\tversion: \"1.2.3\"\n}\n"
	more := map[string]string{
		"catalog/uvx/example/entry.cue": strings.Replace(packaged, "%", "mcp-example", 1),
		"catalog/go/example/entry.cue":  strings.Replace(packaged, "%", "example.com/servers/cmd/one", 1),
		"catalog/container/example/entry.cue": "image: {\n\tname:   \"registry.example.com/one\"\n\ttag:    \"1.2.3\"\n\tdigest: \"sha256:" +
			strings.Repeat("0", 64) + "\"\n}\n",
		"skills/example/entry.cue":             "source: {\n\turl:     \"https://example.com/skills\"\n\tref:     \"main\"\n\tcommit:  \"" + strings.Repeat("0", 40) + "\"\n}\n",
		"catalog/scanners/example/scanner.cue": "// renovate: datasource=github-releases depName=example/scanner\nversion: \"1.2.3\"\n",
	}
	all := pins(t, more)
	in := func(file string) (found []pinned) {
		for _, p := range all {
			if p.file == file {
				found = append(found, p)
			}
		}
		return found
	}
	for _, kind := range []string{"npx", "uvx", "go"} {
		entries, err := filepath.Glob("../catalog/" + kind + "/*/entry.cue")
		if err != nil || len(entries) == 0 {
			t.Fatalf("no entries of kind %s: %v", kind, err)
		}
		for _, entry := range entries {
			if found := in(strings.TrimPrefix(entry, "../")); len(found) != 1 || found[0].version == "" || found[0].name == "" {
				t.Errorf("%s: Renovate finds %+v", entry, found)
			}
		}
	}
	if found := in("ci/main.go"); len(found) != 2 {
		t.Errorf("of the images of the pipelines Renovate finds %+v", found)
	}
	for file := range more {
		if found := in(file); len(found) != 1 {
			t.Errorf("%s: Renovate finds %+v", file, found)
		}
	}
	if found := in("catalog/bases/node24/base.cue"); len(found) != 2 {
		t.Errorf("of the base Renovate finds %+v", found)
	}
	var dagger struct{ EngineVersion string }
	text, err := os.ReadFile("../dagger.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &dagger); err != nil {
		t.Fatal(err)
	}
	files := map[string]bool{}
	for _, p := range all {
		if p.name == "dagger/dagger" {
			files[p.file] = true
			if "v"+p.version != dagger.EngineVersion {
				t.Errorf("%s names Dagger %s, dagger.json %s", p.file, p.version, dagger.EngineVersion)
			}
		}
	}
	for _, name := range []string{"dagger.json", ".github/workflows/ci.yml", ".github/workflows/pull-request.yml", ".github/workflows/release.yml"} {
		if !files[name] {
			t.Errorf("Renovate does not find Dagger in %s", name)
		}
	}
	modules, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(modules), "\tdagger.io/dagger "+dagger.EngineVersion+"\n") {
		t.Errorf("go.mod does not name Dagger %s", dagger.EngineVersion)
	}
}

// TestWorkflowsOnlyCallOurCommands wants whatever can be Go not to be shell, and nothing of a stranger in a script.
func TestWorkflowsOnlyCallOurCommands(t *testing.T) {
	t.Parallel()
	names, err := filepath.Glob("../.github/workflows/*.yml")
	if err != nil || len(names) < 5 {
		t.Fatalf("%d workflows, %v", len(names), err)
	}
	script := regexp.MustCompile(`(?m)^\s*(?:- )?run: (?:>-\n\s*)?(.*)$`)
	ours := regexp.MustCompile(`^(dagger (call|check) |go run \./cmd/catalogctl |\.ci/run$|make lint$)`)
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range script.FindAllStringSubmatch(string(text), -1) {
			if allowed := strings.HasSuffix(name, "ci.yml") && strings.HasPrefix(match[1], "sudo sysctl -w "); !allowed && !ours.MatchString(match[1]) {
				t.Errorf("%s runs %s", filepath.Base(name), match[1])
			}
		}
		if strings.Contains(string(text), "zizmor: ignore") {
			t.Errorf("%s switches a rule of zizmor off", filepath.Base(name))
		}
	}
}
