package main

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"

	"dagger/slipway/internal/dagger"
)

// Entry is one entry of a catalog. What its steps depend on is its own folder, the settings, schema and bases of the catalog, and the
// command: a change of another entry or of a document repeats nothing. The catalog is an argument of each step, since a call whose
// arguments are unchanged costs nothing: were it known before, also this would be found anew with each change.
type Entry struct {
	Slipway *Slipway // +private
	Kind    string   // +private
	Name    string   // +private
}

// Build returns the OCI image layout, for all platforms, at KIND/NAME. No code of the package runs, but for sdists that the entry allows.
func (e *Entry) Build(
	ctx context.Context,
	// The catalog; the repository of this module if it is left out
	// +defaultPath="/"
	// +ignore=["*", "!catalog", "!skills", "!schema", "!cue.mod", "!.npmrc"]
	source *dagger.Directory,
) (*dagger.Directory, error) {
	m, err := e.in(ctx, source)
	if err != nil {
		return nil, err
	}
	return m.built(ctx)
}

// Digest returns the digest of the image index, which is the same on every machine.
func (e *Entry) Digest(
	ctx context.Context,
	// The catalog; the repository of this module if it is left out
	// +defaultPath="/"
	// +ignore=["*", "!catalog", "!skills", "!schema", "!cue.mod", "!.npmrc"]
	source *dagger.Directory,
) (string, error) {
	m, err := e.in(ctx, source)
	if err != nil {
		return "", err
	}
	layout, err := m.built(ctx)
	if err != nil {
		return "", err
	}
	return indexDigest(ctx, layout.File(path.Join(m.id(), "index.json")))
}

// Inspect boots the image in the sandbox, without network, and returns tools.json: all that the server says of itself. A server that others run it
// asks where it is.
//
// +cache="1h"
func (e *Entry) Inspect(
	ctx context.Context,
	// The catalog; the repository of this module if it is left out
	// +defaultPath="/"
	// +ignore=["*", "!catalog", "!skills", "!schema", "!cue.mod", "!.npmrc"]
	source *dagger.Directory,
) (*dagger.File, error) {
	m, err := e.in(ctx, source)
	if err != nil {
		return nil, err
	}
	seen, _, err := m.inspected(ctx)
	if err != nil {
		return nil, err
	}
	tools := path.Join(m.Folder, "tools.json")
	if there, err := seen.Exists(ctx, tools); err != nil {
		return nil, err
	} else if !there {
		return nil, fmt.Errorf("%s holds no server to inspect", m.id())
	}
	return seen.File(tools), nil
}

// Scan scans the image and what its server says, and asks the gate. It has a result also where the gate stays closed.
//
// +cache="1h"
func (e *Entry) Scan(
	ctx context.Context,
	// The catalog; the repository of this module if it is left out
	// +defaultPath="/"
	// +ignore=["*", "!catalog", "!skills", "!schema", "!cue.mod", "!.npmrc"]
	source *dagger.Directory,
) (*Scan, error) {
	m, err := e.in(ctx, source)
	if err != nil {
		return nil, err
	}
	stage, err := m.judging(ctx)
	if err != nil {
		return nil, err
	}
	judged, err := stage.WithExec(m.judgment()).Sync(ctx)
	var failed *dagger.ExecError
	switch {
	case errors.As(err, &failed) && failed.ExitCode == 1 && slices.Equal(failed.Cmd, m.judgment()):
		// The engine keeps no files of a step that failed, and forgets it: so only here, where it is known to be a verdict, any may pass. A server
		// that others run may also have failed its inspection, and then there is none.
		judged = stage.WithExec(m.judgment(), anyVerdict)
		there, lost := judged.Exists(ctx, path.Join(outDir, "reports", m.id(), "verdict.json"))
		if lost != nil || !there {
			return nil, errors.Join(err, lost)
		}
	case err != nil:
		return nil, err
	}
	files, err := reports(ctx, judged, m.id())
	if err != nil {
		return nil, err
	}
	return &Scan{Report: files}, nil
}

// Sbom returns the SPDX documents of the image: one for the index, and one for each platform.
func (e *Entry) Sbom(
	ctx context.Context,
	// The catalog; the repository of this module if it is left out
	// +defaultPath="/"
	// +ignore=["*", "!catalog", "!skills", "!schema", "!cue.mod", "!.npmrc"]
	source *dagger.Directory,
) (*dagger.Directory, error) {
	scan, err := e.Scan(ctx, source)
	if err != nil {
		return nil, err
	}
	return scan.Report.Filter(dagger.DirectoryFilterOpts{Include: []string{"sbom-*"}}), nil
}

// Gate takes the entry the way to the gate, and fails unless it opens: what a pull request is judged by. What it judged is what scan returns.
//
// +cache="1h"
func (e *Entry) Gate(
	ctx context.Context,
	// The catalog; the repository of this module if it is left out
	// +defaultPath="/"
	// +ignore=["*", "!catalog", "!skills", "!schema", "!cue.mod", "!.npmrc"]
	source *dagger.Directory,
) (string, error) {
	m, err := e.in(ctx, source)
	if err != nil {
		return "", err
	}
	stage, err := m.judging(ctx)
	if err != nil {
		return "", err
	}
	return stage.WithExec(m.judgment()).Stdout(ctx)
}

func (m *member) judgment() []string { return catalogctl("release", "--dry-run", m.id()) }

// built is the image layout.
func (m *member) built(ctx context.Context) (*dagger.Directory, error) {
	sources, err := m.buildSources(ctx)
	if err != nil {
		return nil, err
	}
	return m.layout(ctx, sources)
}

// layout builds from the files that an image depends on.
func (m *member) layout(ctx context.Context, sources *dagger.Directory) (*dagger.Directory, error) {
	stage, privileges, err := m.building(ctx)
	if err != nil {
		return nil, err
	}
	// Of a server that others run, and of their images, nothing is built: the folder stays empty then.
	return stage.WithDirectory(".", sources).
		WithDirectory(path.Join(outDir, m.Kind), dag.Directory()).
		WithExec(catalogctl("build", m.id()), privileges).
		Directory(outDir), nil
}

// building is the stage that builds. Python is compiled, and the code of sdists that the entry allows runs, so it has the sandbox for both, and no secret.
func (m *member) building(ctx context.Context) (*dagger.Container, dagger.ContainerWithExecOpts, error) {
	none := dagger.ContainerWithExecOpts{}
	if m.Kind != uvx {
		return m.fetching(), none, nil
	}
	runsc, err := m.Slipway.sandbox(ctx)
	if err != nil {
		return nil, none, err
	}
	return m.stage(m.client()...).WithFile("/usr/local/bin/runsc", runsc), dagger.ContainerWithExecOpts{InsecureRootCapabilities: true}, nil
}

// inspected is the stage that boots: with that which builds sdists the only one in which code of a package runs, and it holds no secret. It comes with what it boots.
func (m *member) inspected(ctx context.Context) (seen *dagger.Container, layout *dagger.Directory, err error) {
	runsc, err := m.Slipway.sandbox(ctx)
	if err != nil {
		return nil, nil, err
	}
	sources, err := m.buildSources(ctx)
	if err != nil {
		return nil, nil, err
	}
	if layout, err = m.layout(ctx, sources); err != nil {
		return nil, nil, err
	}
	stage := m.stage()
	switch m.Kind {
	case hosted:
		stage = now(stage) // what it says there is no input
	case foreign: // and so may be larger than memory
	default:
		// Here the image is unpacked. On a disk its thousands of files take most of the time.
		stage = stage.WithMountedTemp("/tmp")
	}
	return stage.
		WithFile("/usr/local/bin/runsc", runsc).
		WithDirectory(".", sources).
		WithMountedDirectory(outDir, layout).
		WithDirectory(inspectionsDir, dag.Directory()). // where nothing is booted it stays empty
		WithExec(catalogctl("inspect", m.id()), dagger.ContainerWithExecOpts{InsecureRootCapabilities: true}), layout, nil
}

// judging is the stage that scans and asks the gate. It finds what the server said in the cache of inspections and has no sandbox, so nothing of the
// package can run in it.
func (m *member) judging(ctx context.Context) (*dagger.Container, error) {
	stage, err := m.deciding(ctx)
	if err != nil {
		return nil, err
	}
	return m.Slipway.withOSV(stage), nil
}

// publishing is the stage that comes before signing: it goes the way to the gate again, finds also what osv-scanner said in a cache, and runs
// no command but catalogctl, for it will hold the key.
func (m *member) publishing(ctx context.Context) (*dagger.Container, error) {
	stage, err := m.deciding(ctx)
	if err != nil || m.Slipway.OsvScanner == nil {
		return stage, err
	}
	judged := m.Slipway.withOSV(stage).WithExec(m.judgment())
	return m.Slipway.withVulnerabilities(stage).WithDirectory(answersDir, judged.Directory(answersDir)), nil
}

// deciding is what the two have in common.
func (m *member) deciding(ctx context.Context) (*dagger.Container, error) {
	sources, err := m.scanSources(ctx)
	if err != nil {
		return nil, err
	}
	if m.Kind == hosted { // by others: nothing is built of it, and the step asks it itself
		return now(m.stage()).WithDirectory(".", sources), nil
	}
	seen, layout, err := m.inspected(ctx)
	if err != nil {
		return nil, err
	}
	return today(m.stage()).
		WithDirectory(".", sources).
		WithMountedDirectory(outDir, layout).
		WithDirectory(inspectionsDir, seen.Directory(inspectionsDir)), nil
}
