// Package coalesce lets callers that want the same thing at the same time wait for one of them to make it.
package coalesce

import (
	"context"
	"errors"
	"sync/atomic"

	"golang.org/x/sync/singleflight"
)

// Group makes one thing for a key at a time. Its zero value is ready for use, by many goroutines.
type Group[T any] struct{ flight singleflight.Group }

// Do returns what produce returns, to all who ask with the same key while it runs. produce works on behalf of the caller that came first: it
// should end with that caller's context, and then one of the others takes its place. Every caller waits as long as its own context lasts, but
// none returns while its own produce runs.
func (g *Group[T]) Do(ctx context.Context, key string, produce func() (T, error)) (T, error) {
	var zero T
	for {
		var leads atomic.Bool
		done := g.flight.DoChan(key, func() (any, error) {
			leads.Store(true)
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			return produce()
		})
		select {
		case <-ctx.Done():
			if leads.Load() {
				<-done
			}
			return zero, ctx.Err()
		case result := <-done:
			if result.Err == nil {
				value, _ := result.Val.(T) // it is what produce returned
				return value, nil
			}
			cancelled := errors.Is(result.Err, context.Canceled) || errors.Is(result.Err, context.DeadlineExceeded)
			if result.Shared && cancelled && ctx.Err() == nil {
				continue // the caller that led gave up, this one has not
			}
			return zero, result.Err
		}
	}
}
