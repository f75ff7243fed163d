// Package sandbox runs a program of an unpacked root file system under gVisor, with limits that hold.
//
// One run is one OCI runtime bundle (runtime-spec 1.0) in a folder of its own and one `runsc run` with its own state. The program sees a
// read-only root, small tmpfs at /tmp, /dev/shm and its home, a clean environment and the loopback device; it has no capability, gains none,
// and cannot reach the network or a file of the host that was not mounted on purpose.
//
// The same limits hold as root and as any other user, with or without cgroups:
//
//   - Processes: RLIMIT_NPROC, which gVisor's kernel counts over threads too. It tells when it refuses one, before the program goes on, and that
//     ends the run.
//   - Memory: the watchdog adds up the memory file that holds all of the sandbox's memory and tmpfs files and the private memory of gVisor's
//     kernel, a hundred times a second. RLIMIT_FSIZE and RLIMIT_DATA of the host stop both from growing further than one to two GiB past it,
//     however fast the program is.
//   - Time and output: measured here.
//
// Nothing survives a run: the process tree is killed and its state removed when the program ends, its context is cancelled or a limit is hit,
// and the tree dies with this process even if that is killed.
package sandbox

import (
	"errors"
	"fmt"
	"time"
)

// Limits that a zero field of [Spec] stands for.
const (
	DefaultMemory    = 1 << 30 // bytes
	DefaultProcesses = 256
	DefaultTimeout   = 60 * time.Second
	DefaultOutput    = 128 << 20 // bytes, standard output and error together
	DefaultTmpfs     = 64 << 20  // bytes, for each tmpfs
)

// User is the user and group that programs run as: the one that images of the catalog name.
const User = 65532

// ErrUnavailable means that this machine cannot run a sandbox; the error that wraps it says what to install or enable.
var ErrUnavailable = errors.New("no sandbox on this machine")

// Network is what a sandbox can reach.
type Network string

// The networks of a sandbox. The zero value is None.
const (
	None Network = "none" // loopback only
	Host Network = "host" // all that this machine reaches; for resolving packages, never for their code
)

// Spec says what to run, and within which limits.
type Spec struct {
	Root string   // folder of the root file system; read-only for the program
	Args []string // Args[0] is looked up in PATH of Env, inside the root
	Env  []string // NAME=value; the whole environment, but for HOME=/tmp where it has none
	Dir  string   // working directory; empty means /

	// AsOwner runs the program as user 0 of the sandbox, who owns the mounted files and has no capability either. A read-write mount needs
	// it, since without root only one user of the host can be mapped into the sandbox. All other runs are those of [User].
	AsOwner bool
	Mounts  []Mount
	Network Network

	Memory     int64 // bytes
	Processes  int   // and threads
	Timeout    time.Duration
	Output     int64 // bytes
	TmpfsBytes int64 // of each tmpfs

	// Dialer is the executable that [Process.Dial] runs inside: static, its main calling [ServeDial]. Empty means this process's own.
	Dialer string
}

// Mount shows a file or folder of the host in the sandbox, read-only unless Writable.
type Mount struct {
	Source   string // absolute, on the host
	Target   string // absolute, in the sandbox
	Writable bool
}

// Reason is why a run ended.
type Reason string

// The reasons why a run ends.
const (
	Exited    Reason = "exited"    // by itself, with a code or by a signal
	Timeout   Reason = "timeout"   // it ran longer than allowed
	Memory    Reason = "memory"    // it took more memory than allowed
	Processes Reason = "processes" // it had as many processes and threads as allowed
	Output    Reason = "output"    // it wrote more than allowed
	Killed    Reason = "killed"    // by Kill or the end of its context
	Failed    Reason = "failed"    // it could not be started or watched
)

// Exit is how a run ended.
type Exit struct {
	Reason Reason
	Code   int           // exit code if Reason is Exited and Signal is 0
	Signal int           // signal that ended the program, 0 if none
	Detail string        // for Failed: what went wrong, in the words of the runtime
	Stderr string        // the last [TailBytes] of standard error, made printable
	Ran    time.Duration // from start to end
	Peak   int64         // most memory seen, in bytes
}

// String is a clause that says how the run ended, such as "exited with code 1".
func (e Exit) String() string {
	switch e.Reason {
	case Exited:
		if e.Signal != 0 {
			return fmt.Sprintf("was ended by signal %d", e.Signal)
		}
		return fmt.Sprintf("exited with code %d", e.Code)
	case Timeout:
		return "ran longer than allowed"
	case Memory:
		return "took more memory than allowed"
	case Processes:
		return "reached the limit of processes and threads"
	case Output:
		return "wrote more output than allowed"
	case Failed:
		return "could not be run: " + e.Detail
	default:
		return "was stopped"
	}
}
