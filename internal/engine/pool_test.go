package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"dagger.io/dagger"

	"github.com/slipway-dev/slipway/internal/progress"
)

// answers is a session in which only the version is asked for, as long as the engine lives.
type answers struct{ dead atomic.Bool }

func (a *answers) Do(*http.Request) (*http.Response, error) {
	if a.dead.Load() {
		return nil, io.ErrUnexpectedEOF
	}
	body := io.NopCloser(strings.NewReader(`{"data": {"version": "v0.19.10"}}`))
	return &http.Response{StatusCode: http.StatusOK, Body: body, Header: http.Header{"Content-Type": {"application/json"}}}, nil
}

func (a *answers) Host() string { return "dagger" }
func (a *answers) Close() error { return nil }

// newPool returns a pool of engines, each with two slots, and what ends their lives.
func newPool(t *testing.T, report progress.Func, urls ...string) (*Pool, map[string]*answers) {
	t.Helper()
	p := &Pool{report: report, engines: map[string]*Engine{}, lost: map[string]error{}}
	lives := map[string]*answers{}
	for _, url := range urls {
		lives[url] = &answers{}
		p.engines[url] = newEngine(t, url, lives[url])
	}
	return p, lives
}

func newEngine(t *testing.T, url string, life *answers) *Engine {
	t.Helper()
	client, err := dagger.Connect(t.Context(), dagger.WithConn(life))
	if err != nil {
		t.Fatal(err)
	}
	e := &Engine{URL: url, client: client, slots: make(chan struct{}, 2)}
	e.alive, e.lose = context.WithCancelCause(t.Context())
	return e
}

// An engine dies while entries are worked on there and wait for it. All of them are done by the other one, and each is told of once.
func TestAnotherEngineTakesOver(t *testing.T) {
	t.Parallel()
	var told sync.Map
	p, lives := newPool(t, func(e progress.Event) {
		if _, again := told.LoadOrStore(e.Entry, e); again {
			t.Errorf("%s is lost again: %s", e.Entry, e.Detail)
		}
	}, "tcp://a:1", "tcp://b:1")
	const dies = "tcp://a:1"
	var all sync.WaitGroup
	var ended, moved atomic.Int32
	for i := range 200 {
		id := fmt.Sprintf("npx/entry-%d", i)
		all.Go(func() {
			first := true
			err := p.On(t.Context(), id, func(_ context.Context, e *Engine) error {
				if first && e.URL != home(id, []string{"tcp://a:1", "tcp://b:1"}) && !lives[dies].dead.Load() {
					t.Errorf("%s went to %s", id, e.URL)
				}
				first = false
				if e.URL == dies {
					moved.Add(1)
					lives[dies].dead.Store(true)
					return io.ErrUnexpectedEOF
				}
				ended.Add(1)
				return nil
			})
			if err != nil {
				t.Errorf("%s: %v", id, err)
			}
		})
	}
	all.Wait()
	if ended.Load() != 200 || moved.Load() == 0 {
		t.Errorf("%d of 200 ended, %d had begun on the engine that died", ended.Load(), moved.Load())
	}
	if _, found := told.Load(dies); !found {
		t.Error("the loss was not told")
	}
}

// Another entry found the engine lost while this one failed there: that is no answer of the engine.
func TestALossThatAnotherEntrySawCounts(t *testing.T) {
	t.Parallel()
	p, _ := newPool(t, progress.Discard, "tcp://a:1", "tcp://b:1")
	calls := 0
	err := p.On(t.Context(), "npx/a", func(_ context.Context, e *Engine) error {
		if calls++; calls == 1 {
			e.lose(io.ErrUnexpectedEOF)
			return io.ErrUnexpectedEOF
		}
		return nil
	})
	if err != nil || calls != 2 {
		t.Errorf("%v after %d calls", err, calls)
	}
}

func TestNoEngineIsLeft(t *testing.T) {
	t.Parallel()
	p, lives := newPool(t, progress.Discard, "tcp://a:1", "tcp://b:1")
	for _, life := range lives {
		life.dead.Store(true)
	}
	err := p.On(t.Context(), "npx/a", func(context.Context, *Engine) error { return io.ErrUnexpectedEOF })
	if err == nil || !strings.Contains(err.Error(), "tcp://a:1") || !strings.Contains(err.Error(), "tcp://b:1") {
		t.Errorf("got %v", err)
	}
}

// What is wrong with an entry is no reason to try it elsewhere.
func TestAFailedEntryStaysFailed(t *testing.T) {
	t.Parallel()
	p, _ := newPool(t, progress.Discard, "tcp://a:1", "tcp://b:1")
	for _, want := range []error{&FailedError{Code: 2, Message: "no lock"}, errors.New("cannot write here")} {
		calls := 0
		err := p.On(t.Context(), "npx/a", func(context.Context, *Engine) error { calls++; return want })
		if !errors.Is(err, want) || calls != 1 {
			t.Errorf("%v after %d calls, want %v", err, calls, want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.On(ctx, "npx/a", func(ctx context.Context, _ *Engine) error { return ctx.Err() }); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// An engine that is lost moves its own entries and no others; one that comes takes its share of all.
func TestHomeMovesOnlyWhatItMust(t *testing.T) {
	t.Parallel()
	const entries = 3000
	urls := []string{"tcp://a:1234", "tcp://b:1234", "tcp://c:1234"}
	less := urls[:2]
	count := map[string]int{}
	for i := range entries {
		id := fmt.Sprintf("npx/entry-%d", i)
		before := home(id, urls)
		count[before]++
		if turned := slices.Clone(urls); home(id, turned) != before {
			t.Fatalf("%s has two homes", id)
		} else if slices.Reverse(turned); home(id, turned) != before {
			t.Fatalf("the home of %s depends on the order", id)
		}
		if after := home(id, less); before != urls[2] && after != before {
			t.Errorf("%s moved from %s to %s though %s was lost", id, before, after, urls[2])
		}
	}
	for _, url := range urls {
		if n := count[url]; n < entries/3*8/10 || n > entries/3*12/10 {
			t.Errorf("%s has %d of %d entries", url, n, entries)
		}
	}
}

func TestMessageIsWhatCatalogctlSaid(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ stdout, stderr, want string }{
		{"npx/a: no lock\n", "FAILED npx/a build\n", "npx/a: no lock"},
		{"", "ok npx/a build\ncatalogctl: no such catalog\n", "no such catalog"},
		{"", "", ""},
	} {
		if got := message(c.stdout, c.stderr); got != c.want {
			t.Errorf("%q and %q say %q, want %q", c.stdout, c.stderr, got, c.want)
		}
	}
}
