//go:build !linux

package gocmd

import (
	"os/exec"
	"syscall"
)

var errEnded = syscall.ESRCH

// group lets a process and all that it starts be ended together.
func group(command *exec.Cmd) {
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	command.Cancel = func() error { return syscall.Kill(-command.Process.Pid, syscall.SIGKILL) }
}

// restrain does nothing: only Linux can limit a process that runs already. Time and output are limited everywhere.
func restrain(int, Limits) error { return nil }
