package flow

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

func TestMemoMakesEachValueOnce(t *testing.T) {
	t.Parallel()
	var m memo[int]
	var made atomic.Int32
	failed := errors.New("failed")
	var wait sync.WaitGroup
	for range 50 {
		wait.Go(func() {
			if v, err := m.get(t.Context(), "a", func() (int, error) { return int(made.Add(1)), nil }); v != 1 || err != nil {
				t.Errorf("got %d, %v", v, err)
			}
			if _, err := m.get(t.Context(), "b", func() (int, error) { made.Add(1); return 0, failed }); !errors.Is(err, failed) {
				t.Errorf("got %v", err)
			}
		})
	}
	wait.Wait()
	if made.Load() != 2 {
		t.Errorf("made %d times", made.Load())
	}
}

// One entry's failure cancels what it has begun; what others wait for must not fail with it.
func TestMemoOutlivesItsFirstCaller(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var m memo[string]
		first, giveUp := context.WithCancel(t.Context())
		go func() {
			_, err := m.get(first, "a", func() (string, error) { <-first.Done(); return "", first.Err() })
			if !errors.Is(err, context.Canceled) {
				t.Errorf("the first got %v", err)
			}
		}()
		synctest.Wait()
		impatient, end := context.WithCancel(t.Context())
		go func() {
			if _, err := m.get(impatient, "a", func() (string, error) { return "", errors.New("called") }); !errors.Is(err, context.Canceled) {
				t.Errorf("one whose own context ended got %v", err)
			}
		}()
		done := make(chan struct{})
		go func() {
			defer close(done)
			if v, err := m.get(t.Context(), "a", func() (string, error) { return "made anew", nil }); v != "made anew" || err != nil {
				t.Errorf("the second got %q, %v", v, err)
			}
		}()
		synctest.Wait()
		end()
		synctest.Wait()
		giveUp()
		<-done
	})
}
