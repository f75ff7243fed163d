package engine

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/slipway-dev/slipway/internal/progress"
)

// Pool deals entries out to engines: each always to the same one, as long as that is there, so that its caches stay warm.
type Pool struct {
	report  progress.Func
	engines map[string]*Engine
	end     context.CancelFunc

	mu   sync.Mutex
	lost map[string]error // why
}

// Open starts a session with the engine at each URL and loads the module there. Engines that cannot be used are reported and left out; if none can, the
// error says why.
func Open(ctx context.Context, urls []string, c Config, report progress.Func) (*Pool, error) {
	if err := useCommand(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	p := &Pool{report: report, engines: map[string]*Engine{}, end: cancel, lost: map[string]error{}}
	var all sync.WaitGroup
	for _, url := range slices.Compact(slices.Sorted(slices.Values(urls))) {
		all.Go(func() {
			engine, err := connect(ctx, url, c)
			if err != nil {
				p.lose(url, err)
				return
			}
			p.mu.Lock()
			p.engines[url] = engine
			p.mu.Unlock()
		})
	}
	all.Wait()
	if len(p.engines) == 0 {
		cancel()
		return nil, p.without()
	}
	return p, nil
}

// On calls work with the engine that an entry belongs to, as soon as it has room for it. If the engine is lost meanwhile, work is called again
// with the one that the entry belongs to then.
func (p *Pool) On(ctx context.Context, id string, work func(context.Context, *Engine) error) error {
	for {
		e := p.choose(id)
		if e == nil {
			return p.without()
		}
		err := p.try(ctx, e, work)
		var failed *FailedError
		if err == nil || ctx.Err() != nil || errors.As(err, &failed) {
			return err
		}
		lost := e.ping()
		if lost == nil {
			return err
		}
		e.lose(lost)
		p.lose(e.URL, lost)
	}
}

// try waits for room on an engine and works there, not longer than it is alive.
func (p *Pool) try(ctx context.Context, e *Engine, work func(context.Context, *Engine) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(e.alive, func() { cancel(context.Cause(e.alive)) })()
	select {
	case e.slots <- struct{}{}:
		defer func() { <-e.slots }()
		return work(ctx, e)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// choose returns the engine that an entry belongs to among those that are there, nil if none is.
func (p *Pool) choose(id string) *Engine {
	p.mu.Lock()
	defer p.mu.Unlock()
	var there []string
	for url := range p.engines {
		if p.lost[url] == nil {
			there = append(there, url)
		}
	}
	if len(there) == 0 {
		return nil
	}
	return p.engines[home(id, there)]
}

// home returns the URL to which an entry belongs: the one whose hash together with the entry is highest. So only the entries of an engine that
// comes or goes get another one (rendezvous hashing).
func home(id string, urls []string) string {
	weight := func(url string) string {
		sum := sha256.Sum256([]byte(url + "\n" + id))
		return string(sum[:])
	}
	return slices.MaxFunc(urls, func(a, b string) int { return strings.Compare(weight(a), weight(b)) })
}

// lose notes that an engine cannot be used, and says so once.
func (p *Pool) lose(url string, err error) {
	p.mu.Lock()
	first := p.lost[url] == nil
	if first {
		p.lost[url] = err
	}
	p.mu.Unlock()
	if first {
		p.report(progress.Event{Entry: url, Step: "engine", State: progress.Failed, Detail: err.Error()})
	}
}

// without is the error where no engine is left.
func (p *Pool) without() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var reasons []error
	for url, err := range p.lost {
		reasons = append(reasons, fmt.Errorf("%s: %w", url, err))
	}
	slices.SortFunc(reasons, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return fmt.Errorf("no engine is left: start one, or release without --engine: %w", errors.Join(reasons...))
}

// Close ends all sessions. What goes wrong with that is of no consequence: all results are here.
func (p *Pool) Close() {
	var all sync.WaitGroup
	for _, e := range p.engines {
		all.Go(e.close)
	}
	all.Wait()
	p.end()
}
