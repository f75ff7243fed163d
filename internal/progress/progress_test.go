package progress_test

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/progress"
)

func TestLinesShowsEndedStepsOnly(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	report := progress.Lines(&out)
	report(progress.Event{Entry: "npx/a", Step: "build"})
	report(progress.Event{Entry: "npx/a", Step: "build", State: progress.Done, Elapsed: 1234 * time.Millisecond, Detail: "sha256:0"})
	report(progress.Event{Entry: "npx/a", Step: "inspect", State: progress.Failed, Detail: "it hangs"})
	got := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(got) != 2 || !strings.Contains(got[0], "1.2 s  sha256:0") || !strings.HasPrefix(got[1], "FAILED npx/a") {
		t.Errorf("got %q", got)
	}
}

func TestLiveKeepsOneLineForWhatRuns(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	report, stop := progress.Live(&out, func() int { return 30 })
	var wait sync.WaitGroup
	for _, entry := range []string{"npx/alpha", "npx/beta", "npx/gamma"} {
		wait.Go(func() {
			report(progress.Event{Entry: entry, Step: "build"})
			report(progress.Event{Entry: entry, Step: "build", State: progress.Done})
		})
	}
	wait.Wait()
	report(progress.Event{Entry: "npx/delta", Step: "a step with a name that is longer than the line"})
	stop()
	text := out.String()
	if got := strings.Count(text, "\n"); got != 3 {
		t.Errorf("%d lines scrolled, want the 3 ended steps:\n%q", got, text)
	}
	for _, part := range strings.FieldsFunc(text, func(r rune) bool { return r == '\r' }) {
		status := strings.TrimPrefix(part, "\x1b[K")
		if i := strings.LastIndex(status, "\n"); i >= 0 {
			status = status[i+1:]
		}
		if len([]rune(status)) > 29 {
			t.Errorf("the last line wraps at 30 columns: %q", status)
		}
	}
	if !strings.HasSuffix(text, "\r\x1b[K") {
		t.Errorf("stop leaves text on the last line: %q", text)
	}
}
