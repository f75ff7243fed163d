package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/catalog"
	"github.com/slipway-dev/slipway/internal/flow"
)

func (a *app) lockCommand() *cobra.Command {
	var check bool
	var base string
	cmd := &cobra.Command{
		Use:   "lock [NAME...]",
		Short: "Resolve and pin the dependencies of entries",
		Long: `Lock has the resolver of the entry's own ecosystem choose all dependencies, under the runtime of the entry's base and in the sandbox,
and writes the lock file beside the entry. Without NAME it locks all entries. Nothing is ever resolved at any other time.

With --check nothing is resolved or written: the command says whether each lock still pins what its entry says, and exits with 1 if one does not.
With --base the named base of the catalog is locked instead: its Debian packages, from an index that Debian's archive key signed, and its runtime.`,
		RunE: func(cmd *cobra.Command, names []string) error {
			ctx := cmd.Context()
			if base != "" {
				if len(names) > 0 || check {
					return errors.New("--base locks one base alone: leave out names and --check")
				}
				return a.lockBase(ctx, base)
			}
			line, items, stop, err := a.work(ctx, flow.Checks{}, names)
			if err != nil {
				return err
			}
			if len(names) == 0 {
				items = line.Buildable()
			}
			work := a.lock(line)
			if check {
				work = a.checkLock(line)
			}
			err = a.each(ctx, line, items, work)
			stop()
			return err
		},
	}
	cmd.Flags().BoolVar(&check, "check", false, "only say whether each lock still pins what its entry says")
	cmd.Flags().StringVar(&base, "base", "", "lock the base `NAME` of the catalog")
	return cmd
}

func (a *app) lock(line *flow.Line) func(context.Context, catalog.Item) (*result, error) {
	return func(ctx context.Context, item catalog.Item) (*result, error) {
		locked, err := line.Lock(ctx, item)
		if err != nil {
			return &result{}, err
		}
		verb := "unchanged"
		if locked.Changed {
			verb = "written"
		}
		return &result{
			Files: locked.Files, Changed: &locked.Changed,
			human: fmt.Sprintf("%s %s\n", strings.Join(locked.Files, " "), verb),
		}, nil
	}
}

func (a *app) checkLock(line *flow.Line) func(context.Context, catalog.Item) (*result, error) {
	return func(ctx context.Context, item catalog.Item) (*result, error) {
		problems := line.CheckLock(ctx, item)
		if len(problems) == 0 {
			return &result{human: item.Entry.ID() + " ok\n"}, nil
		}
		return &result{Problems: problems, human: problems.Error() + "\n"}, errFindings
	}
}

func (a *app) lockBase(ctx context.Context, name string) error {
	line, stop, err := a.open(ctx, flow.Checks{})
	if err != nil {
		return err
	}
	defer stop()
	started := line.Now()
	file, changed, err := line.LockBase(ctx, name)
	if err != nil {
		return err
	}
	verb := "unchanged"
	if changed {
		verb = "written"
	}
	return a.print(result{
		Name: name, Kind: "base", Files: []string{file}, Changed: &changed, Seconds: line.Now().Sub(started).Seconds(),
	}, func() string { return file + " " + verb + "\n" })
}
