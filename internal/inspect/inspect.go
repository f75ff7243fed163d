// Package inspect holds an MCP session with a server that was just built, and writes down what the server says of itself.
//
// The image is booted in the sandbox, where it has no network and sees mock values only. The session speaks both eras of the protocol through the Go
// SDK: server/discover of revision 2026-07-28, else initialize. What the server answers is taken from the wire, so that members which the SDK does
// not know are kept. All that a server can send is bounded; each way to misbehave has a [Reason].
package inspect

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/observation"
	"github.com/slipway-dev/slipway/internal/sandbox"
)

// Input is what to inspect.
type Input struct {
	Image    v1.Image    // for a platform that this machine runs
	Platform v1.Platform // that of Image
	Entry    entry.Entry
	// Memory is a folder in memory, to which the image is unpacked if there is room. Empty means that it is unpacked to a temporary folder.
	Memory string
	// Dialer is the executable that reaches an HTTP server inside the sandbox, see [sandbox.Spec]. Empty means this process's own.
	Dialer string
}

// Result is what came of an inspection.
type Result struct {
	Observation observation.Observation
	Report      Report
}

// Report is what an inspection tells beside the observation. It differs from run to run, and is evidence rather than a part of the catalog.
type Report struct {
	Platform string        `json:"platform"` // the one that was booted
	Runtime  string        `json:"runtime"`  // name and version of the sandbox
	Era      Era           `json:"era"`
	Version  string        `json:"protocolVersion"` // the one that was spoken
	Unpacked time.Duration `json:"unpackNanoseconds"`
	// FirstAnswer and FirstTools are counted from the start of the sandbox to the first answer, and to the first page of tools.
	FirstAnswer time.Duration `json:"firstAnswerNanoseconds"`
	FirstTools  time.Duration `json:"firstToolsNanoseconds"`
	PeakMemory  int64         `json:"peakMemoryBytes"`
	Stderr      string        `json:"stderr,omitempty"`
	// Noise counts the lines on standard output that were no messages, and NoiseExcerpt shows the first of them.
	Noise        int    `json:"noiseLines,omitempty"`
	NoiseExcerpt string `json:"noiseExcerpt,omitempty"`
	// Problems are sentences about what a strict client would stumble over.
	Problems []string `json:"problems,omitempty"`
}

// Inspect boots the image and asks the server for all that it declares. An error that says something about the server is a [*Failure]; any other one
// means that the inspection itself could not be done. The report is returned, as far as it goes, with a Failure too.
func Inspect(ctx context.Context, rt *sandbox.Runtime, in Input) (*Result, error) {
	config, err := in.Image.ConfigFile()
	if err != nil {
		return nil, fmt.Errorf("inspect %s: read the image's configuration: %w", in.Entry.ID(), err)
	}
	began := time.Now()
	root, err := unpack(ctx, in)
	if err != nil {
		return nil, fmt.Errorf("inspect %s: %w", in.Entry.ID(), err)
	}
	defer os.RemoveAll(root)
	report := Report{Platform: in.Platform.String(), Runtime: rt.Version(), Unpacked: time.Since(began)}
	spec := sandbox.Spec{
		Root: root, Args: command(config.Config, in.Entry.Inspect), Env: environment(config.Config.Env, in.Entry.Inspect.Env), Dir: config.Config.WorkingDir,
		Output: maxBytes + sandbox.TailBytes<<4, Dialer: in.Dialer,
	}
	result, err := boot(ctx, rt, spec, in.Entry, report, current)
	// A server of the older era may end at a request that it does not know. That is a poor answer, but it is one.
	var failure *Failure
	if errors.As(err, &failure) && failure.Reason == Died && result.Report.FirstAnswer == 0 {
		note := fmt.Sprintf("the server ended at %s, so it was started again for %s alone", methodDiscover, methodInitialize)
		if result, err = boot(ctx, rt, spec, in.Entry, report, initializeOnly); err == nil {
			result.Report.Problems = append([]string{note}, result.Report.Problems...)
		}
	}
	if err != nil {
		return result, fmt.Errorf("inspect %s: %w", in.Entry.ID(), err)
	}
	return result, nil
}

// command is what the container would run, with the arguments for the inspection in place of the image's.
func command(c v1.Config, in entry.Inspect) []string {
	if len(in.Args) > 0 {
		return slices.Concat(c.Entrypoint, in.Args)
	}
	return slices.Concat(c.Entrypoint, c.Cmd)
}

// environment is the image's, what makes a server say the same at each start, and the mock values, which win.
func environment(image []string, mock map[string]string) []string {
	// Python orders sets by a seed of each process's own, and servers make texts of sets.
	env := append(slices.Clone(image), "PYTHONHASHSEED=0")
	for _, name := range sortedKeys(mock) {
		env = append(env, name+"="+mock[name])
	}
	return env
}
