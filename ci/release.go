package main

import (
	"context"
	"errors"
	"path"
	"strings"

	"dagger/slipway/internal/dagger"
)

const (
	keyFile      = "/run/signing/cosign.key"
	publicFile   = "/run/signing/cosign.pub"
	dockerConfig = "/run/docker"
)

// Release takes the entry the whole way and publishes it, signed. It returns the tree to export to the catalog: the entry's release.json and,
// below dist/, its reports. It fails if the gate stays closed; the reports of that are what `scan` returns.
//
// Without a registry it publishes to dist/registry in that tree; without a key it signs with one that is made for this and thrown away, and
// its public half is dist/registry.pub.
//
// +cache="never"
func (e *Entry) Release(
	ctx context.Context,
	// The catalog; the repository of this module if it is left out
	// +defaultPath="/"
	// +ignore=["*", "!catalog", "!skills", "!schema", "!cue.mod", "!.npmrc"]
	source *dagger.Directory,
	// Repository to publish below, such as registry.example.com/mcp; a registry in a folder if it is left out
	// +optional
	registry string,
	// Where the host of that repository listens, if only the caller reaches it, such as tcp://localhost:5000
	// +optional
	registryService *dagger.Service,
	// Credentials, as Docker's config.json, such as file:$HOME/.docker/config.json
	// +optional
	registryAuth *dagger.Secret,
	// Private key of a cosign key pair to sign with, such as file:cosign.key
	// +optional
	key *dagger.Secret,
	// Password of the private key, such as env:COSIGN_PASSWORD
	// +optional
	keyPassword *dagger.Secret,
	// Public key that belongs to the private key
	// +optional
	publicKey *dagger.File,
	// OIDC token of whoever releases, such as env:SIGSTORE_ID_TOKEN. It reaches the step that signs, as Sigstore's clients expect it; until signing
	// without a key comes, a key is needed beside it
	// +optional
	identityToken *dagger.Secret,
) (*dagger.Directory, error) {
	m, err := e.in(ctx, source)
	if err != nil {
		return nil, err
	}
	if m.Kind == hosted { // nothing of it is published, so the step, which asks it, gets no secret
		registry, registryService, registryAuth, key, keyPassword, publicKey, identityToken = "", nil, nil, nil, nil, nil, nil
	}
	args := []string{"release", m.id()}
	stage, err := m.publishing(ctx)
	if err != nil {
		return nil, err
	}
	if registry != "" {
		args = append(args, "--registry", registry)
		// What is in the registry is no input of the step: each call asks it again, and does what is missing there.
		stage = reaching(now(stage), registry, registryService, registryAuth)
	}
	if (key == nil) != (publicKey == nil) || key == nil && registry != "" {
		return nil, errors.New("to publish, name both halves of a cosign key pair: --key and --public-key")
	}
	if key != nil {
		args = append(args, "--key", keyFile)
		stage = stage.WithMountedSecret(keyFile, key).WithFile(publicFile, publicKey)
	}
	if keyPassword != nil {
		stage = stage.WithSecretVariable("COSIGN_PASSWORD", keyPassword)
	}
	if identityToken != nil {
		stage = stage.WithSecretVariable("SIGSTORE_ID_TOKEN", identityToken)
	}
	done, err := stage.WithExec(catalogctl(args...)).Sync(ctx)
	if err != nil {
		return nil, err
	}
	tree := dag.Directory().WithDirectory(path.Join("dist/reports", m.id()), done.Directory(path.Join(outDir, "reports", m.id())))
	record := path.Join(m.Folder, "release.json")
	published, err := done.Exists(ctx, record)
	if err != nil || !published { // nothing is of a server that runs elsewhere
		return tree, err
	}
	tree = tree.WithFile(record, done.File(record))
	if registry == "" {
		tree = tree.WithDirectory("dist/registry", done.Directory(path.Join(outDir, "registry")))
	}
	if key == nil {
		tree = tree.WithFile("dist/registry.pub", done.File(path.Join(outDir, "keys", "cosign.pub")))
	}
	return tree, nil
}

// reaching is a stage that reaches the host of a repository, which may listen where only the caller can connect to.
func reaching(stage *dagger.Container, repository string, service *dagger.Service, auth *dagger.Secret) *dagger.Container {
	if service != nil {
		host, _, _ := strings.Cut(repository, "/")
		host, _, _ = strings.Cut(host, ":")
		stage = stage.WithServiceBinding(host, service)
	}
	if auth != nil {
		stage = stage.WithEnvVariable("DOCKER_CONFIG", dockerConfig).WithMountedSecret(dockerConfig+"/config.json", auth)
	}
	return stage
}
