package gomod

import (
	"context"
	"debug/buildinfo"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/slipway-dev/slipway/internal/kind"
	"github.com/slipway-dev/slipway/internal/kind/gomod/gocmd"
	"github.com/slipway-dev/slipway/internal/kind/gomod/lockfile"
)

// settle are the settings of every build. Without paths and the state of a version control system, what is compiled is the same everywhere;
// without symbols it is a third smaller, and what scanners read of modules stays.
var settle = []string{"build", "-mod=readonly", "-trimpath", "-buildvcs=false", "-ldflags=-s -w"}

// compile fetches what the lock pins, compiles it, checks what the binary says of itself, and writes it to out. It returns what is in it.
func (g *Ecosystem) compile(ctx context.Context, s *source, out io.Writer) ([]kind.Component, error) {
	golang, err := g.golang.Toolchain(ctx, s.lock.Toolchain)
	if err != nil {
		return nil, err
	}
	work, err := newWorkspace(s.files[lockfile.ModFile], s.files[lockfile.SumFile])
	if err != nil {
		return nil, err
	}
	defer work.remove()
	if _, err := golang.Run(ctx, gocmd.Task{Dir: work.dir, Args: []string{"mod", "download"}, Network: true}); err != nil {
		return nil, fmt.Errorf("cannot fetch the modules that the lock pins: %w", err)
	}
	if err := asked(ctx, golang, work.dir, s.entry, s.lock); err != nil {
		return nil, err
	}
	parts, err := list(ctx, golang, work.dir, s)
	if err != nil {
		return nil, err
	}
	compiled := filepath.Join(work.dir, "command")
	args := append(append([]string{}, settle...), "-o", compiled, s.lock.Tool)
	if _, err := golang.Run(ctx, gocmd.Task{Dir: work.dir, Args: args, Env: []string{"GOARCH=" + s.arch}}); err != nil {
		return nil, fmt.Errorf("cannot compile %s for linux/%s: %w", s.lock.Tool, s.arch, err)
	}
	info, err := buildinfo.ReadFile(compiled)
	if err != nil {
		return nil, fmt.Errorf("the binary of %s does not say what it was built from: %w", s.lock.Tool, err)
	}
	if err := s.agree(info); err != nil {
		return nil, err
	}
	found, err := components(info, parts, golang.Root)
	if err != nil {
		return nil, err
	}
	binary, err := os.Open(compiled)
	if err != nil {
		return nil, fmt.Errorf("go has written no binary: %w", err)
	}
	defer binary.Close()
	if _, err := io.Copy(out, binary); err != nil {
		return nil, fmt.Errorf("cannot keep the binary: %w", err)
	}
	return found, nil
}
