package coalesce_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/slipway-dev/slipway/internal/coalesce"
)

func TestOneMakesItForAll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var group coalesce.Group[*int]
		var made atomic.Int32
		proceed := make(chan struct{})
		var all sync.WaitGroup
		got := make([]*int, 10)
		for i := range got {
			all.Go(func() {
				value, err := group.Do(t.Context(), "key", func() (*int, error) {
					made.Add(1)
					<-proceed
					return new(int), nil
				})
				if err != nil {
					t.Error(err)
				}
				got[i] = value
			})
		}
		synctest.Wait()
		close(proceed)
		all.Wait()
		if made.Load() != 1 || got[0] == nil || got[9] != got[0] {
			t.Errorf("made %d times", made.Load())
		}
		if _, err := group.Do(t.Context(), "key", func() (*int, error) { return nil, errors.New("later") }); err == nil {
			t.Error("what was made before was kept")
		}
	})
}

// The one who leads gives up, and returns when its work has ended; one of the others takes its place.
func TestGivingUpIsNotShared(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var group coalesce.Group[string]
		ctx, cancel := context.WithCancel(t.Context())
		var ended atomic.Bool
		end := make(chan struct{})
		leader, follower := make(chan error, 1), make(chan error, 1)
		go func() {
			_, err := group.Do(ctx, "key", func() (string, error) {
				<-ctx.Done()
				<-end
				ended.Store(true)
				return "", ctx.Err()
			})
			if !ended.Load() {
				t.Error("its work went on after it returned")
			}
			leader <- err
		}()
		synctest.Wait()
		go func() {
			value, err := group.Do(t.Context(), "key", func() (string, error) { return "mine", nil })
			if value != "mine" {
				t.Errorf("got %q", value)
			}
			follower <- err
		}()
		synctest.Wait()
		cancel()
		synctest.Wait()
		close(end)
		if err := <-leader; !errors.Is(err, context.Canceled) {
			t.Errorf("leader: %v", err)
		}
		if err := <-follower; err != nil {
			t.Errorf("follower: %v", err)
		}
	})
}

func TestWhoWaitsMayGiveUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var group coalesce.Group[string]
		proceed := make(chan struct{})
		leader := make(chan error, 1)
		go func() {
			_, err := group.Do(t.Context(), "key", func() (string, error) { <-proceed; return "", nil })
			leader <- err
		}()
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := group.Do(ctx, "key", func() (string, error) { return "", nil }); !errors.Is(err, context.Canceled) {
			t.Errorf("follower: %v", err)
		}
		close(proceed)
		if err := <-leader; err != nil {
			t.Errorf("leader: %v", err)
		}
	})
}

func TestFailureIsShared(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var group coalesce.Group[string]
		failure := errors.New("failure")
		proceed := make(chan struct{})
		results := make(chan error, 2)
		for range 2 {
			go func() {
				_, err := group.Do(t.Context(), "key", func() (string, error) { <-proceed; return "", failure })
				results <- err
			}()
			synctest.Wait()
		}
		close(proceed)
		if a, b := <-results, <-results; !errors.Is(a, failure) || !errors.Is(b, failure) {
			t.Errorf("%v, %v", a, b)
		}
	})
}
