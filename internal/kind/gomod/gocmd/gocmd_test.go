package gocmd

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/programtest"
)

// script returns a command whose go is a shell script, so that a test says what a broken or hostile one does.
func script(t *testing.T, text string) *Toolchain {
	t.Helper()
	root := t.TempDir()
	programtest.Write(t, filepath.Join(root, "bin", "go"), text+"\n")
	return &Toolchain{Name: "go1.26.8", Root: root, command: New(t.TempDir(), nil)}
}

func TestRunReturnsTheOutputAndTellsWhatWentWrong(t *testing.T) {
	t.Parallel()
	if out, err := script(t, `echo "$1"; echo noise >&2`).Run(t.Context(), Task{Args: []string{"build"}}); err != nil || string(out) != "build\n" {
		t.Errorf("%q, %v", out, err)
	}
	_, err := script(t, "echo 'go: downloading x v1' >&2; echo 'x.go:1: broken' >&2; exit 3").Run(t.Context(), Task{Args: []string{"build"}})
	if err == nil || err.Error() != "go build: exit status 3:\nx.go:1: broken" {
		t.Errorf("got %v", err)
	}
}

func TestRunKeepsTheUsersEnvironmentOut(t *testing.T) {
	t.Parallel()
	golang := script(t, "/usr/bin/env")
	golang.command.environ = []string{"HOME=/home/me", "SECRET=x", "PATH=/usr/bin", "GOFLAGS=-toolexec=x", "HTTPS_PROXY=http://proxy.test"}
	golang.command.settings = func() (*settings, error) {
		return &settings{Proxy: "https://proxy.test,direct", SumDB: "sum.test"}, nil
	}
	for network, test := range map[bool]struct{ has, hasNot []string }{
		false: {
			[]string{"GOPROXY=off", "GOSUMDB=off", "CGO_ENABLED=0", "GOVCS=*:off", "GOENV=off", "GOWORK=off", "GOTOOLCHAIN=local"},
			[]string{"/home/me", "SECRET", "toolexec", "/usr/bin", "proxy.test"},
		},
		true: {
			[]string{"GOPROXY=https://proxy.test", "GOSUMDB=sum.test", "HOME=/home/me", "HTTPS_PROXY=http://proxy.test"},
			[]string{"SECRET", "toolexec", "direct"},
		},
	} {
		out, err := golang.Run(t.Context(), Task{Args: []string{"env"}, Network: network})
		if err != nil {
			t.Fatal(err)
		}
		lines := "\n" + string(out)
		for _, want := range test.has {
			if !strings.Contains(lines, "\n"+want+"\n") {
				t.Errorf("network %t: %s is not set:%s", network, want, lines)
			}
		}
		for _, leak := range test.hasNot {
			if strings.Contains(lines, leak) {
				t.Errorf("network %t: %s is passed on:%s", network, leak, lines)
			}
		}
	}
}

func TestRunsAreBounded(t *testing.T) {
	t.Parallel()
	t.Run("output", func(t *testing.T) {
		t.Parallel()
		golang := script(t, "while :; do echo 0123456789; done")
		golang.command.Limits.Output = 10_000
		if _, err := golang.Run(t.Context(), Task{Args: []string{"list"}}); !errors.Is(err, errOutput) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("errors", func(t *testing.T) {
		t.Parallel()
		_, err := script(t, "i=0; while [ $i -lt 5000 ]; do echo 'an error of forty-one characters in a row' >&2; i=$((i+1)); done; exit 1").
			Run(t.Context(), Task{Args: []string{"list"}})
		if err == nil || len(err.Error()) > 2*maxErrors {
			t.Errorf("%d bytes", len(err.Error()))
		}
	})
	t.Run("time, with all that was started", func(t *testing.T) {
		t.Parallel()
		golang := script(t, "(while :; do :; done) & wait")
		golang.command.Limits.Offline = 50 * time.Millisecond
		started := time.Now()
		_, err := golang.Run(t.Context(), Task{Args: []string{"build"}})
		if err == nil || !strings.Contains(err.Error(), "go build took longer than the 50ms") || time.Since(started) > 4*time.Second {
			t.Errorf("after %s: %v", time.Since(started), err)
		}
	})
	t.Run("cancelled", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := script(t, "exit 0").Run(ctx, Task{Args: []string{"build"}}); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}

func TestProxies(t *testing.T) {
	t.Parallel()
	for list, want := range map[string]string{
		"https://a.test,direct": "https://a.test", "https://a.test|https://b.test,direct": "https://a.test|https://b.test",
		"direct,https://a.test": "https://a.test", "https://a.test,off,https://b.test": "https://a.test",
		"https://a.test , https://b.test": "https://a.test,https://b.test",
		"direct":                          "", "off": "", "": "", ",|": "",
	} {
		if got, err := proxies(list); got != want || (err != nil) != (want == "") {
			t.Errorf("%q: got %q, %v", list, got, err)
		}
	}
}

func TestAGoThatIsNoReleaseIsRefused(t *testing.T) {
	t.Parallel()
	for said, want := range map[string]string{
		`echo '{"GOVERSION":"devel go1.27-abc"}'`: "is no release",
		`echo nonsense`: "cannot read the settings",
		`exit 1`:        "cannot ask the go command",
	} {
		c := New(t.TempDir(), []string{"PATH=relative:" + filepath.Join(script(t, said).Root, "bin")})
		if _, err := c.Local(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v", said, err)
		}
	}
}
