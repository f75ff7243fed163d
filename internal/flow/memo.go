package flow

import (
	"context"
	"sync"

	"github.com/slipway-dev/slipway/internal/coalesce"
)

// memo keeps one value a key, made by the first who asks for it. A failure is kept as well: within one command it would only repeat. But
// when whoever makes the value gives up, the others who wait for it have not, so one of them makes it anew.
type memo[T any] struct {
	making coalesce.Group[T]

	mu   sync.Mutex
	kept map[string]outcome[T]
}

type outcome[T any] struct {
	value T
	err   error
}

// get returns the value for key. The error is ctx's if that ends first.
func (m *memo[T]) get(ctx context.Context, key string, make_ func() (T, error)) (T, error) {
	return m.making.Do(ctx, key, func() (T, error) {
		m.mu.Lock()
		made, ok := m.kept[key]
		m.mu.Unlock()
		if ok {
			return made.value, made.err
		}
		value, err := make_()
		if err == nil || ctx.Err() == nil {
			m.keep(key, outcome[T]{value, err})
		}
		return value, err
	})
}

func (m *memo[T]) keep(key string, made outcome[T]) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.kept == nil {
		m.kept = map[string]outcome[T]{}
	}
	m.kept[key] = made
}

// once returns a function that calls f with a caller's context and gives its result to all.
func once[T any](f func(context.Context) (T, error)) func(context.Context) (T, error) {
	var m memo[T]
	return func(ctx context.Context) (T, error) { return m.get(ctx, "", func() (T, error) { return f(ctx) }) }
}
