package flow

import (
	"context"
	"sync"
)

// memo keeps one value a key, made by the first who asks for it. A failure is kept as well: within one command it would only repeat. But
// when whoever makes the value gives up, the others who wait for it have not, so one of them makes it anew.
type memo[T any] struct {
	mu    sync.Mutex
	calls map[string]*call[T]
}

// call is a value that is being made, or was.
type call[T any] struct {
	done      chan struct{}
	value     T
	err       error
	abandoned bool // by the end of its maker's context
}

// get returns the value for key. The error is ctx's if that ends first.
func (m *memo[T]) get(ctx context.Context, key string, make_ func() (T, error)) (T, error) {
	for {
		c, leads := m.join(key)
		if leads {
			c.value, c.err = make_()
			if c.abandoned = c.err != nil && ctx.Err() != nil; c.abandoned {
				m.forget(key)
			}
			close(c.done)
			return c.value, c.err
		}
		select {
		case <-c.done:
		case <-ctx.Done():
			var none T
			return none, ctx.Err()
		}
		if !c.abandoned {
			return c.value, c.err
		}
	}
}

// join returns the call for key, and whether it is for the caller to make its value.
func (m *memo[T]) join(key string) (c *call[T], leads bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if c, ok := m.calls[key]; ok {
		return c, false
	}
	if m.calls == nil {
		m.calls = map[string]*call[T]{}
	}
	c = &call[T]{done: make(chan struct{})}
	m.calls[key] = c
	return c, true
}

func (m *memo[T]) forget(key string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.calls, key)
}

// once returns a function that calls f with a caller's context and gives its result to all.
func once[T any](f func(context.Context) (T, error)) func(context.Context) (T, error) {
	var m memo[T]
	return func(ctx context.Context) (T, error) { return m.get(ctx, "", func() (T, error) { return f(ctx) }) }
}
