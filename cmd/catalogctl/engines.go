package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/catalog"
	"github.com/slipway-dev/slipway/internal/engine"
	"github.com/slipway-dev/slipway/internal/flow"
)

// engines are the Dagger engines that release entries instead of this machine.
type engines struct {
	urls   []string
	module string
}

func (e *engines) flags(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&e.urls, "engine", nil, "release on the Dagger engine at `URL`, such as tcp://engine-0:1234, instead of on this machine; may be given several times")
	cmd.Flags().StringVar(&e.module, "module", "", "with --engine, the `FOLDER` or Git reference of Slipway's Dagger module, instead of the catalog's own or that of this version of catalogctl")
}

// release releases items on the engines. All wait for theirs at once: how many an engine works on at a time is its own matter.
func (e *engines) release(ctx context.Context, a *app, line *flow.Line, items []catalog.Item) error {
	if len(items) == 0 {
		return nil
	}
	module := e.module
	if module == "" {
		var err error
		if module, err = line.Module(); err != nil {
			return err
		}
	}
	pool, done, err := line.Engines(ctx, e.urls, module, items)
	if err != nil {
		return err
	}
	defer done()
	return a.eachOf(ctx, line, len(items), items, func(ctx context.Context, item catalog.Item) (*result, error) {
		r := &result{}
		err := pool.On(ctx, item.Entry.ID(), func(ctx context.Context, engine *engine.Engine) error {
			started := line.Now()
			released, err := line.ReleaseOn(ctx, item, engine)
			r = &result{Verdict: verdictPass}
			r.setReleased(line, item, released, err)
			r.Seconds = line.Now().Sub(started).Seconds()
			return err
		})
		return r, err
	})
}
