// Package gocmd runs the user's go command on code of strangers: with an environment of its own, so that nothing which is set on this machine
// shows in what it makes, with caches of its own, and within limits.
//
// Nothing that it is asked to do runs a line of a module: no cgo, no version control, no generator, no other compiler than Go's. That is why it
// runs outside the sandbox, where reading a build's ten thousand small files would take several times as long.
package gocmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/slipway-dev/slipway/internal/coalesce"
)

// Command is the go command of this machine's user. It may be used by many goroutines and many processes at once.
type Command struct {
	// Limits of each run. New sets them to generous ones; a test may set others before first use.
	Limits Limits

	dir        string
	environ    []string
	settings   func() (*settings, error)
	flight     coalesce.Group[*Toolchain]
	toolchains sync.Map // by name
	turns      chan struct{}
}

// Limits bounds one run of the go command.
type Limits struct {
	Network time.Duration // for a run that asks the network
	Offline time.Duration // for any other
	Memory  int64         // bytes of private memory, of each process
	File    int64         // bytes, of each file that is written
	Output  int           // bytes of standard output
}

// New returns the go command that environ finds, with its caches in dir. Environ is the user's environment, as NAME=value.
func New(dir string, environ []string) *Command {
	c := &Command{
		Limits: Limits{
			Network: 15 * time.Minute, Offline: 30 * time.Minute, Memory: 8 << 30, File: 2 << 30, Output: 64 << 20,
		},
		dir: dir, environ: environ,
		turns: make(chan struct{}, 1), // one run keeps all processors busy
	}
	c.settings = sync.OnceValues(c.readSettings)
	return c
}

// Toolchain is one release of Go that is installed here.
type Toolchain struct {
	Name string // such as go1.26.8
	Root string // its folder, GOROOT

	command *Command
}

// Local returns the name of the release that the user has installed, such as go1.26.8.
func (c *Command) Local() (string, error) {
	s, err := c.settings()
	if err != nil {
		return "", err
	}
	return s.GoVersion, nil
}

// Toolchain returns a release of Go by its name. It is the user's own if that is the one, and else the go command fetches it: as a module, from
// the user's module proxy, checked against the checksum database (Go Toolchains, "Downloading toolchains").
func (c *Command) Toolchain(ctx context.Context, name string) (*Toolchain, error) {
	if known, ok := c.toolchains.Load(name); ok {
		return known.(*Toolchain), nil //nolint:forcetypeassert // nothing else is stored
	}
	return c.flight.Do(ctx, name, func() (*Toolchain, error) {
		s, err := c.settings()
		if err != nil {
			return nil, err
		}
		own := &Toolchain{Name: s.GoVersion, Root: s.GoRoot, command: c}
		if name != own.Name {
			out, err := own.run(ctx, Task{Network: true, Args: []string{"env", "GOROOT"}}, "GOTOOLCHAIN="+name)
			if err != nil {
				return nil, fmt.Errorf("%s is needed, this machine has %s, and the module proxy does not give it: install it, or write "+
					"another toolchain into the lock: %w", name, own.Name, err)
			}
			own = &Toolchain{Name: name, Root: strings.TrimSpace(string(out)), command: c}
		}
		c.toolchains.Store(name, own)
		return own, nil
	})
}

// Task is one run of the go command.
type Task struct {
	Dir  string // of the module to work on; a folder without one if empty
	Args []string
	Env  []string // NAME=value, such as GOARCH=arm64, besides what is the same for all
	// Network lets it ask the user's module proxy and checksum database, and nobody else. Without it, it has what was fetched before.
	Network bool
}

// Run returns what the go command prints. The error holds what it says went wrong.
func (t *Toolchain) Run(ctx context.Context, task Task) ([]byte, error) {
	return t.run(ctx, task, "GOTOOLCHAIN=local")
}

func (t *Toolchain) run(ctx context.Context, task Task, more ...string) ([]byte, error) {
	c := t.command
	env, err := c.environment(task)
	if err != nil {
		return nil, err
	}
	limit := c.Limits.Offline
	if task.Network {
		limit = c.Limits.Network
	} else {
		select {
		case c.turns <- struct{}{}:
			defer func() { <-c.turns }()
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	temporary, err := os.MkdirTemp("", "slipway-go-")
	if err != nil {
		return nil, fmt.Errorf("cannot make a folder for go: %w", err)
	}
	defer func() { _ = os.RemoveAll(temporary) }() // a temporary folder's remains do no harm
	if task.Dir == "" {
		task.Dir = temporary
	}
	return c.execute(ctx, execution{
		program: filepath.Join(t.Root, "bin", "go"), args: task.Args, dir: task.Dir, limit: limit,
		env: append(append(env, task.Env...), append(more, "TMPDIR="+temporary, "PWD="+task.Dir)...),
	})
}

// find returns the go command on the user's PATH.
func (c *Command) find() (string, error) {
	for _, dir := range filepath.SplitList(c.variable("PATH")) {
		if !filepath.IsAbs(dir) {
			continue
		}
		if found, err := exec.LookPath(filepath.Join(dir, "go")); err == nil {
			return found, nil
		}
	}
	return "", errors.New("there is no go command on the PATH, and go entries are locked and built with it: install Go 1.24 or newer")
}

// variable returns the value of a variable of the user's environment.
func (c *Command) variable(name string) (value string) {
	for _, v := range c.environ {
		if text, ok := strings.CutPrefix(v, name+"="); ok {
			value = text
		}
	}
	return value
}
