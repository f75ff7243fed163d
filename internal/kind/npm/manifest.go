package npm

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path"
	"strings"

	"deps.dev/util/semver"

	spdx "github.com/slipway-dev/slipway/internal/license"
)

// maxManifest bounds a package.json.
const maxManifest = 4 << 20

// manifest is what a package.json says, as far as it is read. As in npm, a field of an unexpected type counts as absent.
type manifest struct {
	Name, Version string
	Scripts       map[string]string
	NoGyp         bool              // gypfile is false: a binding.gyp means nothing
	Bin           map[string]string // command → path inside the package, both made safe as npm does
	License       string            // a valid SPDX expression, or empty
}

// fields are the members of a JSON object by their exact names.
type fields map[string]json.RawMessage

func parseFields(data []byte) (fields, error) {
	var f fields
	if err := json.Unmarshal(bytes.TrimPrefix(data, []byte("\uFEFF")), &f); err != nil {
		return nil, err
	}
	return f, nil
}

func (f fields) text(name string) string { return field[string](f, name) }

// field returns the member if it has the type T, and else the zero value.
func field[T any](f fields, name string) T {
	var value T
	if json.Unmarshal(f[name], &value) != nil {
		var zero T
		return zero
	}
	return value
}

func parseManifest(data []byte) (*manifest, error) {
	f, err := parseFields(data)
	if err != nil {
		return nil, fmt.Errorf("package.json is not a JSON object: %w", err)
	}
	m := &manifest{
		Name: f.text("name"), Version: strings.TrimLeft(strings.TrimSpace(f.text("version")), "v= "),
		NoGyp: string(f["gypfile"]) == "false", License: license(f),
	}
	m.Scripts = map[string]string{}
	for name, value := range field[map[string]json.RawMessage](f, "scripts") {
		var command string
		if json.Unmarshal(value, &command) == nil && command != "" {
			m.Scripts[name] = command
		}
	}
	m.Bin = bins(m.Name, f["bin"])
	return m, nil
}

// bins reads the bin field: one path, or a path for each command. Names and paths are cut to what cannot lead out of a folder.
func bins(packageName string, data json.RawMessage) map[string]string {
	declared := map[string]json.RawMessage{}
	if json.Unmarshal(data, &declared) != nil {
		declared = map[string]json.RawMessage{packageName: data}
	}
	clean := map[string]string{}
	for name, value := range declared {
		var target string
		if json.Unmarshal(value, &target) != nil {
			continue
		}
		name = inside(path.Base(strings.NewReplacer(`\`, "/", ":", "/").Replace(name)))
		target = inside(strings.ReplaceAll(target, `\`, "/"))
		if name != "" && target != "" {
			clean[name] = target
		}
	}
	return clean
}

// inside cleans a path as if the folder that it lies in were the root of everything.
func inside(name string) string { return path.Join("/", name)[1:] }

// license reads the license field, or the list that old packages have, and returns nothing that is not valid SPDX.
func license(f fields) string {
	texts := []string{licenseText(f["license"])}
	if texts[0] == "" {
		texts = nil
		for _, one := range field[[]json.RawMessage](f, "licenses") {
			texts = append(texts, licenseText(one))
		}
	}
	expression := strings.Join(texts, " OR ") // an old list is a choice
	if !spdx.Valid(expression) {
		return ""
	}
	return expression
}

// licenseText reads a licence as a string or as the object that old packages have.
func licenseText(data json.RawMessage) string {
	var text string
	if json.Unmarshal(data, &text) == nil {
		return strings.TrimSpace(text)
	}
	var object fields
	if json.Unmarshal(data, &object) == nil {
		return strings.TrimSpace(object.text("type"))
	}
	return ""
}

// is says whether the manifest is that of a version; build metadata, which registries drop, does not count.
func (m *manifest) is(name, version string) bool {
	if m.Name != name {
		return false
	}
	a, errA := semver.NPM.Parse(m.Version)
	b, errB := semver.NPM.Parse(version)
	return errA == nil && errB == nil && a.Compare(b) == 0
}

// installScript returns the script that npm would run when it installs the package, empty if there is none. A binding.gyp is one, too,
// unless a script takes its place.
func (m *manifest) installScript(hasGyp bool) string {
	for _, name := range []string{"preinstall", "install", "postinstall"} {
		if command := m.Scripts[name]; command != "" {
			return name + ": " + command
		}
	}
	if hasGyp && !m.NoGyp {
		return "install: node-gyp rebuild, because of binding.gyp"
	}
	return ""
}
