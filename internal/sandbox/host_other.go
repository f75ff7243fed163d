//go:build !linux

package sandbox

import (
	"context"
	"fmt"
	"runtime"
	"syscall"
	"time"
)

// gVisor is for Linux. [Find] says so, so that none of the rest is ever reached.
func unsupported() error {
	return fmt.Errorf("%w: gVisor needs Linux, this is %s; run the command with Dagger", ErrUnavailable, runtime.GOOS)
}

func probeRuntime(context.Context, string, bool) (string, error) { return "", unsupported() }

func attributes() *syscall.SysProcAttr { return nil }

func onOneProcessor(start func()) (give func()) {
	start()
	return func() {}
}

func restrain(int, Spec) error { return unsupported() }

type monitor struct{}

func newMonitor(bundle) (*monitor, error) { return nil, unsupported() }

func (*monitor) watch(func()) error { return unsupported() }

func (*monitor) Close() error { return nil }

type gauge struct{}

func openGauge(int) (*gauge, error) { return nil, unsupported() }

func (*gauge) read() (int64, error) { return 0, unsupported() }

func (*gauge) close() {}

func reap(string, time.Duration) error { return unsupported() }

// RoomInMemory returns 0: nothing is booted here.
func RoomInMemory(string) int64 { return 0 }
