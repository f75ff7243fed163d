package flow

import (
	"context"
	"sync"
)

// memo keeps one value a key, made by the first who asks for it. A failure is kept as well: within one command it would only repeat.
type memo[T any] struct {
	mu    sync.Mutex
	calls map[string]func() (T, error)
}

func (m *memo[T]) get(key string, make_ func() (T, error)) (T, error) {
	m.mu.Lock()
	if m.calls == nil {
		m.calls = map[string]func() (T, error){}
	}
	call, ok := m.calls[key]
	if !ok {
		call = sync.OnceValues(make_)
		m.calls[key] = call
	}
	m.mu.Unlock()
	return call()
}

// once returns a function that calls f with the first caller's context and gives its result to all.
func once[T any](f func(context.Context) (T, error)) func(context.Context) (T, error) {
	var m memo[T]
	return func(ctx context.Context) (T, error) { return m.get("", func() (T, error) { return f(ctx) }) }
}
