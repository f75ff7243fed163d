package sandbox

import (
	"context"
	"debug/buildinfo"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"syscall"
)

// probeRuntime asks runsc for its version from within the namespaces that a sandbox needs, so that one process shows whether both can be had.
func probeRuntime(ctx context.Context, path string, rootless bool) (string, error) {
	cmd := exec.CommandContext(ctx, path, "--version")
	cmd.Env = []string{}
	flags := uintptr(syscall.CLONE_NEWNS | syscall.CLONE_NEWNET | syscall.CLONE_NEWPID | syscall.CLONE_NEWIPC | syscall.CLONE_NEWUTS)
	if rootless {
		flags |= syscall.CLONE_NEWUSER
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: flags, Pdeathsig: syscall.SIGKILL}
	if rootless {
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	out, err := cmd.Output()
	if err == nil {
		return versionOf(path, out)
	}
	if ctx.Err() != nil {
		return "", fmt.Errorf("try %s: %w", path, ctx.Err())
	}
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		return "", fmt.Errorf("%w: %s --version: %w: %s", ErrUnavailable, path, err, printable(failed.Stderr))
	}
	return "", fmt.Errorf("%w: new namespaces are refused (%w): %s; or run the command with Dagger", ErrUnavailable, err, remedy(os.DirFS("/proc/sys"), rootless))
}

// versionOf reads the version from what `runsc --version` printed. A runsc built with `go install` prints a placeholder there, and carries its
// module version in the build information.
func versionOf(path string, printed []byte) (string, error) {
	first, _, _ := strings.Cut(string(printed), "\n")
	version, ok := strings.CutPrefix(strings.TrimSpace(first), "runsc version ")
	if !ok {
		return "", fmt.Errorf("%w: %s does not say that it is runsc", ErrUnavailable, path)
	}
	if version == "VERSION_MISSING" {
		if info, err := buildinfo.ReadFile(path); err == nil {
			version = info.Main.Version
		}
	}
	return "runsc " + version, nil
}

// remedy says which kernel settings below sys, a view of /proc/sys, stand against namespaces, and how to change them.
func remedy(sys fs.FS, rootless bool) string {
	if !rootless {
		return "this container's root lacks CAP_SYS_ADMIN or its seccomp filter forbids namespaces; start it with more rights, or run as another user"
	}
	settings := []struct{ file, bad, set string }{
		{"user/max_user_namespaces", "0", "sysctl user.max_user_namespaces=28633"},
		{"kernel/unprivileged_userns_clone", "0", "sysctl kernel.unprivileged_userns_clone=1"},
		{"kernel/apparmor_restrict_unprivileged_userns", "1", "sysctl kernel.apparmor_restrict_unprivileged_userns=0, or an AppArmor profile for runsc"},
	}
	var steps []string
	for _, s := range settings {
		if value, err := fs.ReadFile(sys, s.file); err == nil && strings.TrimSpace(string(value)) == s.bad {
			steps = append(steps, s.set)
		}
	}
	if len(steps) == 0 {
		return "allow unprivileged user namespaces (the sysctls are as they should be: look at the container's seccomp filter), or run as root"
	}
	return "enable unprivileged user namespaces as root with `" + strings.Join(steps, "` and `") + "`"
}
