package verify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/slipway-dev/slipway/internal/bounded"
)

// Access is how a registry is reached.
type Access struct {
	Transport http.RoundTripper // nil means [remote.DefaultTransport]
	Keychain  authn.Keychain    // nil means anonymously
}

// Options returns the options for package remote: bounded answers, and retries that heed Retry-After and send the request's body again,
// which the library's own do not.
func (a Access) Options(ctx context.Context) []remote.Option {
	return []remote.Option{
		remote.WithContext(ctx),
		remote.WithTransport(a.transport()),
		remote.WithAuthFromKeychain(a.keychain()),
		remote.WithUserAgent("slipway"),
		remote.WithRetryStatusCodes(),
		remote.WithRetryPredicate(func(error) bool { return false }),
	}
}

// Client returns an HTTP client with the same bounds and retries, for other libraries than package remote.
func (a Access) Client() *http.Client { return &http.Client{Transport: a.transport()} }

// Credentials returns what the keychain knows for a registry.
func (a Access) Credentials(ctx context.Context, registry name.Registry) (*authn.AuthConfig, error) {
	found, err := authn.Resolve(ctx, a.keychain(), registry)
	if err != nil {
		return nil, err
	}
	return authn.Authorization(ctx, found)
}

func (a Access) transport() http.RoundTripper {
	if a.Transport == nil {
		return patient{remote.DefaultTransport}
	}
	return patient{a.Transport}
}

func (a Access) keychain() authn.Keychain {
	if a.Keychain == nil {
		return authn.NewMultiKeychain() // knows nobody
	}
	return a.Keychain
}

const (
	attempts     = 4
	firstPause   = 200 * time.Millisecond
	longestPause = time.Minute
	// maxAnswer bounds every answer that is not a blob, in bytes: the OCI distribution specification asks registries to take manifests of at
	// least 4 MiB, and ours have a few kilobytes.
	maxAnswer = 4 << 20
)

// patient repeats what failed for a passing reason, and bounds what it reads. Answers other than blobs are read whole, so that a connection
// cut in the middle of one is noticed here and the request repeated.
type patient struct{ base http.RoundTripper }

func (p patient) RoundTrip(req *http.Request) (*http.Response, error) {
	pause := firstPause
	for attempt := 1; ; attempt++ {
		again, err := replay(req, attempt)
		if err != nil {
			return nil, err
		}
		resp, err := p.base.RoundTrip(again)
		if err == nil {
			err = readWhole(req, resp)
		}
		wait, passing := passing(resp, err, pause)
		if !passing || attempt == attempts || wait > longestPause {
			return resp, err
		}
		if err := sleep(req.Context(), wait); err != nil {
			return nil, err
		}
		if !repeatable(req) {
			return resp, err // whoever sent it must begin again, after this pause
		}
		if resp != nil {
			resp.Body.Close()
		}
		pause *= 3
	}
}

// repeatable reports whether a request can be sent again as it is: not a body that was streamed, and not a step of an upload, which the
// registry may have taken although its answer was lost.
func repeatable(req *http.Request) bool {
	step := (req.Method == http.MethodPut || req.Method == http.MethodPatch) && !strings.Contains(req.URL.Path, "/manifests/")
	return !step && (req.Body == nil || req.Body == http.NoBody || req.GetBody != nil)
}

// replay returns the request for an attempt, with its body from the beginning.
func replay(req *http.Request, attempt int) (*http.Request, error) {
	if attempt == 1 || req.GetBody == nil {
		return req, nil
	}
	body, err := req.GetBody()
	if err != nil {
		return nil, err
	}
	again := req.Clone(req.Context())
	again.Body = body
	return again, nil
}

// passing reports whether an outcome may be another one if the request is repeated, and after how long.
func passing(resp *http.Response, err error, pause time.Duration) (time.Duration, bool) {
	if err != nil {
		return pause, transient(err)
	}
	return retryAfter(resp.Header.Get("Retry-After"), pause), busy(resp.StatusCode)
}

// busy reports whether a status says that the same request may succeed later.
func busy(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusBadGateway,
		http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// Retry reports whether doing the same again may help: a connection broke, or the registry was busy.
func Retry(err error) bool {
	var answer *transport.Error
	return transient(err) || errors.As(err, &answer) && busy(answer.StatusCode)
}

// transient reports whether err is a connection that broke.
func transient(err error) bool {
	return errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// retryAfter reads the header in both its forms, see RFC 9110, section 10.2.3.
func retryAfter(header string, otherwise time.Duration) time.Duration {
	if seconds, err := strconv.Atoi(header); err == nil && seconds >= 0 {
		return min(time.Duration(seconds)*time.Second, longestPause+1)
	}
	if at, err := http.ParseTime(header); err == nil {
		return max(time.Until(at), 0)
	}
	return otherwise
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// readWhole replaces the body of an answer that is not a blob by its bytes.
func readWhole(req *http.Request, resp *http.Response) error {
	if req.Method != http.MethodGet || strings.Contains(req.URL.Path, "/blobs/") && resp.StatusCode < 300 {
		return nil
	}
	defer resp.Body.Close()
	text, err := bounded.Read(resp.Body, maxAnswer)
	var size *bounded.SizeError
	if errors.As(err, &size) {
		return &ContentError{What: req.URL.Redacted(), Err: fmt.Errorf("the answer is %w", err)}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", req.URL.Redacted(), err)
	}
	resp.Body = io.NopCloser(bytes.NewReader(text))
	return nil
}
