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

// key returns the key to sign with.
func (l *Line) key() (*sign.Key, error) {
	password := []byte(l.variable(passwordVariable))
	if l.KeyFile == "" {
		key, created, err := sign.Local(l.KeyDir(), password)
		if created {
			l.Progress(progress.Event{Entry: "keys", Step: "make", State: progress.Done, Detail: "a new key pair in " + l.KeyDir() +
				": it proves that this machine made a release, not who did"})
		}
		return key, err
	}
	private, err := os.ReadFile(l.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("the signing key: %w", err)
	}
	name := strings.TrimSuffix(l.KeyFile, ".key") + ".pub"
	public, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("the public key that belongs to %s: %w", l.KeyFile, err)
	}
	return sign.NewKey(private, public, password)
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
