package main

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/flow"
	"github.com/slipway-dev/slipway/internal/publication"
)

// generated is what generate prints of one view.
type generated struct {
	View    string                 `json:"view"`
	Files   []string               `json:"files"`   // all that the view consists of, below registries/
	Changed []string               `json:"changed"` // those of them that were written, or with --check differ
	Omitted []publication.Omission `json:"omitted"`
}

func (a *app) generateCommand() *cobra.Command {
	var check bool
	cmd := &cobra.Command{
		Use:   "generate",
		Short: "Regenerate registries/ from the entries and their releases",
		Long: `Generate writes the published catalogs: for each view of catalog.cue, the files that clients read, below registries/<view>. They follow from
the entries, their tools.json and their release.json alone, so that everyone who generates them gets the same bytes.

With --check nothing is written; the command exits with 1 if a file is not what it would be.`,
		Args: cobra.NoArgs,
	}
	cmd.Flags().BoolVar(&check, "check", false, "only say whether registries/ is up to date")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		ctx := cmd.Context()
		line, stop, err := a.open(ctx, flow.Checks{})
		if err != nil {
			return err
		}
		stop()
		if len(line.Problems) > 0 {
			return fmt.Errorf("the catalog is not valid, so nothing was generated:\n%w", line.Problems)
		}
		all, err := publication.Collect(ctx, line.Catalog)
		if err != nil {
			return err
		}
		tree, err := publication.Generate(line.Catalog.Settings, all)
		if err != nil {
			return err
		}
		dir := filepath.Join(a.dir, "registries")
		if !check {
			written, err := tree.Write(dir)
			if err != nil {
				return err
			}
			return a.printViews(line, tree, written, "written")
		}
		err = tree.Check(dir)
		var stale *publication.StaleError
		if err != nil && !errors.As(err, &stale) {
			return err
		}
		if stale == nil {
			return a.printViews(line, tree, nil, "")
		}
		if err := a.printViews(line, tree, slices.Concat(stale.Changed, stale.Missing), "out of date"); err != nil {
			return err
		}
		fmt.Fprintf(a.stderr, "catalogctl: %v\n", stale)
		return errFindings
	}
	return cmd
}

// printViews prints each view, with what became of the files in changed.
func (a *app) printViews(line *flow.Line, tree *publication.Tree, changed []string, became string) error {
	for _, view := range slices.Sorted(maps.Keys(line.Catalog.Settings.Views)) {
		in := func(file string) bool { return strings.HasPrefix(file, view+"/") }
		g := generated{View: view, Changed: []string{}, Omitted: append([]publication.Omission{}, tree.Omitted[view]...)}
		for _, file := range slices.Sorted(maps.Keys(tree.Files)) {
			if in(file) {
				g.Files = append(g.Files, file)
			}
		}
		for _, file := range slices.Sorted(slices.Values(changed)) {
			if in(file) {
				g.Changed = append(g.Changed, file)
			}
		}
		if err := a.print(g, func() string { return g.text(became) }); err != nil {
			return err
		}
	}
	return nil
}

func (g generated) text(became string) string {
	var out strings.Builder
	for _, file := range g.Files {
		state := "unchanged"
		if slices.Contains(g.Changed, file) {
			state = became
		}
		fmt.Fprintf(&out, "registries/%s %s\n", file, state)
	}
	for _, o := range g.Omitted {
		fmt.Fprintf(&out, "  left out: %s: %s\n", o.Entry, o.Reason)
	}
	return out.String()
}
