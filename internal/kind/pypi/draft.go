package pypi

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"deps.dev/util/semver"

	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/kind"
	"github.com/slipway-dev/slipway/internal/kind/pypi/index"
	"github.com/slipway-dev/slipway/internal/kind/pypi/wheel"
	"github.com/slipway-dev/slipway/internal/kind/wording"
)

var projectName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]{0,98}[A-Za-z0-9])?$`)

// Draft writes a first entry for a package reference: NAME, NAME@VERSION or NAME==VERSION. Without a version it takes the latest that is no
// pre-release. What the package does not say stays empty and is named in Missing.
func (p *Ecosystem) Draft(ctx context.Context, ref string) (*kind.Draft, error) {
	name, asked, ok := strings.Cut(ref, "==")
	if !ok {
		name, asked, _ = strings.Cut(ref, "@")
	}
	if !projectName.MatchString(name) {
		return nil, fmt.Errorf("%.100q is not a package of a Python index: want NAME or NAME@VERSION, such as server@1.2.3", ref)
	}
	project := wheel.Project(name)
	files, err := p.index.Files(ctx, project)
	if err != nil {
		return nil, fmt.Errorf("cannot look up package %s: %w", project, err)
	}
	version, wheels, err := choose(project, asked, files)
	if err != nil {
		return nil, err
	}
	best, ok := wheel.Choose(wheels, wheel.Targets[0])
	if !ok {
		return nil, fmt.Errorf("package %s %s has no wheel for CPython %s on Linux, and nothing is built from source here: choose another version",
			project, version, wheel.Python)
	}
	at := slices.IndexFunc(files, func(f index.File) bool { return f.Name == best.File })
	if files[at].SHA256 == "" {
		return nil, fmt.Errorf("the package index has no SHA-256 of %s: such a version cannot be pinned; choose another", best.File)
	}
	w, err := p.open(ctx, best, files[at].SHA256)
	if err != nil {
		return nil, fmt.Errorf("package %s %s: %w", project, version, err)
	}
	d := &drafter{&kind.Draft{Entry: entry.Entry{
		Kind: entry.UVX, Name: wording.Name(project, ""), Status: entry.Active,
		Package:   &entry.Package{Name: project, Version: version},
		Transport: &entry.Transport{Type: entry.Stdio},
	}}, w}
	d.names()
	d.origin()
	d.running()
	return d.Draft, nil
}

// choose returns the version that was asked for, or else the latest, in its normal form, and its wheels.
func choose(project, asked string, files []index.File) (version string, wheels []wheel.Name, err error) {
	var best *semver.Version
	byVersion := map[string][]wheel.Name{}
	for _, f := range files {
		n, err := wheel.ParseName(f.Name)
		if err != nil || n.Project != project {
			continue
		}
		v, err := semver.PyPI.Parse(n.Version)
		if err != nil {
			continue
		}
		byVersion[v.Canon(true)] = append(byVersion[v.Canon(true)], n)
		wanted := asked == "" && !v.IsPrerelease() && !f.Yanked || asked != "" && wheel.SameVersion(asked, n.Version)
		if wanted && (best == nil || v.Compare(best) > 0) {
			best = v
		}
	}
	switch {
	case best == nil && asked == "":
		return "", nil, fmt.Errorf("the package index has no wheel of %s, pre-releases aside: name a version, as in %[1]s@1.2.3", project)
	case best == nil:
		return "", nil, fmt.Errorf("the package index has no wheel of %s %.100s", project, asked)
	}
	wheels = byVersion[best.Canon(true)]
	return wheels[0].Version, wheels, nil
}
