package sandbox

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// attributes make runsc die with this process, and keep a terminal's signals from it: this process ends it in order.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}

// restrain puts limits of the host on a runsc that has just been started, for all that it will start: the files and the private memory that each
// process may have, and a lower priority than the rest of the machine.
func restrain(pid int, s Spec) error {
	// gVisor's memory file grows by a GiB at a time, used or not.
	const step = 1 << 30
	limit := uint64((s.Memory+step-1)/step*step + step) //nolint:gosec // it is positive
	for _, resource := range []int{unix.RLIMIT_FSIZE, unix.RLIMIT_DATA} {
		var was unix.Rlimit
		if err := unix.Prlimit(pid, resource, nil, &was); err != nil {
			return fmt.Errorf("limit the sandbox: %w", err)
		}
		limit := min(limit, was.Max)
		if err := unix.Prlimit(pid, resource, &unix.Rlimit{Cur: limit, Max: limit}, nil); err != nil {
			return fmt.Errorf("limit the sandbox: %w", err)
		}
	}
	if err := unix.Setpriority(unix.PRIO_PROCESS, pid, 10); err != nil {
		return fmt.Errorf("lower the sandbox's priority: %w", err)
	}
	return nil
}

// gauge reads how much memory a sandbox takes from the host.
type gauge struct {
	memory *os.File // the file that holds the memory of all programs in the sandbox, and their tmpfs files
	kernel *os.File // statm of gVisor's kernel (proc_pid_statm(5))
}

func openGauge(pid int) (*gauge, error) {
	proc := filepath.Join("/proc", strconv.Itoa(pid))
	fds, err := os.ReadDir(filepath.Join(proc, "fd"))
	if err != nil {
		return nil, err
	}
	for _, fd := range fds {
		name := filepath.Join(proc, "fd", fd.Name())
		if target, err := os.Readlink(name); err != nil || !strings.HasPrefix(target, "/memfd:runsc-memory") {
			continue
		}
		memory, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		kernel, err := os.Open(filepath.Join(proc, "statm"))
		if err != nil {
			_ = memory.Close()
			return nil, err
		}
		return &gauge{memory: memory, kernel: kernel}, nil
	}
	return nil, fmt.Errorf("process %d has no memory file", pid)
}

// read returns bytes.
func (g *gauge) read() (int64, error) {
	info, err := g.memory.Stat()
	if err != nil {
		return 0, err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, errors.New("the memory file has no block count")
	}
	var buf [128]byte
	n, err := g.kernel.ReadAt(buf[:], 0)
	if n == 0 {
		return 0, err
	}
	var size, resident, shared int64
	if _, err := fmt.Sscan(string(buf[:n]), &size, &resident, &shared); err != nil {
		return 0, fmt.Errorf("statm: %w", err)
	}
	return stat.Blocks*512 + (resident-shared)*int64(os.Getpagesize()), nil
}

func (g *gauge) close() { closeAll(g.memory, g.kernel) }

// reap kills all processes whose arguments name dir, as each runsc of a run does, and returns when none is left.
func reap(dir string, patience time.Duration) error {
	deadline := time.Now().Add(patience)
	for {
		pids, err := naming(dir)
		if err != nil {
			return fmt.Errorf("clear up the sandbox: %w", err)
		}
		if len(pids) == 0 {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("clear up the sandbox: processes %v are still there after %v", pids, patience)
		}
		for _, pid := range pids {
			_ = unix.Kill(pid, unix.SIGKILL) // it may be gone by now
		}
		time.Sleep(2 * time.Millisecond)
	}
}

func naming(dir string) ([]int, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	var pids []int
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if line, err := os.ReadFile(filepath.Join("/proc", e.Name(), "cmdline")); err == nil && bytes.Contains(line, []byte(dir)) {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}
