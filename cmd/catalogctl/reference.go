package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/catalog"
	"github.com/slipway-dev/slipway/internal/flow"
)

func (a *app) referenceCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "reference NAME...",
		Short: "Print the reference, by digest, under which entries were last released",
		Args:  cobra.MinimumNArgs(1),
	}
	where := cmd.Flags().String("registry", "", "the `REPOSITORY` to which the entries were published, instead of the embedded registry")
	cmd.RunE = func(cmd *cobra.Command, names []string) error {
		line, items, stop, err := a.work(cmd.Context(), flow.Checks{}, names, func(o *flow.Options) { o.Registry = *where })
		if err != nil {
			return err
		}
		defer stop()
		return a.each(cmd.Context(), line, items, func(_ context.Context, item catalog.Item) (*result, error) {
			record, err := line.Record(item)
			if err != nil {
				return &result{}, err
			}
			reference := line.Repository(item) + "@" + record.Digest
			return &result{Digest: record.Digest, Reference: reference, human: reference + "\n"}, nil
		})
	}
	return cmd
}
