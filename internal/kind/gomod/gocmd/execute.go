package gocmd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// maxErrors bounds what is kept of standard error, in bytes: its end, for that says what went wrong.
const maxErrors = 16 << 10

// errOutput marks a run that prints too much.
var errOutput = errors.New("it printed more than is read")

// execution is one process.
type execution struct {
	program string
	args    []string
	dir     string
	env     []string
	limit   time.Duration
}

// execute runs a process with all that it starts, and ends them together.
func (c *Command) execute(parent context.Context, x execution) ([]byte, error) {
	ctx, cancel := context.WithTimeout(parent, x.limit)
	defer cancel()
	command := exec.CommandContext(ctx, x.program, x.args...) //nolint:gosec // the user's own go, or the one that it verified
	command.Dir, command.Env, command.WaitDelay = x.dir, x.env, 5*time.Second
	out, said := &output{limit: c.Limits.Output, stop: cancel}, &tail{}
	command.Stdout, command.Stderr = out, said
	group(command)
	// As long as the process runs: the kernel ends it with the thread that started it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	name := filepath.Base(x.program) + " " + x.args[0]
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("cannot start %s: %w", name, err)
	}
	limitErr := restrain(command.Process.Pid, c.Limits)
	if limitErr != nil {
		cancel()
	}
	err := command.Wait()
	switch {
	case limitErr != nil && !errors.Is(limitErr, errEnded):
		return nil, fmt.Errorf("%s: %w", name, limitErr)
	case parent.Err() != nil:
		return nil, parent.Err()
	case out.full:
		return nil, fmt.Errorf("%s: %w", name, errOutput)
	case ctx.Err() != nil:
		return nil, fmt.Errorf("%s took longer than the %s that it may take%s", name, x.limit, said)
	case err != nil:
		return nil, fmt.Errorf("%s: %w%s", name, err, said)
	}
	return out.text.Bytes(), nil
}

// output keeps all that a process prints, or stops it. The buffer is not embedded, for its ReadFrom would pass the limit by.
type output struct {
	text  bytes.Buffer
	limit int
	full  bool
	stop  func()
}

func (o *output) Write(p []byte) (int, error) {
	if o.text.Len()+len(p) > o.limit {
		o.full = true
		o.stop()
		return 0, errOutput
	}
	return o.text.Write(p)
}

// tail keeps the end of what a process prints.
type tail struct{ text []byte }

func (t *tail) Write(p []byte) (int, error) {
	t.text = append(t.text, p...)
	if over := len(t.text) - maxErrors; over > 0 {
		t.text = append(t.text[:0], t.text[over:]...)
	}
	return len(p), nil
}

// String returns the lines that are not about progress, to end a sentence with.
func (t *tail) String() string {
	var kept []string
	for line := range strings.Lines(strings.ToValidUTF8(string(t.text), "?")) {
		line = strings.TrimRight(line, " \r\n")
		if line == "" || strings.HasPrefix(line, "go: downloading ") || strings.HasPrefix(line, "go: added ") || strings.HasPrefix(line, "go: upgraded ") {
			continue
		}
		kept = append(kept, line)
	}
	if len(kept) == 0 {
		return ""
	}
	return ":\n" + strings.Join(kept, "\n")
}
