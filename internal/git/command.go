package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/slipway-dev/slipway/internal/bounded"
)

// Bounds of what a repository may make git do.
const (
	maxTime    = 5 * time.Minute
	maxDisk    = 1 << 30 // bytes that a fetch may write
	maxMemory  = "256m"  // of one allocation, see GIT_ALLOC_LIMIT
	maxMessage = 4 << 10
	watchEvery = 100 * time.Millisecond
)

var errDisk = fmt.Errorf("it is larger than %d MiB", maxDisk>>20)

// settings are given with every command, before all others that git might find.
var settings = []string{
	"core.hooksPath=/dev/null", "core.fsmonitor=false", "core.bigFileThreshold=1m", "credential.helper=", "gc.auto=0", "maintenance.auto=false",
	"fetch.recurseSubmodules=false", "submodule.recurse=false", "fetch.writeCommitGraph=false", "transfer.bundleURI=false",
	"protocol.version=2", "http.followRedirects=false", "http.lowSpeedLimit=1000", "http.lowSpeedTime=30",
}

// kept are the variables that a command inherits.
var kept = []string{
	"PATH", "HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy",
	"SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO", "GIT_SSL_CAPATH",
}

// run runs git on the repository with the text in, and returns at most limit bytes of what it writes.
func (r *repository) run(ctx context.Context, limit int64, in []byte, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, maxTime, fmt.Errorf("it took longer than %s", maxTime))
	defer cancel()
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	go r.watch(ctx, end)

	var all []string
	for _, s := range settings {
		all = append(all, "-c", s)
	}
	cmd := exec.CommandContext(ctx, "git", append(all, args...)...) //nolint:gosec // the arguments are this package's own and checked names
	cmd.Dir = r.dir
	cmd.Env = r.environ()
	cmd.Stdin = bytes.NewReader(in)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // git starts others, which must end with it
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	message := &head{}
	cmd.Stderr = message
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("git is needed to read repositories: %w", err)
	}
	out, readErr := bounded.Read(stdout, limit)
	if readErr != nil {
		end(readErr)
	}
	err = cmd.Wait()
	switch cause := context.Cause(ctx); {
	case cause != nil:
		return nil, fmt.Errorf("%s: git %s: %w", redact(r.url), verb(args), cause)
	case err != nil:
		return nil, &commandError{url: redact(r.url), verb: verb(args), message: strings.TrimSpace(string(message.text)), err: err}
	}
	return out, readErr
}

// commandError is what git had to say when it failed.
type commandError struct {
	url, verb, message string
	err                error
}

func (e *commandError) Error() string {
	return fmt.Sprintf("%s: git %s: %v: %s", e.url, e.verb, e.err, strings.ToValidUTF8(e.message, "?"))
}

func (e *commandError) Unwrap() error { return e.err }

// status returns the number with which a command ended by itself, or -1.
func status(err error) int {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	return -1
}

// verb returns the name of a command, which its own settings may precede.
func verb(args []string) string {
	for len(args) > 2 && args[0] == "-c" {
		args = args[2:]
	}
	return args[0]
}

func (r *repository) environ() []string {
	env := slices.DeleteFunc(slices.Clone(r.client.environ), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return !slices.Contains(kept, name)
	})
	return append(env,
		"HOME="+r.dir, "XDG_CONFIG_HOME="+r.dir, "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null",
		"GIT_DIR="+r.dir, "GIT_CEILING_DIRECTORIES="+filepath.Dir(r.dir), "GIT_TERMINAL_PROMPT=0", "GIT_ASKPASS=/bin/false", "SSH_ASKPASS=/bin/false",
		"GIT_ALLOW_PROTOCOL="+r.client.protocols, "GIT_PROTOCOL_FROM_USER=0", "GIT_NO_LAZY_FETCH=1", "GIT_NO_REPLACE_OBJECTS=1",
		"GIT_ALLOC_LIMIT="+maxMemory, "GIT_ADVICE=0", "LC_ALL=C",
	)
}

// watch ends the command when the repository has grown too large.
func (r *repository) watch(ctx context.Context, end context.CancelCauseFunc) {
	ticker := time.NewTicker(watchEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if size(r.dir) > maxDisk {
				end(errDisk)
				return
			}
		}
	}
}

// size returns the bytes of all files below dir. Files come and go while git writes: one that is gone counts nothing.
func size(dir string) (total int64) {
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			if info, err := d.Info(); err == nil {
				total += info.Size()
			}
		}
		return nil
	})
	return total
}

// head keeps the first bytes written to it.
type head struct{ text []byte }

func (h *head) Write(p []byte) (int, error) {
	h.text = append(h.text, p[:min(len(p), maxMessage-len(h.text))]...)
	return len(p), nil
}

var _ io.Writer = (*head)(nil)

// redact takes out of an address what may be secret.
func redact(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "the repository"
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	return u.String()
}
