package flow

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/slipway-dev/slipway/internal/progress"
	"github.com/slipway-dev/slipway/internal/sign"
)

// KeyDir returns the folder of the line's own key pair.
func (l *Line) KeyDir() string { return filepath.Join(l.Out, "keys") }

// identityVariable holds an OIDC token, by which Sigstore's clients sign without a key.
const identityVariable = "SIGSTORE_ID_TOKEN"

// key returns the key to sign with.
func (l *Line) key() (*sign.Key, error) {
	password := []byte(l.variable(passwordVariable))
	if l.KeyFile == "" && l.variable(identityVariable) != "" {
		// A key that nobody knows is not what whoever set it wants.
		return nil, fmt.Errorf("%s holds an identity to sign with, but signing without a key comes with a later version: name a key with --key, or unset it", identityVariable)
	}
	if l.KeyFile == "" {
		key, created, err := sign.Local(l.KeyDir(), password)
		if created {
			l.Progress(progress.Event{Entry: "keys", Step: "make", State: progress.Done, Detail: "a new key pair in " + l.KeyDir() +
				": it proves that this machine made a release, not who did"})
		}
		return key, err
	}
	private, err := l.privateKey()
	if err != nil {
		return nil, fmt.Errorf("the signing key: %w", err)
	}
	public, err := os.ReadFile(l.publicKeyFile())
	if err != nil {
		return nil, fmt.Errorf("the public key that belongs to %s: %w", l.KeyFile, err)
	}
	return sign.NewKey(private, public, password)
}

// inEnvironment begins a KeyFile that names an environment variable, as cosign writes it. Such a key need never be in a file.
const inEnvironment = "env://"

func (l *Line) privateKey() ([]byte, error) {
	name, isVariable := strings.CutPrefix(l.KeyFile, inEnvironment)
	if !isVariable {
		return os.ReadFile(l.KeyFile)
	}
	if value := l.variable(name); value != "" {
		return []byte(value), nil
	}
	return nil, fmt.Errorf("%s: the environment variable %s is empty", l.KeyFile, name)
}

// publicKeyFile returns where the public half of KeyFile is.
func (l *Line) publicKeyFile() string {
	if strings.HasPrefix(l.KeyFile, inEnvironment) {
		return filepath.Join(l.Root, sign.PublicFile)
	}
	return strings.TrimSuffix(l.KeyFile, ".key") + ".pub"
}

// variable returns the value of an environment variable, empty if it is not set.
func (l *Line) variable(name string) string {
	for _, v := range l.Environ {
		if value, ok := strings.CutPrefix(v, name+"="); ok {
			return value
		}
	}
	return ""
}
