// Package engine has entries released by Dagger engines: it drives the module of this repository, ci/, through Dagger's client library. Each step
// runs in a container on an engine; files and results end up here.
//
// A Pool deals entries out to engines and survives the loss of some; an Engine is a session with one of them.
package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"dagger.io/dagger"
	"dagger.io/dagger/querybuilder"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// How often an engine is asked whether it is still there, and how long it may take to answer.
const (
	pulse      = 10 * time.Second
	answerTime = 30 * time.Second
)

// farewell is how long the end of a session is waited for. That with an engine that is gone would take five minutes.
const farewell = 5 * time.Second

// Engine is a session with one engine, in which the module is loaded. It may be used by many goroutines.
type Engine struct {
	URL string

	client    *dagger.Client
	arguments map[string]any // of the module's constructor
	source    dagger.DirectoryID
	target    map[string]any // arguments of its release function
	slots     chan struct{}  // one for each entry that it works on at once
	alive     context.Context
	lose      context.CancelCauseFunc
}

// CodeFindings is the exit code of a step that did its work and found something.
const CodeFindings = 1

// FailedError says that a step ran on an engine and failed: the words are catalogctl's own, as on this machine.
type FailedError struct {
	Code    int // exit code
	Message string
}

func (f *FailedError) Error() string { return f.Message }

// connect starts a session with the engine at url and loads the module there. The session ends with ctx, or by close.
func connect(ctx context.Context, url string, c Config) (*Engine, error) {
	conn, err := session(ctx, url, c.Catalog)
	if err != nil {
		return nil, fmt.Errorf("start a session with the engine %s: %w", url, err)
	}
	client, err := dagger.Connect(ctx, dagger.WithConn(conn))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("connect to the engine %s: %w", url, err), conn.Close())
	}
	e := &Engine{URL: url, client: client}
	if err := e.load(ctx, c); err != nil {
		leave(url, client)
		return nil, fmt.Errorf("load the module %s on the engine %s: %w", c.Module, url, err)
	}
	e.alive, e.lose = context.WithCancelCause(ctx)
	go e.watch()
	return e, nil
}

func (e *Engine) load(ctx context.Context, c Config) error {
	if err := e.client.ModuleSource(c.Module).AsModule().Serve(ctx); err != nil {
		return err
	}
	var err error
	if e.arguments, err = c.arguments(ctx, e.client); err != nil {
		return err
	}
	if e.source, err = c.source(ctx, e.client); err != nil {
		return err
	}
	if e.target, err = c.Target.arguments(ctx, e.client); err != nil {
		return err
	}
	var slots int
	if err := e.module().Select("parallel").Bind(&slots).Execute(ctx); err != nil {
		return err
	}
	e.slots = make(chan struct{}, max(slots, 1))
	return nil
}

// module is the module's object.
func (e *Engine) module() *querybuilder.Selection {
	return with(e.client.QueryBuilder().Select("slipway"), e.arguments)
}

func with(s *querybuilder.Selection, arguments map[string]any) *querybuilder.Selection {
	for name, value := range arguments {
		s = s.Arg(name, value)
	}
	return s
}

// Digest builds the entry and returns the digest of its image index, as the layout says. The module has a function of that name, too, but each
// call of a function is a container on the engine, and Layout calls the same one as this.
func (e *Engine) Digest(ctx context.Context, id string) (v1.Hash, error) {
	var text string
	if err := e.run(ctx, e.layout(id).Select("file").Arg("path", "index.json").Select("contents").Bind(&text)); err != nil {
		return v1.Hash{}, err
	}
	index, err := v1.ParseIndexManifest(strings.NewReader(text))
	if err != nil {
		return v1.Hash{}, fmt.Errorf("the index.json of %s on the engine %s: %w", id, e.URL, err)
	}
	if len(index.Manifests) != 1 {
		return v1.Hash{}, fmt.Errorf("the index.json of %s on the engine %s names %d images, want 1", id, e.URL, len(index.Manifests))
	}
	return index.Manifests[0].Digest, nil
}

// Blobs builds the entry and returns the digests of the blobs in its image layout.
func (e *Engine) Blobs(ctx context.Context, id string) ([]v1.Hash, error) {
	var names []string
	if err := e.run(ctx, e.layout(id).Select("entries").Arg("path", blobFolder).Bind(&names)); err != nil {
		return nil, err
	}
	digests := make([]v1.Hash, len(names))
	for i, name := range names {
		var err error
		if digests[i], err = v1.NewHash("sha256:" + name); err != nil {
			return nil, fmt.Errorf("the layout of %s on the engine %s: %w", id, e.URL, err)
		}
	}
	return digests, nil
}

// Layout builds the entry and writes its image layout to a folder, which is created. Blobs that are in without are left out.
func (e *Engine) Layout(ctx context.Context, id, folder string, without []v1.Hash) error {
	layout := e.layout(id)
	if len(without) > 0 {
		paths := make([]string, len(without))
		for i, digest := range without {
			paths[i] = blobFolder + "/" + digest.Hex
		}
		layout = layout.Select("filter").Arg("exclude", paths)
	}
	return e.run(ctx, layout.Select("export").Arg("path", folder))
}

// blobFolder is where a layout has its blobs (OCI image specification, image layout).
const blobFolder = "blobs/sha256"

func (e *Engine) layout(id string) *querybuilder.Selection {
	return e.step(id, "build").Select("directory").Arg("path", id)
}

// Scan boots what was built, asks scanners and gate, and writes the reports to a folder, whatever the verdict: also tools.json, what the server said.
func (e *Engine) Scan(ctx context.Context, id, folder string) error {
	return e.run(ctx, e.step(id, "scan").Select("report").Select("export").Arg("path", folder))
}

// Release publishes the entry, and writes its record to a file.
func (e *Engine) Release(ctx context.Context, id, record, file string) error {
	published := with(e.step(id, "release"), e.target)
	return e.run(ctx, published.Select("file").Arg("path", record).Select("export").Arg("path", file))
}

// step is a step of an entry, on the catalog.
func (e *Engine) step(id, name string) *querybuilder.Selection {
	return e.module().Select("entry").Arg("name", id).Select(name).Arg("source", e.source)
}

// run asks a question. A step that failed is a *FailedError.
func (e *Engine) run(ctx context.Context, question *querybuilder.Selection) error {
	err := question.Execute(ctx)
	var failed *dagger.ExecError
	if errors.As(err, &failed) && len(failed.Cmd) > 0 && failed.Cmd[0] == "catalogctl" {
		return &FailedError{Code: failed.ExitCode, Message: message(failed.Stdout, failed.Stderr)}
	}
	return err
}

// message is what catalogctl said of its failure: its result, or where there is none its error.
func message(stdout, stderr string) string {
	if text := strings.TrimSpace(stdout); text != "" {
		return text
	}
	lines := strings.Split(strings.TrimSpace(stderr), "\n")
	return strings.TrimPrefix(lines[len(lines)-1], "catalogctl: ")
}

// watch loses the engine when it does not answer any more.
func (e *Engine) watch() {
	tick := time.NewTicker(pulse)
	defer tick.Stop()
	for {
		select {
		case <-e.alive.Done():
			return
		case <-tick.C:
			if err := e.ping(); err != nil {
				e.lose(err)
			}
		}
	}
}

// ping asks the engine for its version. The error says why the engine counts as lost.
func (e *Engine) ping() error {
	ctx, cancel := context.WithTimeout(e.alive, answerTime)
	defer cancel()
	_, err := e.client.Version(ctx)
	switch {
	case e.alive.Err() != nil: // lost already, by what another entry saw
		return context.Cause(e.alive)
	case err != nil:
		return fmt.Errorf("the engine %s does not answer any more: %w", e.URL, err)
	}
	return nil
}

// close ends the session. Of an engine that is gone there is none to end.
func (e *Engine) close() {
	e.lose(context.Canceled)
	leave(e.URL, e.client)
}

// leave ends the session with the engine at a URL: in peace if that is quick, and else by force. What goes wrong is of no consequence, as nothing more
// is wanted of it.
func leave(url string, client *dagger.Client) {
	left := make(chan struct{})
	go func() {
		_ = client.Close()
		close(left)
	}()
	select {
	case <-left:
		return
	case <-time.After(farewell):
	}
	_ = endCommand(url)
}
