package sandbox

import (
	"math/rand/v2"
	"sync"

	"golang.org/x/sys/unix"
)

// processors are those that this process may use, with the runs on each.
//
// A sandbox is kept on one: gVisor's kernel and the program take turns at each system call and page fault, and to wake another processor for that
// takes longer than most of them do. It also makes all machines the same to a server that asks how many processors there are.
var processors struct {
	sync.Mutex
	runs map[int]int
}

// onOneProcessor calls start on the processor that has the fewest runs, which keeps there what start starts, and returns what gives the processor back.
// The caller's goroutine must be locked to its thread. Where the kernel does not allow a choice, all stays as it was.
func onOneProcessor(start func()) (give func()) {
	var allowed unix.CPUSet
	if unix.SchedGetaffinity(0, &allowed) != nil {
		start()
		return func() {}
	}
	processor := take(&allowed)
	var one unix.CPUSet
	one.Set(processor)
	if unix.SchedSetaffinity(0, &one) == nil {
		// The thread serves other goroutines later, and starts other programs. It must not end instead: the kernel would kill those that it has started.
		defer func() { _ = unix.SchedSetaffinity(0, &allowed) }()
	}
	start()
	return func() {
		processors.Lock()
		defer processors.Unlock()
		processors.runs[processor]--
	}
}

// take chooses a processor for a run.
func take(allowed *unix.CPUSet) int {
	processors.Lock()
	defer processors.Unlock()
	if processors.runs == nil {
		processors.runs = map[int]int{}
	}
	chosen, ties := -1, 0
	for cpu := range len(allowed) * 64 {
		if !allowed.IsSet(cpu) {
			continue
		}
		switch runs := processors.runs[cpu]; {
		case chosen < 0 || runs < processors.runs[chosen]:
			chosen, ties = cpu, 1
		case runs == processors.runs[chosen]:
			// Another process that chooses at the same time shall not choose the same.
			if ties++; rand.IntN(ties) == 0 { //nolint:gosec // nobody gains by a guess
				chosen = cpu
			}
		}
	}
	processors.runs[chosen]++
	return chosen
}
