package flow

import (
	"context"
	"runtime"
	"sync"

	"github.com/slipway-dev/slipway/internal/catalog"
)

// AtOnce is how many items this machine works on at a time: entries wait for the network and for their sandbox as much as for a processor.
func AtOnce() int { return 2 * runtime.GOMAXPROCS(0) }

// Each calls work for every item, so many at a time, and done with each result as soon as it is there, one call at a time. It returns done's
// first error, after which no further item is begun; what work returns as an error is done's business.
func Each[T any](ctx context.Context, atOnce int, items []catalog.Item, work func(context.Context, catalog.Item) (T, error), done func(catalog.Item, T, error) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	slots := make(chan struct{}, atOnce)
	var (
		wait  sync.WaitGroup
		mu    sync.Mutex
		first error
	)
	for _, item := range items {
		slots <- struct{}{}
		if ctx.Err() != nil {
			break
		}
		wait.Go(func() {
			defer func() { <-slots }()
			result, err := work(ctx, item)
			mu.Lock()
			defer mu.Unlock()
			if first != nil {
				return
			}
			if first = done(item, result, err); first != nil {
				cancel()
			}
		})
	}
	wait.Wait()
	if first == nil {
		return ctx.Err()
	}
	return first
}
