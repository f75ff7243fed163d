package main

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/catalog"
	"github.com/slipway-dev/slipway/internal/flow"
)

// validation is what validate prints of one entry.
type validation struct {
	Name     string             `json:"name"`
	Kind     string             `json:"kind"`
	File     string             `json:"file"`
	Problems []*catalog.Problem `json:"problems"`
	Pinned   *bool              `json:"pinned,omitempty"` // of an entry that could be read
}

func (a *app) validateCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "validate [PATH...]",
		Short: "Check entries against the schema and the rules that need the whole catalog",
		Long: `Validate reads every entry, judges each by the schema and all of them together: folders, names and kinds agree, nothing is there twice,
no name imitates another, every lock pins what its entry says, every tools.json is in its canonical form. All that is wrong is reported at
once, each with file, line and field. With PATH, a folder or file of the catalog, only problems below it are reported.`,
		RunE: func(cmd *cobra.Command, paths []string) error {
			line, stop, err := a.open(cmd.Context(), flow.Checks{Locks: true, Observations: true})
			if err != nil {
				return err
			}
			stop()
			within, err := a.within(paths)
			if err != nil {
				return err
			}
			return a.printProblems(line, within)
		},
	}
}

// within returns whether a file of the catalog lies at or below one of paths, which are relative to the working directory.
func (a *app) within(paths []string) (func(file string) bool, error) {
	root, err := filepath.Abs(a.dir)
	if err != nil {
		return nil, err
	}
	prefixes := make([]string, len(paths))
	for i, path := range paths {
		// PATH is tried as the shell sees it, and then as the catalog does.
		abs, err := filepath.Abs(path)
		if err != nil {
			return nil, err
		}
		rel, err := filepath.Rel(root, abs)
		if err != nil || !filepath.IsLocal(rel) {
			rel = filepath.Clean(path)
		}
		if !filepath.IsLocal(rel) {
			return nil, fmt.Errorf("%s lies outside of the catalog %s", path, a.dir)
		}
		prefixes[i] = filepath.ToSlash(rel)
	}
	return func(file string) bool {
		return len(prefixes) == 0 || slices.ContainsFunc(prefixes, func(prefix string) bool {
			return prefix == "." || file == prefix || strings.HasPrefix(file, prefix+"/")
		})
	}, nil
}

// printProblems prints every entry with its problems, and then the problems that belong to no entry.
func (a *app) printProblems(line *flow.Line, within func(string) bool) error {
	found := 0
	byDir := map[string][]*catalog.Problem{}
	for _, p := range line.Problems {
		if !within(p.File) {
			continue
		}
		found++
		dir := catalog.SettingsFile
		if entryDir := entryFolder(p.File); entryDir != "" {
			dir = entryDir
		}
		byDir[dir] = append(byDir[dir], p)
		if !a.json {
			if err := a.print(nil, func() string { return p.Error() + "\n" }); err != nil {
				return err
			}
		}
	}
	entries := 0
	var unpinned []string
	for _, item := range line.Catalog.Items {
		if !within(item.File) && len(byDir[item.Dir]) == 0 {
			continue
		}
		entries++
		pinned := item.Entry.Pinned()
		if item.Entry.Image != nil && !pinned {
			unpinned = append(unpinned, item.Entry.ID())
		}
		v := validation{Name: item.Entry.Name, Kind: string(item.Entry.Kind), File: item.File, Problems: byDir[item.Dir], Pinned: &pinned}
		if err := a.printValidation(v); err != nil {
			return err
		}
		delete(byDir, item.Dir)
	}
	for _, dir := range slices.Sorted(maps.Keys(byDir)) { // entries that could not be read, and files that are no entry's
		v := validation{Name: filepath.Base(dir), Kind: filepath.Base(filepath.Dir(dir)), File: dir, Problems: byDir[dir]}
		if err := a.printValidation(v); err != nil {
			return err
		}
	}
	if found > 0 {
		if !a.json {
			fmt.Fprintf(a.stderr, "catalogctl: %s\n", plural(found, "problem", "problems"))
		}
		return errPrinted
	}
	if a.json {
		return nil
	}
	text := plural(entries, "entry", "entries") + ", all valid\n"
	if len(unpinned) > 0 {
		text += fmt.Sprintf("  not pinned, and so neither run nor published: %s\n", strings.Join(unpinned, ", "))
	}
	_, err := fmt.Fprint(a.stdout, text)
	return err
}

func (a *app) printValidation(v validation) error {
	if !a.json {
		return nil
	}
	v.Problems = append([]*catalog.Problem{}, v.Problems...) // never null
	return a.print(v, nil)
}

// entryFolder returns the folder of the entry that a file belongs to, empty if it belongs to none.
func entryFolder(file string) string {
	parts := strings.Split(file, "/")
	switch {
	case parts[0] == "catalog" && len(parts) >= 3 && parts[1] != "bases":
		return strings.Join(parts[:3], "/")
	case parts[0] == "skills" && len(parts) >= 2:
		return strings.Join(parts[:2], "/")
	}
	return ""
}

func plural(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, more)
}
