package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// errOutput is what a reader of standard output gets once the run has written more than allowed.
var errOutput = errors.New("sandbox: more output than allowed")

// Process is one run.
type Process struct {
	// Stdin is the program's standard input. Closing it is end of file for the program.
	Stdin io.WriteCloser
	// Stdout is the program's standard output. A program whose output nobody reads stops at a full pipe.
	Stdout io.Reader

	rt      *Runtime
	spec    Spec
	dir     bundle
	monitor *monitor
	cmd     *exec.Cmd
	began   time.Time
	stderr  tail

	mu     sync.Mutex
	reason Reason
	detail string
	peak   int64

	done chan struct{}
	exit Exit
}

// Start runs the program that s describes. The run ends with ctx at the latest, and leaves nothing behind but what writable mounts hold and empty
// folders for mounts, which are made in the root where it lacks them.
func (r *Runtime) Start(ctx context.Context, s Spec) (*Process, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s, err := s.withDefaults()
	if err != nil {
		return nil, err
	}
	dir, err := newBundle(s)
	if err != nil {
		return nil, err
	}
	watched, err := newMonitor(dir)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(string(dir)))
	}
	p := &Process{rt: r, spec: s, dir: dir, monitor: watched, began: time.Now(), done: make(chan struct{})}
	// Its end is for supervise to bring about, with a reason.
	p.cmd = r.command(context.WithoutCancel(ctx), p, "--log="+dir.log(), "--log-format=json", "--pod-init-config="+dir.monitor(),
		"run", "--bundle="+string(dir), "--pid-file="+dir.pidFile(), container)
	p.cmd.SysProcAttr = attributes()
	if err := p.launch(ctx); err != nil {
		closeAll(watched)
		return nil, errors.Join(err, os.RemoveAll(string(dir)))
	}
	return p, nil
}

// command is a runsc that works on the state of p.
func (r *Runtime) command(ctx context.Context, p *Process, args ...string) *exec.Cmd {
	flags := []string{
		"--root=" + p.dir.state(),
		"--network=" + string(p.spec.Network),
		"--rootless=" + strconv.FormatBool(r.rootless),
		"--ignore-cgroups",              // what they could limit is limited without them, on every machine alike
		"--overlay2=none",               // the root is read-only
		"--gofer-network-namespace=new", // a shared one would stay behind as a mount
		"--app-huge-pages=false",        // memory is counted as it is used
		"--host-settings=ignore",        // advice for servers, written to standard error
		"--character-device-policy=emulated-only",
	}
	cmd := exec.CommandContext(ctx, r.path, append(flags, args...)...) //nolint:gosec // the runsc that Find found
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "TMPDIR=" + string(p.dir)}
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

func (p *Process) launch(ctx context.Context) error {
	var files []*os.File
	pipe := func() (r, w *os.File, err error) {
		if r, w, err = os.Pipe(); err == nil {
			files = append(files, r, w)
		}
		return r, w, err
	}
	inR, inW, err1 := pipe()
	outR, outW, err2 := pipe()
	errR, errW, err3 := pipe()
	if err := errors.Join(err1, err2, err3); err != nil {
		for _, f := range files {
			_ = f.Close()
		}
		return fmt.Errorf("start the sandbox: %w", err)
	}
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = inR, outW, errW
	output := &meter{left: p.spec.Output, over: func() { p.stop(Output, "") }}
	p.Stdin, p.Stdout = inW, meteredReader{outR, output}

	started, waited := make(chan error, 1), make(chan struct{})
	go func() {
		// The kernel sends the parent's death signal when the thread that started the child ends, so that thread is kept until the child has ended.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		var err error
		give := onOneProcessor(func() { err = p.cmd.Start() })
		defer give()
		started <- err
		if err == nil {
			_ = p.cmd.Wait() // ProcessState has the result
			close(waited)
		}
	}()
	err := <-started
	closeAll(inR, outW, errW)
	if err != nil {
		closeAll(inW, outR, errR)
		return fmt.Errorf("start %s: %w", p.rt.path, err)
	}
	if err := restrain(p.cmd.Process.Pid, p.spec); err != nil {
		p.stop(Failed, err.Error())
	}
	var readers sync.WaitGroup
	readers.Go(func() {
		defer errR.Close()
		// An error means that the run is over, one way or the other.
		_, _ = io.Copy(meteredWriter{&p.stderr, output}, errR)
	})
	readers.Go(p.watchProcesses)
	drained := make(chan struct{})
	go func() {
		readers.Wait()
		close(drained)
	}()
	go p.supervise(ctx, waited, drained)
	return nil
}

// stop ends the run for a reason, unless there is one already.
func (p *Process) stop(reason Reason, detail string) {
	p.mu.Lock()
	if p.reason == "" {
		p.reason, p.detail = reason, detail
	}
	p.mu.Unlock()
	_ = p.cmd.Process.Kill() // an error means that it has ended already
}

// supervise waits for the end of the run, hastens it when it must, and clears up.
func (p *Process) supervise(ctx context.Context, waited, drained <-chan struct{}) {
	watch, cancel := context.WithCancel(ctx)
	var watchers sync.WaitGroup
	watchers.Go(func() { p.watchMemory(watch) })
	timer := time.NewTimer(p.spec.Timeout)
	select {
	case <-waited:
	case <-timer.C:
		p.stop(Timeout, "")
	case <-ctx.Done():
		p.stop(Killed, "")
	}
	<-waited
	timer.Stop()
	cancel()
	watchers.Wait()
	// Without its parent the tree dies by itself; what follows waits until it has.
	reaped := reap(string(p.dir), 10*time.Second)
	closeAll(p.Stdin, p.monitor)
	select {
	case <-drained:
	case <-time.After(time.Second): // only if a process could not be killed, which reaped says
	}
	p.exit = p.verdict(p.cmd.ProcessState)
	if err := errors.Join(reaped, os.RemoveAll(string(p.dir))); err != nil && p.exit.Reason != Failed {
		p.exit.Reason, p.exit.Detail = Failed, err.Error()
	}
	close(p.done)
}

// verdict tells how the run ended from what was seen of it.
func (p *Process) verdict(state *os.ProcessState) Exit {
	p.mu.Lock()
	defer p.mu.Unlock()
	e := Exit{Reason: p.reason, Detail: p.detail, Stderr: p.stderr.String(), Ran: time.Since(p.began), Peak: p.peak}
	if e.Reason != "" {
		return e
	}
	if p.peak > p.spec.Memory {
		e.Reason = Memory // a limit of the host was quicker than the watchdog
		return e
	}
	if message := loggedError(p.dir.log()); message != "" {
		e.Reason, e.Detail = Failed, message
		return e
	}
	e.Reason, e.Code = Exited, state.ExitCode()
	switch status, ok := state.Sys().(syscall.WaitStatus); {
	case ok && status.Signaled():
		e.Reason, e.Detail = Failed, fmt.Sprintf("runsc was ended by %v", status.Signal())
	case e.Code > 128 && e.Code <= 128+64: // as a shell says it, and runsc
		e.Signal, e.Code = e.Code-128, 0
	}
	return e
}

// loggedError returns the message of the last error that runsc logged, or nothing.
func loggedError(path string) string {
	file, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer file.Close()
	_, _ = file.Seek(-TailBytes, io.SeekEnd) // fails for a shorter log, which is read from its beginning
	data, err := io.ReadAll(io.LimitReader(file, TailBytes))
	if err != nil {
		return ""
	}
	var last string
	for line := range bytes.Lines(data) {
		var record struct{ Msg, Level string }
		if json.Unmarshal(line, &record) == nil && record.Level == "error" {
			last = printable([]byte(record.Msg))
		}
	}
	return last
}

// Wait returns how the run ended, once it has.
func (p *Process) Wait() Exit {
	<-p.done
	return p.exit
}

// Done is closed when the run has ended and nothing is left of it.
func (p *Process) Done() <-chan struct{} { return p.done }

// Kill ends the run, with the reason Killed if it had not ended by itself, and waits until nothing is left of it.
func (p *Process) Kill() Exit {
	select {
	case <-p.done:
	default:
		p.stop(Killed, "")
	}
	return p.Wait()
}

// Stderr returns the last [TailBytes] of standard error so far, made printable.
func (p *Process) Stderr() string { return p.stderr.String() }

func closeAll(files ...interface{ Close() error }) {
	for _, f := range files {
		_ = f.Close()
	}
}
