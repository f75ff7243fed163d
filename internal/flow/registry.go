package flow

import (
	"net/http"
	"path/filepath"

	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/slipway-dev/slipway/internal/registry"
)

const embeddedHost = registry.Host

// EmbeddedRegistry opens the registry that is kept in the line's output folder.
func (l *Line) EmbeddedRegistry() (*registry.Registry, error) {
	return registry.New(filepath.Join(l.Out, "registry"))
}

// openRegistry returns a transport that serves the embedded registry's host without a port, unless another registry was asked for.
func (l *Line) openRegistry() (http.RoundTripper, error) {
	if l.Registry != "" {
		return remote.DefaultTransport, nil
	}
	embedded, err := l.EmbeddedRegistry()
	if err != nil {
		return nil, err
	}
	return registry.Transport(embeddedHost, embedded.Handler(), remote.DefaultTransport), nil
}
