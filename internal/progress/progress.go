// Package progress shows how far the steps of many entries have come, to a person at a terminal or in a log.
package progress

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// State is what has become of a step.
type State int

// The states of a step.
const (
	Started State = iota
	Done
	Unchanged // nothing had to be done
	Failed
)

// Event is one change of state of one step of one entry.
type Event struct {
	Entry   string
	Step    string
	State   State
	Detail  string        // a few words on the outcome
	Elapsed time.Duration // since the step started; zero for Started
}

// Func takes events from any goroutine. It must not block for long.
type Func func(Event)

// Discard takes events and shows nothing.
func Discard(Event) {}

// Lines returns a Func that writes a line to w for each step that ended, as a log wants it.
func Lines(w io.Writer) Func {
	var mu sync.Mutex
	return func(e Event) {
		if e.State == Started {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		_, _ = fmt.Fprintln(w, line(e)) // progress is not the result: a closed standard error must not end the work
	}
}

// line is one ended step in columns.
func line(e Event) string {
	mark := map[State]string{Done: "ok", Unchanged: "--", Failed: "FAILED"}[e.State]
	return strings.TrimRight(fmt.Sprintf("%-6s %-28s %-9s %7s  %s", mark, e.Entry, e.Step, seconds(e.Elapsed), e.Detail), " ")
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }
