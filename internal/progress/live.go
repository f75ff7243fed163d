package progress

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"
)

// live is a terminal's view: the ended steps scroll by, and one last line says what runs now.
type live struct {
	mu      sync.Mutex
	w       io.Writer
	width   func() int
	now     func() time.Time
	running map[string]time.Time // "entry step" to its start
}

// Live returns a Func for a terminal that is width() columns wide, and a stop function that takes its last line away. The last line is redrawn
// on each event and twice a second.
func Live(w io.Writer, width func() int) (report Func, stop func()) {
	l := &live{w: w, width: width, now: time.Now, running: map[string]time.Time{}}
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(500 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				l.mu.Lock()
				l.draw("")
				l.mu.Unlock()
			case <-done:
				return
			}
		}
	}()
	return l.event, func() {
		close(done)
		<-ended
		l.mu.Lock()
		defer l.mu.Unlock()
		clear(l.running)
		l.draw("")
	}
}

func (l *live) event(e Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	key := e.Entry + " " + e.Step
	if e.State == Started {
		l.running[key] = l.now()
		l.draw("")
		return
	}
	delete(l.running, key)
	l.draw(line(e))
}

// draw replaces the last line by scrolled, if there is any, and what runs now.
func (l *live) draw(scrolled string) {
	out := "\r\x1b[K"
	if scrolled != "" {
		out += scrolled + "\n"
	}
	keys := make([]string, 0, len(l.running))
	for key := range l.running {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b string) int { return l.running[a].Compare(l.running[b]) })
	parts := make([]string, len(keys))
	for i, key := range keys {
		parts[i] = fmt.Sprintf("%s %s", key, seconds(l.now().Sub(l.running[key])))
	}
	status := strings.Join(parts, " · ")
	if limit := max(l.width()-1, 10); len([]rune(status)) > limit {
		status = string([]rune(status)[:limit-1]) + "…"
	}
	_, _ = io.WriteString(l.w, out+status) // see Lines
}
