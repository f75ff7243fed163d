package flow_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/slipway-dev/slipway/internal/catalog"
	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/flow"
)

func items(n int) []catalog.Item {
	list := make([]catalog.Item, n)
	for i := range list {
		list[i].Entry = entry.Entry{Kind: entry.NPX, Name: fmt.Sprint("e", i)}
	}
	return list
}

func TestEachGivesEveryResultOnce(t *testing.T) {
	t.Parallel()
	seen := map[string]int{}
	failed := errors.New("failed")
	err := flow.Each(t.Context(), flow.AtOnce(), items(100), func(_ context.Context, item catalog.Item) (string, error) {
		if item.Entry.Name == "e7" {
			return "", failed
		}
		return item.Entry.Name, nil
	}, func(item catalog.Item, result string, err error) error {
		seen[item.Entry.Name]++ // not synchronised: calls come one at a time
		if (err != nil) != (item.Entry.Name == "e7") || err == nil && result != item.Entry.Name {
			t.Errorf("%s: %q, %v", item.Entry.Name, result, err)
		}
		return nil
	})
	if err != nil || len(seen) != 100 || seen["e7"] != 1 {
		t.Errorf("%d results, %v", len(seen), err)
	}
}

func TestEachStopsWhenResultsCannotBeTaken(t *testing.T) {
	t.Parallel()
	var begun atomic.Int32
	full := errors.New("disk full")
	err := flow.Each(t.Context(), flow.AtOnce(), items(1000), func(ctx context.Context, _ catalog.Item) (int, error) {
		begun.Add(1)
		return 0, ctx.Err()
	}, func(catalog.Item, int, error) error { return full })
	if !errors.Is(err, full) {
		t.Errorf("got %v", err)
	}
	if n := begun.Load(); n > 500 {
		t.Errorf("%d of 1000 items were begun", n)
	}
}

func TestEachEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	err := flow.Each(ctx, flow.AtOnce(), items(50), func(ctx context.Context, _ catalog.Item) (int, error) {
		cancel()
		<-ctx.Done()
		return 0, ctx.Err()
	}, func(catalog.Item, int, error) error { return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
