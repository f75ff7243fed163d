package verify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// ErrNotFound says that the registry has no such manifest or blob.
var ErrNotFound = errors.New("the registry does not have it")

// ContentError says that what a registry holds cannot be right, whatever the network does.
type ContentError struct {
	What string
	Err  error
}

func (e *ContentError) Error() string { return e.What + ": " + e.Err.Error() }
func (e *ContentError) Unwrap() error { return e.Err }

// Repository reads one repository of a registry. Every read is bounded and, where a digest is known, checked against it.
type Repository struct {
	name    name.Repository
	puller  *remote.Puller
	options []remote.Option
}

// Manifest is a manifest as the registry gave it, its digest computed from the bytes.
type Manifest struct {
	v1.Descriptor
	Raw []byte
}

// Open returns a reader of the repository.
func Open(ctx context.Context, repo name.Repository, access Access) (*Repository, error) {
	options := access.Options(ctx)
	puller, err := remote.NewPuller(options...)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", repo, err)
	}
	return &Repository{name: repo, puller: puller, options: append(options, remote.Reuse(puller))}, nil
}

// Manifest reads a manifest of at most 4 MiB. The error wraps [ErrNotFound] or is a [*ContentError], where it is not the network's.
func (r *Repository) Manifest(ctx context.Context, ref name.Reference) (*Manifest, error) {
	d, err := r.puller.Get(ctx, ref)
	if err != nil {
		return nil, Explain(ref.String(), err)
	}
	digest, size, err := v1.SHA256(bytes.NewReader(d.Manifest))
	if err != nil {
		return nil, err
	}
	if want, ok := ref.(name.Digest); ok && want.DigestStr() != digest.String() {
		return nil, &ContentError{What: ref.String(), Err: fmt.Errorf("the registry gave a manifest with the digest %s", digest)}
	}
	return &Manifest{Descriptor: v1.Descriptor{MediaType: d.MediaType, Digest: digest, Size: size}, Raw: d.Manifest}, nil
}

// Resolve returns the digest that a tag stands for, or an error that wraps [ErrNotFound].
func (r *Repository) Resolve(ctx context.Context, tag name.Tag) (string, error) {
	m, err := r.Manifest(ctx, tag) // not HEAD: its digest would be the registry's word
	if err != nil {
		return "", err
	}
	return m.Digest.String(), nil
}

// Blob reads a blob of at most limit bytes and checks its size and digest.
func (r *Repository) Blob(ctx context.Context, d v1.Descriptor, limit int64) ([]byte, error) {
	if d.Size > limit || d.Size < 0 {
		return nil, &ContentError{What: d.Digest.String(), Err: fmt.Errorf("it says to have %d bytes, at most %d are read", d.Size, limit)}
	}
	var data []byte
	err := r.blob(ctx, d, func(rc io.Reader) (err error) {
		data, err = io.ReadAll(rc)
		return err
	})
	return data, err
}

// CheckBlob downloads a blob and checks its size and digest.
func (r *Repository) CheckBlob(ctx context.Context, d v1.Descriptor) error {
	return r.blob(ctx, d, func(rc io.Reader) error {
		_, err := io.Copy(io.Discard, rc)
		return err
	})
}

// blob gives read at most d.Size bytes, and again from the beginning if the connection breaks.
func (r *Repository) blob(ctx context.Context, d v1.Descriptor, read func(io.Reader) error) error {
	what := r.name.Digest(d.Digest.String())
	for attempt := 1; ; attempt++ {
		err := r.tryBlob(ctx, what, d, read)
		if err == nil || attempt == attempts || !transient(err) {
			return err
		}
		if err := sleep(ctx, firstPause); err != nil {
			return err
		}
	}
}

func (r *Repository) tryBlob(ctx context.Context, what name.Digest, d v1.Descriptor, read func(io.Reader) error) error {
	l, err := r.puller.Layer(ctx, what)
	if err != nil {
		return Explain(what.String(), err)
	}
	rc, err := l.Compressed() // checks the digest at the end of the stream
	if err != nil {
		return Explain(what.String(), err)
	}
	defer rc.Close()
	counted := &counter{r: rc, left: d.Size}
	if err := read(counted); err != nil {
		return Explain(what.String(), err)
	}
	if counted.left != 0 {
		return &ContentError{What: what.String(), Err: fmt.Errorf("it is shorter than the %d bytes that its descriptor says", d.Size)}
	}
	return nil
}

// counter fails as soon as more than left bytes come.
type counter struct {
	r    io.Reader
	left int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.left -= int64(n)
	if c.left < 0 {
		return 0, &ContentError{What: "blob", Err: errors.New("it is longer than its descriptor says")}
	}
	return n, err
}

// HasBlob checks that a blob is there with the descriptor's size, without downloading it. Where it is not, the error wraps [ErrNotFound] or
// is a [*ContentError].
func (r *Repository) HasBlob(ctx context.Context, d v1.Descriptor) error {
	what := r.name.Digest(d.Digest.String())
	l, err := r.puller.Layer(ctx, what)
	if err != nil {
		return Explain(what.String(), err)
	}
	size, err := l.Size() // HEAD
	if err != nil {
		return Explain(what.String(), err)
	}
	if size != d.Size {
		return &ContentError{What: what.String(), Err: fmt.Errorf("the registry has %d bytes, its descriptor says %d", size, d.Size)}
	}
	return nil
}

// Referrers lists the manifests that name subject, asking the referrers API or, where the registry has none, the tag that stands in for it
// (OCI distribution specification 1.1, "Listing Referrers" and "Referrers Tag Schema").
func (r *Repository) Referrers(ctx context.Context, subject v1.Hash) ([]v1.Descriptor, error) {
	what := r.name.Digest(subject.String())
	index, err := remote.Referrers(what, append(slices.Clip(r.options), remote.WithContext(ctx))...)
	if err != nil {
		return nil, Explain("referrers of "+what.String(), err)
	}
	list, err := index.IndexManifest()
	if err != nil {
		return nil, &ContentError{What: "referrers of " + what.String(), Err: err}
	}
	return list.Manifests, nil
}

// Explain makes an error say what a user can do about it, and tells content that cannot be right from a network that failed: what is no
// answer of the registry, no failed request and no broken connection is a check of size, digest or syntax that did not hold.
func Explain(what string, err error) error {
	if err == nil {
		return nil
	}
	var bad *ContentError
	if errors.As(err, &bad) {
		return err
	}
	var answer *transport.Error
	if !errors.As(err, &answer) {
		var network net.Error
		if errors.As(err, &network) || transient(err) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
			return fmt.Errorf("%s: %w", what, err)
		}
		return &ContentError{What: what, Err: err}
	}
	switch answer.StatusCode {
	case http.StatusNotFound:
		return fmt.Errorf("%s: %w", what, ErrNotFound)
	case http.StatusUnauthorized, http.StatusForbidden:
		return fmt.Errorf("%s: the registry refuses (%d): log in to it with docker login, or ask for access: %w", what, answer.StatusCode, err)
	}
	return fmt.Errorf("%s: the registry answered %d: %w", what, answer.StatusCode, err)
}
