package flow

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/slipway-dev/slipway/internal/kind/pypi/cpython"
	"github.com/slipway-dev/slipway/internal/sandbox"
)

// Limits of what builds an sdist.
const (
	buildTime  = 5 * time.Minute
	buildBytes = 2 << 30   // memory, the files that it writes among it
	buildTmpfs = 1 << 30   // bytes of the files that it writes
	builtBytes = 256 << 20 // of the wheel, and of what is printed
)

// room is where sdists are built: a base as its packages are resolved in, without a network.
type room struct {
	line *Line
	base string
}

// Key is that of the base.
func (r *room) Key(ctx context.Context) (string, error) {
	standing, err := r.line.base(ctx, r.base)
	if err != nil {
		return "", err
	}
	return standing.base.Key(), nil
}

// Run runs a program in the sandbox; see cpython.Sandbox.
func (r *room) Run(ctx context.Context, dir string, args, env []string, out io.Writer) error {
	runtime, err := r.line.sandbox(ctx)
	if err != nil {
		return err
	}
	standing, err := r.line.base(ctx, r.base)
	if err != nil {
		return err
	}
	root, err := r.line.resolverRoot(ctx, standing, managers["uv"])
	if err != nil {
		return err
	}
	process, err := runtime.Start(ctx, sandbox.Spec{
		Root: root, Args: args, Env: env, Dir: "/tmp", AsOwner: true, Mounts: []sandbox.Mount{{Source: dir, Target: cpython.Dir}},
		Network: sandbox.None,
		Memory:  buildBytes, Timeout: buildTime, Output: builtBytes, TmpfsBytes: buildTmpfs,
	})
	if err != nil {
		return err
	}
	defer process.Kill()
	if err := process.Stdin.Close(); err != nil {
		return err
	}
	_, copied := io.Copy(out, process.Stdout)
	if copied != nil {
		process.Kill()
	}
	switch exit := process.Wait(); {
	case ctx.Err() != nil:
		return ctx.Err()
	case exit.Reason == sandbox.Killed:
		return copied
	case exit.Reason != sandbox.Exited || exit.Code != 0 || exit.Signal != 0:
		return fmt.Errorf("%s\n%s", exit, exit.Stderr)
	}
	return copied
}
