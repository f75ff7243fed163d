package main

import (
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"dagger/slipway/internal/dagger"
)

// settings match the files that every entry of a catalog depends on. A catalog of its own has only the first.
var settings = []string{"catalog/catalog.cue", "catalog/bases/**", "schema/*.cue", "cue.mod/**", ".npmrc"}

// buildSources are all files that an entry's image depends on. What was seen of the image is none of them.
func (e *Entry) buildSources(ctx context.Context) (*dagger.Directory, error) {
	return pick(ctx, e.Slipway.Source, append([]string{e.Folder + "/**"}, settings...), "tools.json", "release.json")
}

// scanSources are the files that an entry's scan depends on: also what all other servers say, since one may imitate another.
func (e *Entry) scanSources(ctx context.Context) (*dagger.Directory, error) {
	shared, err := pick(ctx, e.Slipway.Source, settings)
	if err != nil {
		return nil, err
	}
	for _, folder := range []string{"catalog", "skills"} {
		if there, err := e.Slipway.Source.Exists(ctx, folder); err != nil {
			return nil, fmt.Errorf("look for %s: %w", folder, err)
		} else if there {
			shared = shared.WithDirectory(folder, e.Slipway.Source.Directory(folder))
		}
	}
	return shared, nil
}

// pick returns the files that match patterns, without those of the names in but. It takes each file by itself: then the engine knows the
// result by what the files hold, whereas a filtered folder counts as changed with all that was filtered out of it.
func pick(ctx context.Context, from *dagger.Directory, patterns []string, but ...string) (*dagger.Directory, error) {
	found := make([][]string, len(patterns))
	group, globbing := errgroup.WithContext(ctx)
	for i, pattern := range patterns {
		group.Go(func() (err error) {
			if found[i], err = from.Glob(globbing, pattern); err != nil {
				return fmt.Errorf("look for %s: %w", pattern, err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	folders := map[string][]*dagger.File{}
	names := slices.Compact(slices.Sorted(slices.Values(slices.Concat(found...))))
	for _, name := range names {
		if !strings.HasSuffix(name, "/") && !slices.Contains(but, path.Base(name)) {
			folders[path.Dir(name)] = append(folders[path.Dir(name)], from.File(name))
		}
	}
	picked := dag.Directory()
	for _, folder := range slices.Sorted(maps.Keys(folders)) {
		picked = picked.WithFiles(folder, folders[folder])
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
