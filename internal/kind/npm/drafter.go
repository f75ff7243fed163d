package npm

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/kind"
	"github.com/slipway-dev/slipway/internal/kind/npm/lockfile"
	"github.com/slipway-dev/slipway/internal/kind/wording"
)

// drafter fills a draft from what is said of a package.
type drafter struct {
	*kind.Draft
	said *said
}

func (d *drafter) missing(format string, args ...any) {
	d.Missing = append(d.Missing, fmt.Sprintf(format, args...))
}

// names fills what the entry is called and what it is.
func (d *drafter) names() {
	e := &d.Entry
	e.Title = wording.Title(e.Name)
	e.Description = wording.Line(d.said.pkg.text("description"), 100)
	if server := d.said.server; server != nil {
		if t := wording.Line(server.Title, 100); t != "" {
			e.Title = t
		}
		if e.Description == "" {
			e.Description = wording.Line(server.Description, 100)
		}
	}
	d.missing("description: say in your own words what the server does, in at most 100 characters; what stands there is the package's own")
	if name := wording.Line(d.said.pkg.text("mcpName"), 200); name != "" {
		d.missing("name: the package calls itself %s; check that it is the server you mean", name)
	}
}

var commit = regexp.MustCompile(`^[0-9a-f]{40}$`)

// origin fills where the package comes from and under which terms.
func (d *drafter) origin() {
	e := &d.Entry
	if e.License = d.said.license; e.License == "" {
		d.missing("license: the package declares none that is an SPDX expression; look it up in its repository")
	}
	if e.Repository = repository(d.said.pkg["repository"]); e.Repository == nil {
		d.missing("repository: the package names none with an https address; look for it, or leave it out")
	} else if head := d.said.listed.text("gitHead"); commit.MatchString(head) {
		e.Repository.Commit = head
	} else {
		d.missing("repository.commit: the registry does not know it; look up the commit of %s, or leave it out", e.Package.Version)
	}
	if page := wording.WebAddress(d.said.pkg.text("homepage")); e.Repository == nil || page != e.Repository.URL {
		e.Homepage = page
	}
	e.Publisher = publisher(e.Package.Name, d.said.pkg["author"])
	if e.Publisher.Name == "" {
		d.missing("publisher.name: the package names no author; say who stands behind it")
	} else {
		d.missing("publisher: %q is what the package says; check who stands behind it", e.Publisher.Name)
	}
}

// running fills how the server is started and what it needs.
func (d *drafter) running(a *archive) {
	e := &d.Entry
	d.missing("permissions.network: list the hosts that the server must reach")
	if d.said.server == nil {
		d.missing("env: list the environment variables that the server reads; the package does not say")
	} else {
		d.declared(d.said.server.packageOf(e.Package.Name))
	}
	bins := a.parts[""].Manifest.Bin
	unscoped := e.Package.Name[strings.LastIndexByte(e.Package.Name, '/')+1:]
	switch names := slices.Sorted(maps.Keys(bins)); {
	case len(names) == 0:
		d.missing("package: it has no command, so it may be no server")
	case len(names) > 1 && bins[unscoped] == "":
		d.missing("package.bin: choose one of %s", lockfile.Abbreviate(strings.Join(names, ", ")))
	}
	if script := a.parts[""].Manifest.installScript(a.parts[""].HasGyp); script != "" {
		d.missing("installScripts: the package wants to run a script when it is installed (%s); say why it works without, or choose another",
			wording.Line(script, 200))
	}
	if notice := wording.Line(d.said.listed.text("deprecated"), 200); notice != "" {
		d.missing("package: the registry says that it is deprecated: %s", notice)
	}
}

// maxVariables is how many environment variables an entry may have.
const maxVariables = 64

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,127}$`)

// declared takes over what a server.json says of the package.
func (d *drafter) declared(p *serverPackage) {
	e := &d.Entry
	for _, v := range p.Environment {
		known := slices.ContainsFunc(e.Env, func(known entry.Variable) bool { return known.Name == v.Name })
		if !variableName.MatchString(v.Name) || known || len(e.Env) == maxVariables {
			continue
		}
		variable := entry.Variable{Name: v.Name, Description: wording.Line(v.Description, 300), Required: v.IsRequired, Secret: v.IsSecret}
		if !v.IsSecret && v.Default == wording.Line(v.Default, 1000) {
			variable.Default = v.Default
		}
		if variable.Description == "" {
			d.missing("env: say what %s is for", v.Name)
		}
		e.Env = append(e.Env, variable)
	}
	for _, a := range p.Arguments {
		if a.IsRequired {
			d.missing("args: the server wants the argument %q", wording.Line(strings.TrimSpace(a.Name+" "+a.ValueHint), 100))
		}
	}
	if t := entry.TransportType(p.Transport.Type); t == entry.StreamableHTTP || t == entry.SSE {
		e.Transport.Type = t
		d.missing("transport: the package says %s; say on which port and path it listens", t)
	}
}
