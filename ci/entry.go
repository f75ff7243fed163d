package main

import (
	"context"
	"errors"
	"fmt"
	"path"

	"dagger/slipway/internal/dagger"
)

// Entry is one entry of the catalog. What its steps depend on is its own folder, the settings, schema and bases of the catalog, and the
// command: a change of another entry or of a document repeats nothing.
type Entry struct {
	Slipway *Slipway // +private
	Folder  string   // +private

	// Kind of the entry, such as npx
	Kind string
	// Name of the entry within its kind
	Name string
}

// Build returns the OCI image layout, for all platforms, at KIND/NAME. No code of the package runs, but for sdists that the entry allows.
func (e *Entry) Build(ctx context.Context) (*dagger.Directory, error) {
	sources, err := e.buildSources(ctx)
	if err != nil {
		return nil, err
	}
	return e.layout(ctx, sources)
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
	seen, _, err := e.inspected(ctx)
	if err != nil {
		return nil, err
	}
	tools := path.Join(e.Folder, "tools.json")
	if there, err := seen.Exists(ctx, tools); err != nil {
		return nil, err
	} else if !there {
		return nil, fmt.Errorf("%s holds no server to inspect", e.id())
	}
	return seen.File(tools), nil
}

// Scan scans the image and what its server says, and asks the gate. It has a result also where the gate stays closed.
//
// +cache="session"
func (e *Entry) Scan(ctx context.Context) (*Scan, error) {
	stage, err := e.judging(ctx)
	if err != nil {
		return nil, err
	}
	judged, err := stage.WithExec(e.judgment()).Sync(ctx)
	var failed *dagger.ExecError
	switch {
	case errors.As(err, &failed) && failed.ExitCode == 1:
		// The engine keeps no files of a step that failed, and forgets it: so only here, where it is known to be a verdict, any may pass.
		judged = stage.WithExec(e.judgment(), anyVerdict)
	case err != nil:
		return nil, err
	}
	files, err := reports(ctx, judged, e.id())
	if err != nil {
		return nil, err
	}
	return &Scan{Report: files}, nil
}

// Sbom returns the SPDX documents of the image: one for the index, and one for each platform.
func (e *Entry) Sbom(ctx context.Context) (*dagger.Directory, error) {
	scan, err := e.Scan(ctx)
	if err != nil {
		return nil, err
	}
	return scan.Report.Filter(dagger.DirectoryFilterOpts{Include: []string{"sbom-*"}}), nil
}

// Gate takes the entry the way to the gate, and fails unless it opens: what a pull request is judged by. What it judged is what scan returns.
//
// +cache="session"
func (e *Entry) Gate(ctx context.Context) (string, error) {
	stage, err := e.judging(ctx)
	if err != nil {
		return "", err
	}
	return stage.WithExec(e.judgment()).Stdout(ctx)
}

func (e *Entry) id() string { return e.Kind + "/" + e.Name }

func (e *Entry) judgment() []string { return catalogctl("release", "--dry-run", e.id()) }

// layout builds from the files that an image depends on.
func (e *Entry) layout(ctx context.Context, sources *dagger.Directory) (*dagger.Directory, error) {
	stage, privileges, err := e.building(ctx, sources)
	if err != nil {
		return nil, err
	}
	// Of a server that others run, and of their images, nothing is built: the folder stays empty then.
	return stage.WithDirectory(".", sources).
		WithDirectory(path.Join(outDir, e.Kind), dag.Directory()).
		WithExec(catalogctl("build", e.id()), privileges).
		Directory(outDir), nil
}

// building is the stage that builds. Where the entry allows sdists their code runs, so it has the sandbox for that, and no secret.
func (e *Entry) building(ctx context.Context, sources *dagger.Directory) (*dagger.Container, dagger.ContainerWithExecOpts, error) {
	none := dagger.ContainerWithExecOpts{}
	sdists, err := sources.Exists(ctx, path.Join(e.Folder, "build-requirements.txt"))
	if err != nil || !sdists {
		return e.fetching(), none, err
	}
	runsc, err := e.Slipway.sandbox(ctx)
	if err != nil {
		return nil, none, err
	}
	return e.stage(e.client()...).WithFile("/usr/local/bin/runsc", runsc), dagger.ContainerWithExecOpts{InsecureRootCapabilities: true}, nil
}

// inspected is the stage that boots: with that which builds sdists the only one in which code of a package runs, and it holds no secret. It comes with what it boots.
func (e *Entry) inspected(ctx context.Context) (seen *dagger.Container, layout *dagger.Directory, err error) {
	runsc, err := e.Slipway.sandbox(ctx)
	if err != nil {
		return nil, nil, err
	}
	sources, err := e.buildSources(ctx)
	if err != nil {
		return nil, nil, err
	}
	if layout, err = e.layout(ctx, sources); err != nil {
		return nil, nil, err
	}
	stage := e.stage()
	if e.Kind != foreign { // and so may be larger than memory
		// Here the image is unpacked. On a disk its thousands of files take most of the time.
		stage = stage.WithMountedTemp("/tmp")
	}
	return stage.
		WithFile("/usr/local/bin/runsc", runsc).
		WithDirectory(".", sources).
		WithMountedDirectory(outDir, layout).
		WithDirectory(inspectionsDir, dag.Directory()). // where nothing is booted it stays empty
		WithExec(catalogctl("inspect", e.id()), dagger.ContainerWithExecOpts{InsecureRootCapabilities: true}), layout, nil
}

// judging is the stage that scans and asks the gate. It finds what the server said in the cache of inspections and has no sandbox, so nothing of the
// package can run in it.
func (e *Entry) judging(ctx context.Context) (*dagger.Container, error) {
	stage, err := e.deciding(ctx)
	if err != nil {
		return nil, err
	}
	return e.Slipway.withOSV(stage), nil
}

// publishing is the stage that comes before signing: it goes the way to the gate again, finds also what osv-scanner said in a cache, and runs
// no command but catalogctl, for it will hold the key.
func (e *Entry) publishing(ctx context.Context) (*dagger.Container, error) {
	stage, err := e.deciding(ctx)
	if err != nil || e.Slipway.OsvScanner == nil {
		return stage, err
	}
	judged := e.Slipway.withOSV(stage).WithExec(e.judgment())
	return e.Slipway.withVulnerabilities(stage).WithDirectory(answersDir, judged.Directory(answersDir)), nil
}

// deciding is what the two have in common.
func (e *Entry) deciding(ctx context.Context) (*dagger.Container, error) {
	seen, layout, err := e.inspected(ctx)
	if err != nil {
		return nil, err
	}
	sources, err := e.scanSources(ctx)
	if err != nil {
		return nil, err
	}
	return today(e.stage()).
		WithDirectory(".", sources).
		WithMountedDirectory(outDir, layout).
		WithDirectory(inspectionsDir, seen.Directory(inspectionsDir)), nil
}
