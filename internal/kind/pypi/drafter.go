package pypi

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/kind"
	"github.com/slipway-dev/slipway/internal/kind/pypi/wheel"
	"github.com/slipway-dev/slipway/internal/kind/wording"
)

// drafter fills a draft from what a package says of itself.
type drafter struct {
	*kind.Draft
	wheel *wheel.Wheel
}

func (d *drafter) missing(format string, args ...any) {
	d.Missing = append(d.Missing, fmt.Sprintf(format, args...))
}

// registryName is how a package names its server in the MCP registry, in its description.
var registryName = regexp.MustCompile(`mcp-name:\s*([A-Za-z0-9._-]{1,100}/[A-Za-z0-9._-]{1,100})`)

// names fills what the entry is called and what it is.
func (d *drafter) names() {
	e, m := &d.Entry, d.wheel.Metadata
	e.Title = wording.Title(e.Name)
	e.Description = wording.Line(m.Summary, 100)
	d.missing("description: say in your own words what the server does, in at most 100 characters; what stands there is the package's own")
	if match := registryName.FindStringSubmatch(m.Description); match != nil {
		d.missing("name: the package calls itself %s; check that it is the server you mean", match[1])
	}
}

// origin fills where the package comes from and under which terms.
func (d *drafter) origin() {
	e, m := &d.Entry, d.wheel.Metadata
	if e.License = license(m); e.License == "" {
		d.missing("license: the package declares none that is certain; look it up in its repository")
	}
	if e.Repository = repository(m.URLs); e.Repository == nil {
		d.missing("repository: the package names none with an https address; look for it, or leave it out")
	} else {
		d.missing("repository.commit: the index does not know it; look up the commit of %s, or leave it out", e.Package.Version)
	}
	for _, u := range m.URLs {
		page := wording.WebAddress(u.Address)
		if strings.EqualFold(u.Label, "homepage") && page != "" && (e.Repository == nil || !strings.HasPrefix(page, e.Repository.URL)) {
			e.Homepage = page
			break
		}
	}
	for _, name := range []string{m.Author, m.Maintainer, beforeAddress(m.AuthorEmail)} {
		if e.Publisher.Name = wording.Line(name, 100); e.Publisher.Name != "" {
			d.missing("publisher: %q is what the package says; check who stands behind it", e.Publisher.Name)
			return
		}
	}
	if e.Repository != nil {
		u, _ := url.Parse(e.Repository.URL) // was made from one
		e.Publisher.Name, _, _ = strings.Cut(strings.Trim(u.Path, "/"), "/")
		d.missing("publisher: the package names no author; %q is whose the repository is; check who stands behind it", e.Publisher.Name)
		return
	}
	d.missing("publisher.name: the package names no author; say who stands behind it")
}

// running fills how the server is started and what it needs.
func (d *drafter) running() {
	d.missing("permissions.network: list the hosts that the server must reach")
	d.missing("env: list the environment variables that the server reads; the package does not say")
	i := &installation{packages: []installed{{name: d.wheel.Project, version: d.wheel.Version, wheel: d.wheel}}}
	if _, err := i.entrypoint(d.Entry); err != nil {
		d.missing("package: %s", err)
	}
}

// beforeAddress returns the name in "name <mail>", the first of several.
func beforeAddress(text string) string {
	name, _, ok := strings.Cut(text, "<")
	if !ok {
		return ""
	}
	return strings.Trim(name, "\" \t")
}

var (
	forge     = regexp.MustCompile(`^/([A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+?)(?:\.git)?(?:/(?:-/)?(?:tree|blob)/[^/]+/([A-Za-z0-9_@+-][A-Za-z0-9_@+.-]*(?:/[A-Za-z0-9_@+-][A-Za-z0-9_@+.-]*)*))?/?$`)
	sources   = []string{"repository", "source", "source code", "code", "github", "homepage", "home"}
	forgeHost = map[string]bool{"github.com": true, "gitlab.com": true, "bitbucket.org": true, "codeberg.org": true}
)

// repository returns the repository among a package's addresses, by their labels; nil if there is none at a known host.
func repository(urls []wheel.URL) *entry.Repository {
	for _, label := range sources {
		for _, candidate := range urls {
			if !strings.EqualFold(candidate.Label, label) {
				continue
			}
			address, _, _ := strings.Cut(candidate.Address, "#")
			u, err := url.Parse(address)
			if err != nil || !forgeHost[u.Host] {
				continue
			}
			match := forge.FindStringSubmatch(u.Path)
			if match == nil {
				continue
			}
			if page := wording.WebAddress("https://" + u.Host + "/" + match[1]); page != "" {
				return &entry.Repository{URL: page, Path: match[2]}
			}
		}
	}
	return nil
}
