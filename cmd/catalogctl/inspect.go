package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/catalog"
	"github.com/slipway-dev/slipway/internal/flow"
)

func (a *app) inspectCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "inspect NAME...",
		Short: "Ask servers for all that they declare, and write their tools.json",
		Long: `Inspect builds the entry, boots the image for this machine's platform under gVisor, without network and with the entry's mock values only,
and asks the server for everything that it declares: tools, prompts, resources, instructions. The answer is written beside the entry as
tools.json, so that a pull request shows what a new version tells an agent. Servers that somebody else runs are asked where they are.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, names []string) error {
			line, items, stop, err := a.work(cmd.Context(), flow.Checks{Locks: true}, names)
			if err != nil {
				return err
			}
			err = a.each(cmd.Context(), line, items, func(ctx context.Context, item catalog.Item) (*result, error) {
				return inspected(ctx, line, item)
			})
			stop()
			return err
		},
	}
	a.trusts(cmd)
	return cmd
}

// heard says what came of a session: how many tools there are, when they came, and where the server ran.
func heard(seen *flow.Inspected) string {
	if seen.Observation.Auth != nil {
		return "alive, needs authentication"
	}
	where := " from where it is hosted"
	if seen.Report.Platform != "" {
		where = " on " + seen.Report.Platform
	}
	return fmt.Sprintf("%d tools, protocol %s, first list after %s%s",
		len(seen.Observation.Tools), seen.Report.Version, seen.Report.FirstTools.Round(10*time.Millisecond), where)
}

// inspected builds and boots an item and writes its tools.json.
func inspected(ctx context.Context, line *flow.Line, item catalog.Item) (*result, error) {
	r := &result{}
	built, err := line.Build(ctx, item)
	if err != nil {
		return r, err
	}
	r.setBuilt(line, item, built)
	seen, err := line.Inspect(ctx, item, built)
	if err != nil {
		return r, err
	}
	if seen == nil {
		r.human = item.Entry.ID() + " holds no server to inspect\n"
		return r, nil
	}
	changed, err := line.WriteObservation(item, seen)
	if err != nil {
		return r, err
	}
	tools := len(seen.Observation.Tools)
	r.Tools, r.Changed, r.Files = &tools, &changed, []string{item.Dir + "/" + catalog.ObservationFile}
	verb := "unchanged"
	if changed {
		verb = "written"
	}
	r.human = fmt.Sprintf("%s %s: %s\n", r.Files[0], verb, heard(seen))
	for _, problem := range seen.Report.Problems {
		r.human += "  note: " + problem + "\n"
	}
	return r, nil
}
