package inspect

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/sandbox"
)

// lastWords is how long a server may take to end once its connection is closed, so that its exit code is its own.
const lastWords = 2 * time.Second

// boot runs the server once and holds a session with it.
func boot(ctx context.Context, rt *sandbox.Runtime, spec sandbox.Spec, e entry.Entry, report Report, which eras) (*Result, error) {
	began := time.Now()
	process, err := rt.Start(ctx, spec)
	if err != nil {
		return nil, err
	}
	defer process.Kill()
	log := newTranscript(began)
	result := &Result{}
	var said spoken
	transport, err := transportTo(ctx, process, e.Transport, log)
	if err == nil {
		// The process ending ends the session, whatever carries it.
		during, cancel := context.WithCancel(ctx)
		stop := make(chan struct{})
		go func() {
			defer cancel()
			select {
			case <-process.Done():
				// Its last output may still be on its way to the session.
				select {
				case <-time.After(time.Second):
				case <-stop:
				}
			case <-stop:
			}
		}()
		result.Observation, said, err = observe(during, transport, log, which)
		close(stop)
	}
	if err != nil {
		err = blame(ctx, process, err, log)
	}
	exit := process.Kill()
	report.Era, report.Version, report.Problems = said.era, said.version, said.problems
	report.Stderr, report.PeakMemory = exit.Stderr, exit.Peak
	log.fill(&report)
	if report.Noise > 0 {
		report.Problems = append(report.Problems, fmt.Sprintf("the server printed %d lines on standard output that are no messages; strict clients disconnect there", report.Noise))
	}
	if err == nil {
		err = expect(e, result, &report)
	}
	result.Report = report
	var failure *Failure
	if errors.As(err, &failure) {
		failure.Stderr = exit.Stderr
		if failure.Reason == Hang {
			failure.Detail += " If it waits for the network, which the sandbox has none of, look for arguments or mock values that let it list its tools without."
		}
		switch failure.Reason {
		case Died, Hang, NoTools, Unreachable, ProtocolError:
			failure.Detail += hint(e, spec.Env, exit.Stderr)
		default: // no variable would have helped
		}
	}
	return result, err
}

// blame finds the reason behind an error of the session: what the sandbox saw explains more than a closed connection.
func blame(ctx context.Context, process *sandbox.Process, err error, log *transcript) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if f := log.verdict(); f != nil {
		return f
	}
	var failure *Failure
	isFailure := errors.As(err, &failure)
	request := ""
	if isFailure {
		request = failure.Request
	}
	patience := time.After(lastWords)
	if isFailure && failure.Reason != Died && failure.Reason != ProtocolError {
		// It is still there, and will not end by itself.
		patience = time.After(0)
	}
	select {
	case <-process.Done():
	case <-patience:
		return err
	}
	if f := ended(process.Wait(), request); f != nil {
		if isFailure && failure.Reason == ProtocolError && f.Reason == Died {
			return err // it answered with an error, and then ended
		}
		return f
	}
	return err
}

// expect compares the tools with what the entry says of them.
func expect(e entry.Entry, r *Result, report *Report) error {
	switch tools := len(r.Observation.Tools); {
	case tools == 0 && e.Inspect.NoTools == "":
		return failf(NoTools, methodTools, "The server lists no tools. If that is expected without its real settings, say why in inspect.noTools.")
	case tools > 0 && e.Inspect.NoTools != "":
		report.Problems = append(report.Problems, fmt.Sprintf("inspect.noTools says that there are no tools, but the server lists %d; remove it", tools))
	}
	return nil
}

// transportTo is the way to the server that its entry names.
func transportTo(ctx context.Context, process *sandbox.Process, t *entry.Transport, log *transcript) (mcp.Transport, error) {
	switch {
	case t == nil || t.Type == "" || t.Type == entry.Stdio:
		return &stdio{in: process.Stdin, out: process.Stdout, log: log}, nil
	case t.Type == entry.StreamableHTTP:
		if err := listening(ctx, process, t.Port); err != nil {
			return nil, err
		}
		return streamable(process, *t, log), nil
	default:
		return nil, fmt.Errorf("the transport %q cannot be inspected; servers of the catalog speak %s or %s", t.Type, entry.Stdio, entry.StreamableHTTP)
	}
}
