package main

import (
	"context"

	"dagger/slipway/internal/dagger"
)

// Catalog is all entries together.
type Catalog struct {
	Slipway *Slipway // +private
}

// Validate checks all entries against the schema and against each other; every problem is reported at once, with file, line and field.
//
// +check
func (c *Catalog) Validate(
	ctx context.Context,
	// The catalog; the repository of this module if it is left out
	// +defaultPath="/"
	// +ignore=["*", "!catalog", "!skills", "!schema", "!cue.mod", "!registries", "!.npmrc"]
	source *dagger.Directory,
) (string, error) {
	return c.run(source, "validate").Stdout(ctx)
}

// LockCheck checks that each lock pins what its entry says, without resolving anything.
//
// +check
func (c *Catalog) LockCheck(
	ctx context.Context,
	// The catalog; the repository of this module if it is left out
	// +defaultPath="/"
	// +ignore=["*", "!catalog", "!skills", "!schema", "!cue.mod", "!registries", "!.npmrc"]
	source *dagger.Directory,
) (string, error) {
	return c.run(source, "lock", "--check").Stdout(ctx)
}

// GenerateCheck checks that registries/ is what the entries make of it.
//
// +check
func (c *Catalog) GenerateCheck(
	ctx context.Context,
	// The catalog; the repository of this module if it is left out
	// +defaultPath="/"
	// +ignore=["*", "!catalog", "!skills", "!schema", "!cue.mod", "!registries", "!.npmrc"]
	source *dagger.Directory,
) (string, error) {
	return c.run(source, "generate", "--check").Stdout(ctx)
}

// Scan scans what all servers said when they were last inspected, and returns SARIF and verdict of each at KIND/NAME, also where
// the gate stays closed. Nothing is built for it.
//
// +cache="session"
func (c *Catalog) Scan(
	ctx context.Context,
	// The catalog; the repository of this module if it is left out
	// +defaultPath="/"
	// +ignore=["*", "!catalog", "!skills", "!schema", "!cue.mod", "!registries", "!.npmrc"]
	source *dagger.Directory,
) (*dagger.Directory, error) {
	return reports(ctx, today(c.mounted(source)).WithExec(catalogctl("scan"), anyVerdict), "")
}

// Generate returns the tree to export to the catalog: registries/, as clients read it, made from all entries.
func (c *Catalog) Generate(
	// The catalog; the repository of this module if it is left out
	// +defaultPath="/"
	// +ignore=["*", "!catalog", "!skills", "!schema", "!cue.mod", "!registries", "!.npmrc"]
	source *dagger.Directory,
) *dagger.Directory {
	return dag.Directory().WithDirectory("registries", c.run(source, "generate").Directory("registries"))
}

// run runs catalogctl over the whole catalog.
func (c *Catalog) run(source *dagger.Directory, args ...string) *dagger.Container {
	return c.mounted(source).WithExec(catalogctl(args...))
}

func (c *Catalog) mounted(source *dagger.Directory) *dagger.Container {
	return c.Slipway.stage().WithDirectory(".", source)
}
