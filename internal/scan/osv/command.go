package osv

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Bounds on one run of the command.
const (
	maxVersion  = 4 << 10  // bytes
	maxOutput   = 64 << 20 // bytes
	maxMessage  = 4 << 10  // bytes of its standard error: its end, for that says what went wrong
	versionTime = 20 * time.Second
)

// DatabaseVariable is the environment variable that names the folder of a database that is kept on this machine. Where it is set, nothing is asked of the network.
const DatabaseVariable = "OSV_SCANNER_LOCAL_DB_CACHE_DIRECTORY"

// kept are the variables that the command inherits: where it finds its database, and how it gets out. The rest, with the secrets in it, is none of
// its business.
var kept = []string{
	DatabaseVariable, "HOME", "XDG_CACHE_HOME", "TMPDIR", "PATH", "SSL_CERT_FILE", "SSL_CERT_DIR",
	"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy",
}

// Command is an osv-scanner on this machine. It may be used by many goroutines.
type Command struct {
	path    string
	version string
	environ []string
	offline bool
}

// Find returns the osv-scanner of the first of dirs that has one, or that of PATH, to run with what it needs of the environment, which is given as
// NAME=value. It asks it for its version.
func Find(ctx context.Context, environ []string, dirs ...string) (*Command, error) {
	c := &Command{}
	for _, v := range environ {
		name, value, _ := strings.Cut(v, "=")
		if slices.Contains(kept, name) {
			c.environ = append(c.environ, v)
		}
		c.offline = c.offline || name == DatabaseVariable && value != ""
	}
	var err error
	if c.path, err = locate(dirs); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, versionTime)
	defer cancel()
	out, err := c.run(ctx, maxVersion, "--version")
	if err != nil {
		return nil, err
	}
	version := regexp.MustCompile(`(?m)^osv-scanner version: (\S{1,100})$`).FindSubmatch(out)
	if version == nil {
		return nil, fmt.Errorf("%s does not say that it is osv-scanner", c.path)
	}
	c.version = string(version[1])
	return c, nil
}

// Path is the executable.
func (c *Command) Path() string { return c.path }

// locate returns an absolute path.
func locate(dirs []string) (string, error) {
	for _, dir := range dirs {
		path, err := exec.LookPath(filepath.Join(dir, Name))
		if err == nil {
			return filepath.Abs(path)
		}
	}
	path, err := exec.LookPath(Name)
	if err != nil {
		return "", fmt.Errorf("catalog.cue requires %s, which is in none of %s and PATH: install it (go install github.com/google/osv-scanner/v2/cmd/osv-scanner@v2.5.1), or take it out of scanners in catalog.cue: %w",
			Name, strings.Join(dirs, ", "), fs.ErrNotExist)
	}
	return filepath.Abs(path)
}

// scan returns the command's answer about the packages in an SPDX file, in JSON, and whether it says that it found something.
func (c *Command) scan(ctx context.Context, file string) (answer []byte, found bool, err error) {
	args := []string{"scan", "source", "--format", "json", "--all-packages", "--lockfile", file}
	if c.offline {
		args = append(args, "--offline")
	}
	out, err := c.run(ctx, maxOutput, args...)
	var failed *exec.ExitError
	if errors.As(err, &failed) && failed.ExitCode() == 1 {
		return out, true, nil
	}
	return out, false, err
}

// run returns what the command prints. If it is stopped, so is all that it started.
func (c *Command) run(ctx context.Context, limit int, args ...string) ([]byte, error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	cmd := exec.CommandContext(ctx, c.path, args...) //nolint:gosec // the user's own command
	cmd.Env = c.environ
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second // for what holds on to its output
	out, said := &output{limit: limit, stop: stop}, &tail{}
	cmd.Stdout, cmd.Stderr = out, said
	err := cmd.Run()
	if cause := context.Cause(ctx); cause != nil {
		return nil, fmt.Errorf("%s: %w", c.path, cause)
	}
	if err != nil {
		return out.text.Bytes(), fmt.Errorf("%s: %w%s", c.path, err, said)
	}
	return out.text.Bytes(), nil
}

// output keeps all that a process prints, or stops it. The buffer is not embedded, for its ReadFrom would pass the limit by.
type output struct {
	text  bytes.Buffer
	limit int
	stop  context.CancelCauseFunc
}

func (o *output) Write(p []byte) (int, error) {
	if o.text.Len()+len(p) > o.limit {
		err := fmt.Errorf("it printed more than %d bytes", o.limit)
		o.stop(err)
		return 0, err
	}
	return o.text.Write(p)
}

// tail keeps the end of what is written to it.
type tail struct{ text []byte }

func (t *tail) Write(p []byte) (int, error) {
	t.text = append(t.text, p[max(0, len(p)-maxMessage):]...)
	t.text = t.text[max(0, len(t.text)-maxMessage):]
	return len(p), nil
}

// String returns it on one line, to end a sentence with.
func (t *tail) String() string {
	text := bytes.TrimSpace(bytes.ToValidUTF8(t.text, []byte("?")))
	if len(text) == 0 {
		return ""
	}
	return ": " + string(bytes.Join(bytes.Fields(text), []byte(" ")))
}
