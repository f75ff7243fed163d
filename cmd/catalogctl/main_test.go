package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/slipway-dev/slipway/internal/flow/flowtest"
	"github.com/slipway-dev/slipway/internal/kind/gomod/gomodtest"
)

// world is what all tests reach instead of the internet, and temp a folder for what they share. Its name is short: the sandbox's sockets
// allow no long ones.
var (
	world *flowtest.World
	temp  string
)

// TestMain makes this test binary be catalogctl when it is called so, as the scripts and the tests do.
func TestMain(m *testing.M) {
	testscript.Main(worldly{m}, map[string]func(){"catalogctl": func() { start(elsewhere()) }})
}

// worldly runs tests in a world of their own.
type worldly struct{ m *testing.M }

func (w worldly) Run() int {
	code, err := w.run()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

func (w worldly) run() (code int, err error) {
	if temp, err = os.MkdirTemp("", "ctl-"); err != nil {
		return 0, err
	}
	defer os.RemoveAll(temp)
	if world, err = flowtest.New(context.Background(), temp); err != nil {
		return 0, err
	}
	defer world.Close()
	if err := gomodtest.ShareBuilds(filepath.Join(sharedCache(), "slipway", "go")); err != nil {
		return 0, err
	}
	flag.Parse()
	// Tests wait for sandboxes and servers about as long as they compute.
	if parallel := flag.Lookup("test.parallel"); parallel.Value.String() == parallel.DefValue {
		if err := parallel.Value.Set(strconv.Itoa(2 * runtime.GOMAXPROCS(0))); err != nil {
			return 0, err
		}
	}
	return w.m.Run(), nil
}
