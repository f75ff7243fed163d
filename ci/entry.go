package main

import (
	"context"
	"path"

	"dagger/slipway/internal/dagger"
)

// Entry is one entry of the catalog. What its steps depend on is its own folder, the settings, schema and bases of the catalog, and the
// command: a change of another entry or of a document repeats nothing.
type Entry struct {
	Slipway *Slipway // +private

	// Kind of the entry, such as npx
	Kind string
	// Name of the entry within its kind
	Name string
}

// Build returns the OCI image layout, for all platforms, at KIND/NAME. No code of the package runs.
func (e *Entry) Build(ctx context.Context) (*dagger.Directory, error) {
	sources, err := e.buildSources(ctx)
	if err != nil {
		return nil, err
	}
	built := e.Slipway.fetching().WithDirectory(".", sources).WithExec(catalogctl("build", e.id()))
	return dag.Directory().WithDirectory(e.id(), built.Directory(path.Join(outDir, e.id()))), nil
}

// Digest returns the digest of the image index, which is the same on every machine.
func (e *Entry) Digest(ctx context.Context) (string, error) {
	layout, err := e.Build(ctx)
	if err != nil {
		return "", err
	}
	return indexDigest(ctx, layout.File(path.Join(e.id(), "index.json")))
}

// Inspect boots the image in the sandbox, without network, and returns tools.json: all that the server says of itself.
func (e *Entry) Inspect(ctx context.Context) (*dagger.File, error) {
	seen, err := e.inspected(ctx)
	if err != nil {
		return nil, err
	}
	return seen.File(path.Join(e.dir(), "tools.json")), nil
}

// Scan returns SARIF and verdict over the committed tools.json, also when the gate stays closed.
func (e *Entry) Scan(ctx context.Context) (*dagger.Directory, error) {
	sources, err := e.scanSources(ctx)
	if err != nil {
		return nil, err
	}
	return reports(ctx, e.Slipway.stage().WithDirectory(".", sources).WithExec(catalogctl("scan", e.id()), anyVerdict), e.id())
}

// Gate takes the entry the whole way to a registry that is thrown away, and fails unless the gate opens: what a pull request is judged by.
func (e *Entry) Gate(ctx context.Context) (string, error) {
	stage, err := e.publishing(ctx)
	if err != nil {
		return "", err
	}
	return stage.WithExec(catalogctl("release", e.id())).Stdout(ctx)
}

// Report returns what the gate judged: SARIF, verdict, SBOMs, tools.json and how the session went, also when the gate stays closed.
func (e *Entry) Report(ctx context.Context) (*dagger.Directory, error) {
	stage, err := e.publishing(ctx)
	if err != nil {
		return nil, err
	}
	return reports(ctx, stage.WithExec(catalogctl("release", e.id()), anyVerdict), e.id())
}

func (e *Entry) id() string  { return e.Kind + "/" + e.Name }
func (e *Entry) dir() string { return "catalog/" + e.id() }

// inspected is the stage that boots: the only one in which code of a package runs, and it holds no secret.
func (e *Entry) inspected(ctx context.Context) (*dagger.Container, error) {
	runsc, err := e.Slipway.tool(ctx, "runsc")
	if err != nil {
		return nil, err
	}
	sources, err := e.buildSources(ctx)
	if err != nil {
		return nil, err
	}
	layout, err := e.Build(ctx)
	if err != nil {
		return nil, err
	}
	return e.Slipway.stage().
		WithFile("/usr/local/bin/runsc", runsc).
		WithDirectory(".", sources).
		WithDirectory(outDir, layout).
		WithExec(catalogctl("inspect", e.id()), dagger.ContainerWithExecOpts{InsecureRootCapabilities: true}), nil
}

// publishing is the stage that scans, signs and publishes. It finds what the server said in the cache of inspections and has no sandbox,
// so nothing of the package can run beside the credentials.
func (e *Entry) publishing(ctx context.Context) (*dagger.Container, error) {
	seen, err := e.inspected(ctx)
	if err != nil {
		return nil, err
	}
	sources, err := e.scanSources(ctx)
	if err != nil {
		return nil, err
	}
	layout, err := e.Build(ctx)
	if err != nil {
		return nil, err
	}
	return e.Slipway.stage().
		WithDirectory(".", sources).
		WithDirectory(outDir, layout).
		WithDirectory(inspectionsDir, seen.Directory(inspectionsDir)), nil
}
