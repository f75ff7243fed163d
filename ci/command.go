package main

import (
	"context"

	"dagger/slipway/internal/dagger"
)

// Command is catalogctl itself.
type Command struct {
	Slipway *Slipway // +private
}

// Executable returns catalogctl for the engine's platform.
func (c *Command) Executable() *dagger.File {
	if c.Slipway.Catalogctl != nil {
		return c.Slipway.Catalogctl
	}
	return c.Slipway.withCommandSources(c.Slipway.golang()).
		WithExec([]string{"go", "build", "-trimpath", "-o", "/out/catalogctl", "./cmd/catalogctl"}).
		// Taken from a folder the file is known by what it holds: when tests or comments change, no entry is built again.
		Directory("/out").File("catalogctl")
}

// Test runs all unit and command tests.
//
// +check
func (c *Command) Test(
	ctx context.Context,
	// The code with all that it is tested with; the repository of this module if it is left out
	// +defaultPath="/"
	// +ignore=["*", "!catalog", "!cmd", "!docs", "!e2e", "!internal", "!registries", "!schema", "!scripts", "!.github", "!.golangci.yml", "!LICENSE", "!Makefile", "!go.mod", "!go.sum", "!cue.mod"]
	code *dagger.Directory,
) (string, error) {
	runsc, err := c.Slipway.sandbox(ctx)
	if err != nil {
		return "", err
	}
	return c.Slipway.withNPM(c.Slipway.golang()).
		WithFile("/usr/local/bin/runsc", runsc).
		WithDirectory(".", code).
		// The tests of the sandbox start one.
		WithExec([]string{"go", "test", "./..."}, dagger.ContainerWithExecOpts{InsecureRootCapabilities: true}).
		Stdout(ctx)
}

// Lint runs the linters.
//
// +check
func (c *Command) Lint(
	ctx context.Context,
	// The code with all that it is tested with; the repository of this module if it is left out
	// +defaultPath="/"
	// +ignore=["*", "!catalog", "!cmd", "!docs", "!e2e", "!internal", "!registries", "!schema", "!scripts", "!.github", "!.golangci.yml", "!LICENSE", "!Makefile", "!go.mod", "!go.sum", "!cue.mod"]
	code *dagger.Directory,
) (string, error) {
	linter, err := c.Slipway.tool(ctx, "golangci-lint")
	if err != nil {
		return "", err
	}
	return c.Slipway.golang().
		WithFile("/usr/local/bin/golangci-lint", linter).
		WithMountedCache("/root/.cache/golangci-lint", dag.CacheVolume("slipway-lint")).
		WithDirectory(".", code).
		WithExec([]string{"golangci-lint", "run", "./..."}).
		WithExec([]string{"golangci-lint", "run", "--build-tags", "e2e,dagger", "./e2e/..."}).
		// With what is generated for it.
		WithDirectory("ci", dag.CurrentModule().Source()).
		WithExec([]string{"sh", "-c", "cd ci && golangci-lint run ."}).
		Stdout(ctx)
}
