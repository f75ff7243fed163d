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
func (c *Catalog) Validate(ctx context.Context) (string, error) {
	return c.run("validate").Stdout(ctx)
}

// LockCheck checks that each lock pins what its entry says, without resolving anything.
//
// +check
func (c *Catalog) LockCheck(ctx context.Context) (string, error) {
	return c.run("lock", "--check").Stdout(ctx)
}

// GenerateCheck checks that registries/ is what the entries make of it.
//
// +check
func (c *Catalog) GenerateCheck(ctx context.Context) (string, error) {
	return c.run("generate", "--check").Stdout(ctx)
}

// Scan scans what all servers said when they were last inspected, and returns SARIF and verdict of each at KIND/NAME, also where
// the gate stays closed. Nothing is built for it.
//
// +cache="session"
func (c *Catalog) Scan(ctx context.Context) (*dagger.Directory, error) {
	return reports(ctx, today(c.mounted()).WithExec(catalogctl("scan"), anyVerdict), "")
}

// Generate returns the tree to export to the catalog: registries/, as clients read it, made from all entries.
func (c *Catalog) Generate() *dagger.Directory {
	return dag.Directory().WithDirectory("registries", c.run("generate").Directory("registries"))
}

// run runs catalogctl over the whole catalog.
func (c *Catalog) run(args ...string) *dagger.Container {
	return c.mounted().WithExec(catalogctl(args...))
}

func (c *Catalog) mounted() *dagger.Container {
	return c.Slipway.stage().WithDirectory(".", c.Slipway.Source)
}
