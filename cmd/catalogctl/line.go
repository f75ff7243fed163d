package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/slipway-dev/slipway/internal/catalog"
	"github.com/slipway-dev/slipway/internal/flow"
)

// open opens the line for the catalog of -C. What is wrong in the catalog, the line knows; an error means that there is no line.
func (a *app) open(ctx context.Context, checks flow.Checks, with ...func(*flow.Options)) (*flow.Line, func(), error) {
	root := a.dir
	if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(catalog.SettingsFile))); err != nil {
		return nil, nil, fmt.Errorf("%s is no catalog: it has no %s; start catalogctl in one, or name it with -C: %w", root, catalog.SettingsFile, err)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return nil, nil, fmt.Errorf("no folder for downloads: %w", err)
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return nil, nil, fmt.Errorf("no home folder with the configuration of package managers: %w", err)
	}
	report, stop := a.progress()
	options := flow.Options{
		Root: root, Out: a.out, Cache: filepath.Join(cache, "slipway"), Memory: a.memory, Remote: a.remote, TrustedRoot: a.trustedRoot,
		Home: home, Environ: os.Environ(), Version: version(), Progress: report, Now: time.Now,
	}
	for _, set := range with {
		set(&options)
	}
	line, err := flow.Open(ctx, options, checks)
	if err != nil {
		stop()
		return nil, nil, err
	}
	return line, stop, nil
}

// work opens the line and finds the items that names stand for. Entries that are not valid are found out about one by one, by flow.Line.Valid.
func (a *app) work(ctx context.Context, checks flow.Checks, names []string, with ...func(*flow.Options)) (*flow.Line, []catalog.Item, func(), error) {
	line, stop, err := a.open(ctx, checks, with...)
	if err != nil {
		return nil, nil, nil, err
	}
	items, err := find(line, names)
	if err != nil {
		stop()
		return nil, nil, nil, err
	}
	return line, items, stop, nil
}

// find returns the items that names stand for, each once.
func find(line *flow.Line, names []string) ([]catalog.Item, error) {
	var items []catalog.Item
	seen := map[string]bool{}
	for _, name := range names {
		item, err := line.Catalog.Find(name)
		if err != nil {
			if problems := line.ProblemsOf(name); len(problems) > 0 {
				return nil, problems // it is there, but could not be read
			}
			return nil, err
		}
		if !seen[item.Entry.ID()] {
			seen[item.Entry.ID()] = true
			items = append(items, item)
		}
	}
	return items, nil
}
