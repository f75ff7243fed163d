package sandbox

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// memoryEvery is how often memory is looked at, which costs two system calls.
const memoryEvery = 10 * time.Millisecond

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

// watchProcesses ends the run when it is refused another process or thread.
func (p *Process) watchProcesses() {
	if err := p.monitor.watch(func() { p.stop(Processes, "") }); err != nil {
		p.stop(Failed, fmt.Sprintf("watch the sandbox's processes: %v", err))
	}
}
