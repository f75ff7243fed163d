package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"

	"dagger/slipway/internal/dagger"
)

// Verify checks what is published of the entry, by the digest that its release.json records: signature and statements, for the index and for each
// platform. It prints each check, and fails if one does not hold.
//
// +cache="never"
func (e *Entry) Verify(
	ctx context.Context,
	// The catalog; the repository of this module if it is left out
	// +defaultPath="/"
	// +ignore=["*", "!catalog", "!skills", "!schema", "!cue.mod", "!.npmrc"]
	source *dagger.Directory,
	// Repository below which the entry was published, such as registry.example.com/mcp
	registry string,
	// Public key to verify with, such as cosign.pub
	publicKey *dagger.File,
	// Where the host of that repository listens, if only the caller reaches it, such as tcp://localhost:5000
	// +optional
	registryService *dagger.Service,
	// Credentials, as Docker's config.json, such as file:$HOME/.docker/config.json
	// +optional
	registryAuth *dagger.Secret,
) (string, error) {
	m, err := e.in(ctx, source)
	if err != nil {
		return "", err
	}
	text, err := m.Source.File(path.Join(m.Folder, "release.json")).Contents(ctx)
	if err != nil {
		return "", fmt.Errorf("%s was never released: %w", m.id(), err)
	}
	var record struct{ Digest string }
	if err := json.Unmarshal([]byte(text), &record); err != nil {
		return "", fmt.Errorf("%s/release.json: %w", m.Folder, err)
	}
	if record.Digest == "" {
		return "", errors.New(m.Folder + "/release.json: digest is empty: release the entry again")
	}
	sources, err := m.scanSources(ctx)
	if err != nil {
		return "", err
	}
	stage := m.stage().WithDirectory(".", sources).WithFile(publicFile, publicKey)
	return reaching(now(stage), registry, registryService, registryAuth).
		WithExec(catalogctl("verify", "--key", publicFile, path.Join(registry, m.id())+"@"+record.Digest)).
		Stdout(ctx)
}
