// Command catalogctl keeps a catalog of MCP servers and agent skills: it validates, locks, builds, boots, scans, signs and publishes the entries
// of the repository that it is started in.
package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/slipway-dev/slipway/internal/sandbox"
)

// Exit codes of every command.
const (
	exitDone     = 0
	exitFindings = 1 // findings, or a gate that did not open
	exitFailed   = 2 // bad input, wrong usage, or something that could not be done
)

func main() { start(nil) }

// start is main with a way to servers that others run, see flow.Options.
func start(remote http.RoundTripper) {
	sandbox.ServeDial() // does not return when this process was started inside a sandbox to reach a port there
	// Judging entries makes garbage and keeps little: collecting it less often halves the time of a large catalog. The limit below keeps
	// that from costing more than a gigabyte.
	debug.SetGCPercent(400)
	debug.SetMemoryLimit(900 << 20)
	os.Exit(run(remote))
}

// run is start with a return value, so that deferred clean-up happens.
func run(remote http.RoundTripper) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	a := &app{stdout: os.Stdout, stderr: os.Stderr, remote: remote}
	memory, remove, err := useTemporary()
	if err != nil {
		return a.report(fmt.Errorf("no folder for temporary files: %w", err))
	}
	a.memory = memory
	err = a.command().ExecuteContext(ctx)
	return max(a.report(err), a.report(remove()))
}

// errFindings ends a command that did its work and found something. The findings have been printed.
var errFindings = errors.New("findings")

// report prints err, if it is one that has not been printed yet, and returns the exit code.
func (a *app) report(err error) int {
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, errFindings):
		return exitFindings
	case errors.Is(err, errPrinted):
		return exitFailed
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(a.stderr, "catalogctl: cancelled; nothing half-done was left behind")
		return exitFailed
	}
	fmt.Fprintln(a.stderr, "catalogctl:", err)
	return exitFailed
}
