package gocmd

import (
	"fmt"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// errEnded is the error of a process that has ended before it could be limited.
var errEnded = unix.ESRCH

// group lets a process and all that it starts be ended together, at the latest with this process.
func group(command *exec.Cmd) {
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	command.Cancel = func() error { return syscall.Kill(-command.Process.Pid, syscall.SIGKILL) }
}

// restrain puts limits on a process that has just been started, for all that it will start.
func restrain(pid int, l Limits) error {
	for resource, limit := range map[int]int64{unix.RLIMIT_DATA: l.Memory, unix.RLIMIT_FSIZE: l.File} {
		var was unix.Rlimit
		err := unix.Prlimit(pid, resource, nil, &was)
		if err == nil {
			limit := min(uint64(limit), was.Max) //nolint:gosec // limits are positive
			err = unix.Prlimit(pid, resource, &unix.Rlimit{Cur: limit, Max: limit}, nil)
		}
		if err != nil {
			return fmt.Errorf("cannot limit the go command: %w", err)
		}
	}
	return nil
}
