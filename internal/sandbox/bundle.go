package sandbox

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// container is the name of the one container below a state folder.
const container = "run"

// bundle is the folder of one run: config.json, what its monitor is told and where, the state of runsc, its log, and the process id of the sandbox.
type bundle string

func (b bundle) state() string   { return filepath.Join(string(b), "state") }
func (b bundle) log() string     { return filepath.Join(string(b), "log") }
func (b bundle) pidFile() string { return filepath.Join(string(b), "pid") }
func (b bundle) monitor() string { return filepath.Join(string(b), "monitor.json") }

// maxFolder leaves room for the name of the control socket, which may have 107 bytes in all (unix(7)). runsc would put a longer one elsewhere.
const maxFolder = 80

func newBundle(s Spec) (bundle, error) {
	config, err := json.Marshal(s.config())
	if err != nil {
		return "", fmt.Errorf("write the sandbox's configuration: %w", err)
	}
	dir, err := os.MkdirTemp("", "slipway-sandbox-")
	if err != nil {
		return "", fmt.Errorf("make the sandbox's folder: %w", err)
	}
	if len(dir) > maxFolder {
		return "", errors.Join(fmt.Errorf("the folder for temporary files, %s, has too long a name for a sandbox; set TMPDIR to a shorter one", dir),
			os.Remove(dir))
	}
	b := bundle(dir)
	if err := os.WriteFile(filepath.Join(dir, "config.json"), config, 0o600); err != nil {
		return "", errors.Join(fmt.Errorf("write the sandbox's configuration: %w", err), os.RemoveAll(dir))
	}
	return b, nil
}

// withDefaults checks s and fills in what it leaves open.
func (s Spec) withDefaults() (Spec, error) {
	if len(s.Args) == 0 {
		return s, errors.New("sandbox: no program to run")
	}
	for _, text := range slices.Concat(s.Args, s.Env, []string{s.Dir}) {
		if strings.ContainsRune(text, 0) {
			return s, fmt.Errorf("sandbox: %q has a null byte", text)
		}
	}
	for _, m := range s.Mounts {
		if !filepath.IsAbs(m.Source) || !path.IsAbs(m.Target) {
			return s, fmt.Errorf("sandbox: mount of %q at %q: both must be absolute", m.Source, m.Target)
		}
		if m.Writable && !s.AsOwner {
			return s, fmt.Errorf("sandbox: the writable mount at %q needs AsOwner", m.Target)
		}
	}
	root, err := filepath.Abs(s.Root)
	if err != nil {
		return s, fmt.Errorf("sandbox: %w", err)
	}
	if info, err := os.Stat(root); err != nil || !info.IsDir() {
		return s, fmt.Errorf("sandbox: the root %s is not a folder", root)
	}
	s.Root = root
	if s.Dir == "" {
		s.Dir = "/"
	}
	if _, ok := lookup(s.Env, "HOME"); !ok {
		s.Env = append(slices.Clip(s.Env), "HOME=/tmp")
	}
	s.Network = cmp.Or(s.Network, None)
	s.Memory = cmp.Or(s.Memory, DefaultMemory)
	s.Processes = cmp.Or(s.Processes, DefaultProcesses)
	s.Timeout = cmp.Or(s.Timeout, DefaultTimeout)
	s.Output = cmp.Or(s.Output, DefaultOutput)
	s.TmpfsBytes = cmp.Or(s.TmpfsBytes, DefaultTmpfs)
	if min(s.Memory, int64(s.Processes), int64(s.Timeout), s.Output, s.TmpfsBytes) < 0 {
		return s, errors.New("sandbox: a limit is negative")
	}
	return s, nil
}

// lookup returns the value of the last variable of that name, which is the one that programs see.
func lookup(env []string, name string) (string, bool) {
	for _, v := range slices.Backward(env) {
		if value, ok := strings.CutPrefix(v, name+"="); ok {
			return value, true
		}
	}
	return "", false
}

// config is the OCI runtime configuration of a complete spec.
func (s Spec) config() specs.Spec {
	user := specs.User{UID: User, GID: User}
	if s.AsOwner {
		user = specs.User{}
	}
	namespaces := []specs.LinuxNamespace{{Type: specs.PIDNamespace}, {Type: specs.MountNamespace}, {Type: specs.IPCNamespace}, {Type: specs.UTSNamespace}}
	if s.Network != Host {
		namespaces = append(namespaces, specs.LinuxNamespace{Type: specs.NetworkNamespace})
	}
	return specs.Spec{
		Version: "1.0.2",
		Process: &specs.Process{
			User:            user,
			Args:            s.Args,
			Env:             s.Env,
			Cwd:             s.Dir,
			Capabilities:    &specs.LinuxCapabilities{},
			NoNewPrivileges: true,
			Rlimits: []specs.POSIXRlimit{
				{Type: "RLIMIT_NPROC", Soft: uint64(s.Processes), Hard: uint64(s.Processes)}, //nolint:gosec // it is positive
				{Type: "RLIMIT_NOFILE", Soft: 4096, Hard: 4096},
				{Type: "RLIMIT_CORE"},
			},
		},
		Root:     &specs.Root{Path: s.Root, Readonly: true},
		Hostname: "sandbox",
		Mounts:   s.mounts(),
		Linux:    &specs.Linux{Namespaces: namespaces},
	}
}

func (s Spec) mounts() []specs.Mount {
	mounts := []specs.Mount{{Destination: "/proc", Type: "proc", Source: "proc"}}
	scratch := []string{"/tmp", "/dev/shm"}
	if home, _ := lookup(s.Env, "HOME"); path.IsAbs(home) && path.Clean(home) != "/" && !slices.Contains(scratch, path.Clean(home)) {
		scratch = append(scratch, path.Clean(home))
	}
	for _, target := range scratch {
		mounts = append(mounts, specs.Mount{
			Destination: target, Type: "tmpfs", Source: "tmpfs",
			Options: []string{"nosuid", "nodev", "mode=1777", "size=" + strconv.FormatInt(s.TmpfsBytes, 10)},
		})
	}
	for _, m := range s.Mounts {
		options := []string{"bind", "nosuid", "nodev", "ro"}
		if m.Writable {
			options[3] = "rw"
		}
		mounts = append(mounts, specs.Mount{Destination: path.Clean(m.Target), Type: "bind", Source: m.Source, Options: options})
	}
	return mounts
}
