package image

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/slipway-dev/slipway/internal/bounded"
	"github.com/slipway-dev/slipway/internal/fetch"
)

const (
	// maxManifest bounds a manifest, an index and a list of referrers; registries must take manifests of at least that size (OCI distribution
	// specification 1.1, "Pushing Manifests").
	maxManifest = 4 << 20
	// maxHandshake bounds an answer of the login.
	maxHandshake = 1 << 20
)

// contentError says that what a registry holds cannot be right, whatever the network does.
type contentError struct{ err error }

func (e *contentError) Error() string { return e.err.Error() }
func (e *contentError) Unwrap() error { return e.err }

// accepted are the media types of manifests that can be read.
var accepted = strings.Join([]string{ocispec.MediaTypeImageIndex, ocispec.MediaTypeImageManifest, dockerList, dockerManifest}, ", ")

// repository reads one repository of a registry.
type repository struct {
	name  name.Repository
	cache *fetch.Cache // through the registry's login
}

// repository returns a reader. Nothing is asked until something is read that is not in the cache.
func (i *Ecosystem) repository(named string) (*repository, error) {
	repo, err := name.NewRepository(named)
	if err != nil {
		return nil, fmt.Errorf("%q is no image repository: %w", named, err)
	}
	return &repository{name: repo, cache: i.cache.Through(&login{repository: repo, options: i.Options})}, nil
}

// at returns an address below the repository (OCI distribution specification 1.1, "Endpoints").
func (r *repository) at(kind, reference string) string {
	u := url.URL{Scheme: r.name.Scheme(), Host: r.name.RegistryStr(), Path: "/v2/" + r.name.RepositoryStr() + "/" + kind + "/" + reference}
	return u.String()
}

// tagged returns the manifest that a tag stands for now, and its digest.
func (r *repository) tagged(ctx context.Context, tag string) ([]byte, digest.Digest, error) {
	raw, err := r.cache.Document(ctx, r.at("manifests", tag), http.Header{"Accept": {accepted}}, maxManifest)
	if err != nil {
		return nil, "", r.explain(err)
	}
	return raw, digest.FromBytes(raw), nil
}

// manifest returns the manifest with a digest.
func (r *repository) manifest(ctx context.Context, of digest.Digest) ([]byte, error) {
	return r.read(ctx, "manifests", of, maxManifest)
}

// small returns a blob that is not a layer.
func (r *repository) small(ctx context.Context, d ocispec.Descriptor, limit int64) ([]byte, error) {
	if d.Size < 0 || d.Size > limit {
		return nil, &contentError{fmt.Errorf("%.100s says to have %d bytes, at most %d are read", d.Digest, d.Size, limit)}
	}
	raw, err := r.read(ctx, "blobs", d.Digest, limit)
	if err == nil && int64(len(raw)) != d.Size {
		err = &contentError{fmt.Errorf("%s has %d bytes, its descriptor says %d", d.Digest, len(raw), d.Size)}
	}
	return raw, err
}

func (r *repository) read(ctx context.Context, kind string, of digest.Digest, limit int64) ([]byte, error) {
	path, err := r.file(ctx, kind, of, limit)
	if err != nil {
		return nil, err
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return bounded.Read(file, limit)
}

// layer returns the file with a layer, of exactly the size that its descriptor says.
func (r *repository) layer(ctx context.Context, d ocispec.Descriptor) (string, error) {
	path, err := r.file(ctx, "blobs", d.Digest, d.Size)
	if err != nil {
		return "", err
	}
	info, err := os.Stat(path)
	if err == nil && info.Size() != d.Size {
		err = &contentError{fmt.Errorf("%s has %d bytes, its descriptor says %d", d.Digest, info.Size(), d.Size)}
	}
	return path, err
}

func (r *repository) file(ctx context.Context, kind string, of digest.Digest, limit int64) (string, error) {
	pinned, err := fetch.Parse(of.String())
	if err != nil {
		return "", &contentError{err}
	}
	header := http.Header{}
	if kind == "manifests" {
		header.Set("Accept", accepted)
	}
	path, err := r.cache.File(ctx, fetch.Request{URL: r.at(kind, of.String()), Header: header, Digest: pinned, MaxBytes: limit})
	return path, r.explain(err)
}

// explain says what to do about a registry that refuses.
func (r *repository) explain(err error) error {
	var status *fetch.StatusError
	if errors.As(err, &status) && (status.Code == http.StatusUnauthorized || status.Code == http.StatusForbidden) {
		return fmt.Errorf("%s refuses to show %s: check the name, and log in with docker login %s if it is private: %w",
			r.name.RegistryStr(), r.name.RepositoryStr(), r.name.RegistryStr(), err)
	}
	return err
}

// missing reports whether a registry has not what it was asked for.
func missing(err error) bool {
	var status *fetch.StatusError
	return errors.As(err, &status) && status.Code == http.StatusNotFound
}

// login is the way to a registry: at the first request it answers the registry's challenge with the user's credentials, which no other host
// gets to see.
type login struct {
	repository name.Repository
	options    Options

	mu     sync.Mutex
	inside http.RoundTripper
}

// RoundTrip sends a request with what the login gave. A registry or a token server that refuses the login has answered; who asks then sees
// that answer as the one to his request.
func (l *login) RoundTrip(request *http.Request) (*http.Response, error) {
	inside, err := l.open(request.Context())
	var refused *transport.Error
	if errors.As(err, &refused) && refused.StatusCode != 0 {
		return &http.Response{
			Status: http.StatusText(refused.StatusCode), StatusCode: refused.StatusCode, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
			Header: http.Header{}, Body: http.NoBody, Request: request,
		}, nil
	}
	if err != nil {
		return nil, err
	}
	// The login changes what it sends, and a RoundTripper must not change what it is given.
	return inside.RoundTrip(request.Clone(request.Context()))
}

func (l *login) open(ctx context.Context) (http.RoundTripper, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.inside != nil {
		return l.inside, nil
	}
	credentials, err := l.options.Keychain.Resolve(l.repository)
	if err != nil {
		return nil, fmt.Errorf("the credentials for %s: %w", l.repository.RegistryStr(), err)
	}
	inside, err := transport.NewWithContext(ctx, l.repository.Registry, credentials, &handshake{l.options.Transport, "/v2/" + l.repository.RepositoryStr() + "/"},
		[]string{l.repository.Scope(transport.PullScope)})
	if err == nil {
		l.inside = inside
	}
	return inside, err
}

// handshake bounds the answers to all requests but those for content, which whoever reads it bounds.
type handshake struct {
	next    http.RoundTripper
	content string // the path of content begins with it
}

func (h *handshake) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := h.next.RoundTrip(request)
	// Content may be kept elsewhere, where the request for it arrives with its headers.
	content := strings.HasPrefix(request.URL.Path, h.content) || request.Header.Get("Accept-Encoding") == "identity"
	if err != nil || content {
		return response, err
	}
	response.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(response.Body, maxHandshake), response.Body}
	return response, nil
}
