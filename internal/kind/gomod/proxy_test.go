package gomod_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/kind/gomod"
	"github.com/slipway-dev/slipway/internal/kind/gomod/gocmd"
	"github.com/slipway-dev/slipway/internal/kind/gomod/gomodtest"
)

type release = gomodtest.Release

// proxy is a module proxy on loopback.
type proxy struct {
	*httptest.Server
	t testing.TB

	// handle answers before the proxy does, if it returns true.
	handle func(http.ResponseWriter, *http.Request) bool
}

func newProxy(t testing.TB, releases ...release) *proxy {
	t.Helper()
	p := &proxy{t: t}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p.handle == nil || !p.handle(w, r) {
			gomodtest.Proxy(releases).ServeHTTP(w, r)
		}
	}))
	t.Cleanup(p.Close)
	return p
}

// folder returns a folder that ends with the test. What was killed may still write for a moment, which t.TempDir would take for a failure.
func folder(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "slipway-gomod-test-") //nolint:usetesting // see above
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// ecosystem returns an ecosystem over the proxy, with caches of its own but for what is compiled, under settings of the user.
func (p *proxy) ecosystem(settings ...string) *gomod.Ecosystem {
	return p.patient(time.Minute, settings...)
}

// patient returns one that waits for the proxy no longer than limit.
func (p *proxy) patient(limit time.Duration, settings ...string) *gomod.Ecosystem {
	p.t.Helper()
	dir := folder(p.t)
	if err := gomodtest.ShareBuilds(dir); err != nil {
		p.t.Fatal(err)
	}
	environ := append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "GOPROXY=" + p.URL, "GOSUMDB=off"}, settings...)
	command := gocmd.New(dir, environ)
	command.Limits.Network = limit
	return gomod.New(command, filepath.Join(dir, "programs"))
}
