package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"dagger.io/dagger/engineconn"
)

// lastWords is how long what a command says may come after it has failed: the library does not wait for it.
const lastWords = time.Second

// session starts a session with the engine at url, by the command that useCommand chose. It ends with ctx.
func session(ctx context.Context, url, folder string) (engineconn.EngineConn, error) {
	said := &words{begun: make(chan struct{})}
	conn, found, err := engineconn.FromLocalCLI(ctx, &engineconn.Config{RunnerHost: url, Workdir: folder, LogOutput: said})
	if err == nil && !found {
		return nil, errors.New(commandVariable + " names no command")
	}
	if err == nil {
		return conn, nil
	}
	select {
	case <-said.begun:
	case <-time.After(lastWords):
	case <-ctx.Done():
	}
	if last := said.last(); last != "" && !strings.Contains(err.Error(), last) {
		return nil, fmt.Errorf("%w: %s", err, last)
	}
	return nil, err
}

// maxWords bounds how much is kept of what a command says, in bytes.
const maxWords = 4 << 10

// words keeps the end of what a command says. The library's own words, which it writes there too, end in dots or OK.
type words struct {
	mu    sync.Mutex
	text  []byte
	once  sync.Once
	begun chan struct{}
}

func (w *words) Write(p []byte) (int, error) {
	if text := strings.TrimSpace(string(p)); strings.HasSuffix(text, "...") || strings.HasPrefix(text, "OK!") {
		return len(p), nil
	}
	w.mu.Lock()
	w.text = append(w.text, p...)
	w.text = w.text[max(0, len(w.text)-maxWords):]
	w.mu.Unlock()
	w.once.Do(func() { close(w.begun) })
	return len(p), nil
}

// last is the last line.
func (w *words) last() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	lines := strings.Split(strings.TrimSpace(string(w.text)), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}
