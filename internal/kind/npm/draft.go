package npm

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/kind"
	"github.com/slipway-dev/slipway/internal/kind/npm/lockfile"
)

// Draft writes a first entry for a package reference, NAME or NAME@VERSION, where the version may be a tag of the registry such as next. Without
// a version it takes the registry's latest. What the package does not say stays empty and is named in Missing.
func (n *Ecosystem) Draft(ctx context.Context, ref string) (*kind.Draft, error) {
	name, asked := ref, ""
	if at := strings.LastIndexByte(ref, '@'); at > 0 {
		name, asked = ref[:at], ref[at+1:]
	}
	if !lockfile.ValidName(name) || name != strings.ToLower(name) {
		return nil, fmt.Errorf("%q is not an npm package: want NAME or NAME@VERSION, such as @scope/server@1.2.3", lockfile.Abbreviate(ref))
	}
	registry, err := n.config.Registry(ctx, name)
	if err != nil {
		return nil, err
	}
	document, err := n.packument(ctx, registry, name, "application/json")
	if err != nil {
		return nil, fmt.Errorf("cannot look up package %s: %w", name, err)
	}
	version, err := document.choose(name, asked)
	if err != nil {
		return nil, err
	}
	listed := document.Versions[version]
	var dist struct {
		Integrity string `json:"integrity"`
	}
	if err := json.Unmarshal(listed["dist"], &dist); err != nil || dist.Integrity == "" {
		return nil, fmt.Errorf("the registry has no integrity hash for %s %s: such a version cannot be pinned; choose another", name, version)
	}
	a, err := n.archive(ctx, name, version, dist.Integrity)
	if err != nil {
		return nil, fmt.Errorf("package %s %s: %w", name, version, err)
	}
	if !a.parts[""].Manifest.is(name, version) {
		return nil, fmt.Errorf("package %s %s: its package.json says that it is another one", name, version)
	}
	said, err := readSaid(ctx, a, name)
	if err != nil {
		return nil, fmt.Errorf("package %s %s: %w", name, version, err)
	}
	said.listed = listed
	d := &kind.Draft{Entry: entry.Entry{
		Kind: entry.NPX, Name: entryName(name), Status: entry.Active,
		Package:   &entry.Package{Name: name, Version: version},
		Transport: &entry.Transport{Type: entry.Stdio},
	}}
	w := &drafter{d, said}
	w.names()
	w.origin()
	w.running(a)
	return d, nil
}

// said is what a package says of itself, and what its registry says of it.
type said struct {
	listed  fields // the registry's record of the version, which alone has the commit
	pkg     fields // package.json
	server  *serverJSON
	license string
}

// choose returns the exact version that was asked for, by itself or by a tag.
func (p *packument) choose(name, asked string) (string, error) {
	version := asked
	if tagged := p.Tags[asked]; tagged != "" {
		version = tagged
	} else if asked == "" {
		if version = p.Tags["latest"]; version == "" {
			return "", fmt.Errorf("package %s has no latest version: name one, as %s@1.2.3", name, name)
		}
		if strings.Contains(version, "-") {
			return "", fmt.Errorf("the latest version of %s is the pre-release %s: if you want it, ask for %s@%s", name, version, name, version)
		}
	}
	if !exactVersion.MatchString(version) {
		return "", fmt.Errorf("%q is neither an exact version nor a tag of %s: ranges can move", lockfile.Abbreviate(version), name)
	}
	if _, ok := p.Versions[version]; !ok {
		return "", fmt.Errorf("the registry does not list version %s of %s", version, name)
	}
	return version, nil
}
