package inspect_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/inspect"
	"github.com/slipway-dev/slipway/internal/sandbox/sandboxtest"
)

// server is the compiled testdata/server, and layer holds it.
var (
	server string
	layer  v1.Layer
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "inspect-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	server = filepath.Join(dir, "server")
	err = sandboxtest.Build(filepath.Join("testdata", "server"), server)
	if err == nil {
		layer, err = layerOf(server)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// layerOf puts a file at /server.
func layerOf(file string) (v1.Layer, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	if err := w.WriteHeader(&tar.Header{Name: "server", Typeflag: tar.TypeReg, Mode: 0o755, Size: int64(len(data))}); err != nil {
		return nil, err
	}
	if _, err := w.Write(data); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(buf.Bytes())), nil },
		tarball.WithCompressedCaching)
}

// input is an image that starts the server in a mode.
func input(t testing.TB, mode string) inspect.Input {
	t.Helper()
	img, err := mutate.AppendLayers(empty.Image, layer)
	if err == nil {
		img, err = mutate.Config(img, v1.Config{Entrypoint: []string{"/server"}, Cmd: []string{mode}, Env: []string{"PATH=/bin", "A=image"}})
	}
	if err != nil {
		t.Fatal(err)
	}
	return inspect.Input{Image: img, Platform: v1.Platform{OS: "linux", Architecture: "amd64"}, Entry: entry.Entry{Kind: entry.NPX, Name: "test"}, Dialer: server}
}

func TestAnHonestServerIsObserved(t *testing.T) {
	t.Parallel()
	in := input(t, "none")
	in.Entry.Inspect = entry.Inspect{Args: []string{"stdio"}, Env: map[string]string{"A": "mock", "B": "2"}}
	r, err := inspect.Inspect(t.Context(), sandboxtest.Runtime(t), in)
	if err != nil {
		t.Fatal(err)
	}
	o := r.Observation
	if o.Server.Name != "honest" || len(o.Tools) != 1 {
		t.Fatalf("got %+v: %s", o.Server, o.Tools)
	}
	for _, variable := range []string{"PATH=/bin", "A=mock", "B=2", "HOME=/tmp", "PYTHONHASHSEED=0"} {
		if !strings.Contains(string(o.Tools[0].JSON), variable) {
			t.Errorf("%s is missing: %s", variable, o.Tools)
		}
	}
	report := r.Report
	if report.Platform != "linux/amd64" || !strings.HasPrefix(report.Runtime, "runsc ") || report.Era != inspect.Discover || report.Version != "2026-07-28" ||
		report.Stderr != "started\n" || report.FirstAnswer <= 0 || report.FirstTools < report.FirstAnswer || report.PeakMemory == 0 || len(report.Problems) > 0 {
		t.Errorf("got %+v", report)
	}
	t.Logf("unpacked in %v, first tools after %v, %d MiB", report.Unpacked, report.FirstTools, report.PeakMemory>>20)
}

func TestAnHTTPServerIsReachedInside(t *testing.T) {
	t.Parallel()
	in := input(t, "http")
	in.Entry.Transport = &entry.Transport{Type: entry.StreamableHTTP, Port: 8000, Path: "/mcp"}
	r, err := inspect.Inspect(t.Context(), sandboxtest.Runtime(t), in)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Observation.Tools) != 1 || len(r.Report.Problems) > 0 {
		t.Errorf("got %+v", r)
	}
}

func TestAServerThatEndsAtDiscoverIsStartedAgain(t *testing.T) {
	t.Parallel()
	r, err := inspect.Inspect(t.Context(), sandboxtest.Runtime(t), input(t, "dies-at-discover"))
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Observation.Tools) != 1 || r.Report.Era != inspect.Initialize || len(r.Report.Problems) != 1 {
		t.Errorf("got %+v", r)
	}
}

func TestFailuresSayWhatHappened(t *testing.T) {
	t.Parallel()
	for mode, want := range map[string]struct {
		reason inspect.Reason
		says   string
	}{
		"none":        {inspect.NoTools, "inspect.noTools"},
		"dies":        {inspect.Died, "exited with code 3 while it was asked for initialize. Its standard error speaks of ACME_API_KEY"},
		"dies-late":   {inspect.Died, "exited with code 4"},
		"floods":      {inspect.Noise, "standard error"},
		"fork-bomb":   {inspect.Processes, "256 processes"},
		"memory-bomb": {inspect.Memory, "1024 MiB"},
	} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			_, err := inspect.Inspect(t.Context(), sandboxtest.Runtime(t), input(t, mode))
			var failure *inspect.Failure
			if !errors.As(err, &failure) || failure.Reason != want.reason || !strings.Contains(err.Error(), want.says) {
				t.Errorf("got %v, want %s that says %q", err, want.reason, want.says)
			}
		})
	}
}

func TestTheEntrysMissingVariablesAreNamed(t *testing.T) {
	t.Parallel()
	in := input(t, "dies")
	in.Entry.Env = []entry.Variable{{Name: "ACME_TOKEN", Required: true}, {Name: "OTHER"}}
	_, err := inspect.Inspect(t.Context(), sandboxtest.Runtime(t), in)
	if err == nil || !strings.Contains(err.Error(), "requires ACME_TOKEN,") || strings.Contains(err.Error(), "OTHER") {
		t.Errorf("got %v", err)
	}
}

func TestAMissingCommandIsTheImagesFault(t *testing.T) {
	t.Parallel()
	in := input(t, "stdio")
	img, err := mutate.Config(in.Image, v1.Config{Entrypoint: []string{"/absent"}})
	if err != nil {
		t.Fatal(err)
	}
	in.Image = img
	_, err = inspect.Inspect(t.Context(), sandboxtest.Runtime(t), in)
	var failure *inspect.Failure
	if !errors.As(err, &failure) || failure.Reason != inspect.NotStarted || !strings.Contains(err.Error(), "/absent") {
		t.Errorf("got %v", err)
	}
}

func TestCancellingEndsAnInspection(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 700*time.Millisecond)
	defer cancel()
	began := time.Now()
	in := input(t, "http") // silent on standard output
	if _, err := inspect.Inspect(ctx, sandboxtest.Runtime(t), in); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
}

func BenchmarkInspect(b *testing.B) {
	rt, in := sandboxtest.Runtime(b), input(b, "stdio")
	var first time.Duration
	for b.Loop() {
		r, err := inspect.Inspect(b.Context(), rt, in)
		if err != nil {
			b.Fatal(err)
		}
		first += r.Report.FirstTools
	}
	b.ReportMetric(float64(first.Milliseconds())/float64(b.N), "ms-to-tools")
}
