package sandbox

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// How often memory and processes are looked at. Memory costs two system calls a look, processes a short-lived runsc: so seldom, but for soon after
// the start, and often where there are many.
const (
	memoryEvery     = 10 * time.Millisecond
	processesFirst  = 250 * time.Millisecond
	processesSeldom = time.Second
	processesOften  = 100 * time.Millisecond
)

// refusedFrom is how many times the allowed processes gVisor's kernel refuses more. Were it as many as allowed, a program that ends when it is
// refused one would end before it has been seen to have them, and the run without its reason.
const refusedFrom = 2

// watchMemory ends the run when it takes more memory than allowed, or when that cannot be told.
func (p *Process) watchMemory(ctx context.Context) {
	ticks := time.NewTicker(memoryEvery)
	defer ticks.Stop()
	var meter *gauge
	for {
		select {
		case <-ctx.Done():
			if meter != nil {
				meter.close()
			}
			return
		case <-ticks.C:
		}
		if meter == nil {
			pid, ok := p.sandboxPID()
			if !ok {
				continue // it is being made, and nothing runs in it yet
			}
			var err error
			if meter, err = openGauge(pid); err != nil {
				p.stopUnlessOver(ctx, fmt.Errorf("measure the sandbox's memory: %w", err))
				return
			}
		}
		used, err := meter.read()
		if err != nil {
			p.stopUnlessOver(ctx, fmt.Errorf("measure the sandbox's memory: %w", err))
			meter.close()
			return
		}
		p.mu.Lock()
		p.peak = max(p.peak, used)
		p.mu.Unlock()
		if used > p.spec.Memory {
			p.stop(Memory, "")
		}
	}
}

// stopUnlessOver fails the run for err, unless err only means that the run is ending.
func (p *Process) stopUnlessOver(ctx context.Context, err error) {
	select {
	case <-ctx.Done():
	case <-time.After(2 * time.Second):
		p.stop(Failed, err.Error())
	}
}

// sandboxPID returns the host's process that is gVisor's kernel, once runsc has made it.
func (p *Process) sandboxPID() (int, bool) {
	data, err := os.ReadFile(p.dir.pidFile())
	if err != nil {
		return 0, false
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(data)))
	return pid, err == nil
}

// watchProcesses ends the run when it has as many processes and threads as allowed. gVisor refuses more than a few times that in any case; this tells
// the reason, so a look that fails is no failure of the run.
func (p *Process) watchProcesses(ctx context.Context) {
	next := time.NewTimer(processesFirst)
	defer next.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-next.C:
		}
		n, err := p.processes(ctx)
		switch {
		case err != nil:
			next.Reset(processesFirst) // it is being made, or ends
		case n >= p.spec.Processes:
			p.stop(Processes, "")
			return
		case n >= p.spec.Processes/4:
			next.Reset(processesOften)
		default:
			next.Reset(processesSeldom)
		}
	}
}

// processes counts the processes and threads in the sandbox.
func (p *Process) processes(ctx context.Context) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	out, err := p.rt.command(ctx, p, "events", "--stats", container).Output()
	if err != nil {
		return 0, fmt.Errorf("count processes: %w", err)
	}
	var event struct {
		Data struct {
			Pids struct {
				Current int `json:"current"`
			} `json:"pids"`
		} `json:"data"`
	}
	if err := json.Unmarshal(out, &event); err != nil {
		return 0, fmt.Errorf("count processes: %w", err)
	}
	return event.Data.Pids.Current, nil
}
