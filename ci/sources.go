package main

import (
	"context"
	"fmt"
	"path"
	"strings"

	"dagger/slipway/internal/dagger"
)

// settings are the files and folders that every entry of a catalog depends on. A catalog of its own has only the first.
var settings = []string{"catalog/catalog.cue", "catalog/bases/", "schema/", "cue.mod/", ".npmrc"}

// buildSources are all files that an entry's image depends on. What was seen of the image is none of them.
func (m *member) buildSources(ctx context.Context) (*dagger.Directory, error) {
	picked, err := m.pick(ctx, settings)
	if err != nil {
		return nil, err
	}
	own, err := m.Source.Glob(ctx, m.Folder+"/**")
	if err != nil {
		return nil, fmt.Errorf("look for the files of %s: %w", m.id(), err)
	}
	for _, name := range own {
		if base := path.Base(name); !strings.HasSuffix(name, "/") && base != "tools.json" && base != "release.json" {
			picked = picked.WithFile(name, m.Source.File(name))
		}
	}
	return picked, nil
}

// scanSources are the files that an entry's scan depends on: also what all other servers say, since one may imitate another.
func (m *member) scanSources(ctx context.Context) (*dagger.Directory, error) {
	return m.pick(ctx, []string{"catalog/", "skills/", "schema/", "cue.mod/", ".npmrc"})
}

// pick returns those of the files and folders that the catalog has; folders end in a slash. It takes each by itself: then the engine knows the
// result by what they hold, whereas a filtered folder counts as changed with all that was filtered out of it.
func (m *member) pick(ctx context.Context, names []string) (*dagger.Directory, error) {
	from := m.Source
	there := map[string]bool{}
	for _, folder := range []string{"", "catalog/"} {
		found, err := from.Entries(ctx, dagger.DirectoryEntriesOpts{Path: folder})
		if err != nil {
			return nil, fmt.Errorf("list the catalog's folder ./%s: %w", folder, err)
		}
		for _, name := range found {
			there[folder+name] = true
		}
	}
	picked := dag.Directory()
	for _, name := range names {
		switch {
		case !there[name]:
		case strings.HasSuffix(name, "/"):
			picked = picked.WithDirectory(name, from.Directory(name))
		default:
			picked = picked.WithFile(name, from.File(name))
		}
	}
	return picked, nil
}

// withCommandSources adds what catalogctl is compiled from.
func (s *Slipway) withCommandSources(c *dagger.Container) *dagger.Container {
	for _, folder := range []string{"cmd", "internal", "schema", "catalog/bases"} {
		c = c.WithDirectory(folder, s.Code.Directory(folder))
	}
	return c.WithFile("go.mod", s.Code.File("go.mod")).WithFile("go.sum", s.Code.File("go.sum"))
}
