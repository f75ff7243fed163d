package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/catalog"
	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/flow"
)

func (a *app) newCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "new KIND REF",
		Short: "Write a new entry from a package, an image, an address or a skill, with its lock and its tools.json",
		Long: `New asks what REF stands for, such as a package, for its version, licence, repository and title, writes entry.cue, locks it, builds it, boots
it and records its tools. It ends by naming what only a person can fill in. If the server does not start yet, entry and lock stay for you to complete;
'catalogctl inspect' then goes on from there.

  catalogctl new npx @scope/package             an npm package, or package@1.2.3
  catalogctl new uvx package                    a PyPI package, or package==1.2.3
  catalogctl new go example.com/mod/cmd/server  a command in a Go module, or …@v1.2.3
  catalogctl new container IMAGE:TAG            an image that others publish
  catalogctl new remote https://HOST/mcp        a server that others run
  catalogctl new skill skills/NAME              a folder of this catalog, or one in a Git repository, URL#PATH@REF`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.new(cmd.Context(), entry.Kind(args[0]), args[1])
		},
	}
}

func (a *app) new(ctx context.Context, kind entry.Kind, ref string) error {
	line, stop, err := a.open(ctx, flow.Checks{})
	if err != nil {
		return err
	}
	stop()
	started := line.Now()
	draft, dir, err := line.Draft(ctx, kind, ref)
	if err != nil {
		return err
	}
	// The entry is read back as any other one, so that what is reported about it names the file that is there now.
	r, err := a.complete(ctx, draft.Entry.ID())
	r.Name, r.Kind = draft.Entry.Name, string(kind)
	r.Files = append([]string{dir + "/" + catalog.EntryFile}, r.Files...)
	r.Seconds = line.Now().Sub(started).Seconds()
	if err != nil {
		r.Verdict, r.Error = verdictError, err.Error()
		if flow.Judged(err) {
			r.Verdict = verdictFail
		}
	}
	r.Missing = draft.Missing
	printErr := a.print(r, func() string {
		var out strings.Builder
		for _, file := range r.Files {
			fmt.Fprintf(&out, "wrote %s\n", file)
		}
		if err != nil {
			fmt.Fprintf(&out, "\nnot finished: %v\n", err)
		}
		out.WriteString("\nleft for you:\n")
		for _, missing := range r.Missing {
			fmt.Fprintf(&out, "  - %s\n", missing)
		}
		fmt.Fprintf(&out, "then: catalogctl release %s\n", r.Name)
		return out.String()
	})
	switch {
	case printErr != nil:
		return printErr
	case flow.Judged(err):
		return errFindings
	case err != nil:
		return errPrinted
	}
	return nil
}

// complete locks, builds and inspects a new entry, and returns as much as came of it.
func (a *app) complete(ctx context.Context, id string) (*result, error) {
	r := &result{}
	line, items, stop, err := a.work(ctx, flow.Checks{}, []string{id})
	if err != nil {
		return r, err
	}
	defer stop()
	if err := line.Valid(items[0]); err != nil {
		return r, err
	}
	locked, err := line.Lock(ctx, items[0])
	if err != nil {
		return r, err
	}
	seen, err := inspected(ctx, line, items[0])
	seen.Files = append(locked.Files, seen.Files...)
	if errors.Is(err, context.Canceled) {
		return seen, fmt.Errorf("cancelled before the server was inspected: %w", err)
	}
	return seen, err
}
