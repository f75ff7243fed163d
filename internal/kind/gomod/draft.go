package gomod

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strings"

	"golang.org/x/mod/module"

	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/kind"
	"github.com/slipway-dev/slipway/internal/kind/gomod/gocmd"
	"github.com/slipway-dev/slipway/internal/kind/gomod/lockfile"
	"github.com/slipway-dev/slipway/internal/kind/wording"
)

// Draft writes a first entry for a command or for a module with one command: PATH or PATH@VERSION, where the version may be any of which Go
// finds out the release that it stands for, such as latest or a branch. What nobody says stays empty and is named in Missing.
func (g *Ecosystem) Draft(ctx context.Context, ref string) (*kind.Draft, error) {
	pkg, query, found := strings.Cut(ref, "@")
	if !found {
		query = "latest"
	}
	if err := module.CheckPath(pkg); err != nil || query == "" || strings.ContainsAny(query, "@ /\\\n") || strings.HasPrefix(query, "-") {
		return nil, fmt.Errorf("%q is no command of a Go module: want PATH or PATH@VERSION, such as example.com/server/cmd/server@v1.2.3",
			lockfile.Abbreviate(ref))
	}
	release, err := g.golang.Local()
	if err != nil {
		return nil, err
	}
	golang, err := g.golang.Toolchain(ctx, release)
	if err != nil {
		return nil, err
	}
	m, err := holderOf(ctx, golang, pkg, query)
	if err != nil {
		return nil, err
	}
	c, err := commandIn(m, pkg)
	if err != nil {
		return nil, err
	}
	license, err := licenseOf(m.Dir)
	if err != nil {
		return nil, fmt.Errorf("module %s: %w", m.Path, err)
	}
	d := &kind.Draft{Entry: entry.Entry{
		Kind: entry.Go, Name: wording.Name(commandName(c.path), path.Base(path.Dir(m.Path))), Status: entry.Active, License: license,
		Package:   &entry.Package{Name: c.path, Version: m.Version},
		Transport: &entry.Transport{Type: entry.Stdio},
	}}
	from, err := m.origin()
	if err != nil {
		return nil, err
	}
	describe(d, m, c, from)
	return d, nil
}

// holderOf finds the module that holds a package, that with the longest path first, as Go does.
func holderOf(ctx context.Context, golang *gocmd.Toolchain, pkg, query string) (*fetched, error) {
	var errs []error
	for at := pkg; strings.Contains(at, "/"); at = path.Dir(at) {
		m, err := download(ctx, golang, gocmd.Task{Network: true}, at+"@"+query)
		if err == nil {
			return m, nil
		}
		if ctx.Err() != nil {
			return nil, err
		}
		errs = append(errs, err)
	}
	return nil, fmt.Errorf("the module proxy has no module that could hold %s at %s:\n%w", pkg, query, errors.Join(errs...))
}

var fullCommit = regexp.MustCompile(`^[0-9a-f]{40}$`)

// describe fills what the module says of itself, and what the module proxy says of its origin.
func describe(d *kind.Draft, m *fetched, c *command, from origin) {
	e := &d.Entry
	missing := func(format string, args ...any) { d.Missing = append(d.Missing, fmt.Sprintf(format, args...)) }
	e.Title = wording.Title(e.Name)
	if e.Description = wording.Line(c.synopsis, 100); e.Description == "" {
		e.Description = wording.Line("The server "+commandName(c.path)+" of "+m.Path, 100)
	}
	missing("description: say in your own words what the server does, in at most 100 characters; what stands there is the command's own")
	if e.License == "" {
		missing("license: the module holds no licence text that is known for sure; look it up in its repository")
	}
	address := from.URL
	if host, rest, _ := strings.Cut(m.Path, "/"); address == "" && host == "github.com" && strings.Contains(rest, "/") {
		owner, name, _ := strings.Cut(rest, "/")
		name, _, _ = strings.Cut(name, "/")
		address = "https://" + host + "/" + owner + "/" + name
	}
	if page := strings.TrimSuffix(wording.WebAddress(address), ".git"); page == "" {
		missing("repository: the module proxy does not know it; look for it, or leave it out")
	} else {
		e.Repository = &entry.Repository{URL: page}
		if fs.ValidPath(from.Subdir) {
			e.Repository.Path = from.Subdir
		}
		if fullCommit.MatchString(from.Hash) {
			e.Repository.Commit = from.Hash
		} else {
			missing("repository.commit: the module proxy does not know it; look up the commit of %s, or leave it out", m.Version)
		}
	}
	e.Publisher.Name = wording.Line(owner(m.Path), 100)
	missing("publisher: %q is what the module's path says; check who stands behind it", e.Publisher.Name)
	missing("args: if the command is more than a server, write how its server is started")
	missing("permissions.network: list the hosts that the server must reach")
	missing("env: list the environment variables that the server reads; a module does not say")
}

// owner returns the account that a module's path begins with, or else the host.
func owner(modulePath string) string {
	parts := strings.Split(modulePath, "/")
	if len(parts) > 2 && (parts[0] == "github.com" || parts[0] == "gitlab.com" || parts[0] == "bitbucket.org") {
		return parts[1]
	}
	return parts[0]
}
