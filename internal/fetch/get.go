package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// maxRedirects is how many redirects one request follows.
const maxRedirects = 5

// transferError is a failure between here and the server, as opposed to one of the disk or of the content. It does not name the URL.
type transferError struct{ err error }

func (e *transferError) Error() string { return e.err.Error() }
func (e *transferError) Unwrap() error { return e.err }

// get asks once for address and hands the body, which may hold limit bytes, to read.
func (c *Cache) get(ctx context.Context, address string, header http.Header, limit int64, read func(io.Reader) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watchdog := time.AfterFunc(c.stall, func() { cancel(fmt.Errorf("the server sent nothing for %s", c.stall)) })
	defer watchdog.Stop()

	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		// The parser's error would repeat the address with all that it holds.
		return fmt.Errorf("cannot fetch %s: not a valid URL", redact(address))
	}
	if s := request.URL.Scheme; s != "http" && s != "https" || request.URL.Host == "" {
		return fmt.Errorf("cannot fetch %s: only http and https URLs can be fetched", redact(address))
	}
	for name, values := range header {
		request.Header[http.CanonicalHeaderKey(name)] = values
	}
	if request.Header.Get("User-Agent") == "" {
		request.Header.Set("User-Agent", "slipway")
	}
	response, err := c.client.Do(request)
	if err != nil {
		return transferFailure(ctx, err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return &StatusError{URL: redact(address), Code: response.StatusCode, RetryAfter: response.Header.Get("Retry-After")}
	}
	if response.ContentLength > limit {
		return &SizeError{URL: redact(address), Max: limit}
	}
	return read(&bodyReader{
		body:     response.Body,
		left:     limit,
		alive:    func() { watchdog.Reset(c.stall) },
		tooLarge: &SizeError{URL: redact(address), Max: limit},
		broken:   func(err error) error { return transferFailure(ctx, err) },
	})
}

// bodyReader reads a body up to a limit, and tells failures of the transfer from those of whoever reads it.
type bodyReader struct {
	body     io.Reader
	left     int64
	alive    func()
	tooLarge error
	broken   func(error) error
}

func (b *bodyReader) Read(p []byte) (int, error) {
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.body.Read(p)
	if n > 0 {
		b.alive()
	}
	if int64(n) > b.left {
		return 0, b.tooLarge
	}
	b.left -= int64(n)
	if err != nil && err != io.EOF {
		err = b.broken(err)
	}
	return n, err
}

// transferFailure describes err without the URL that net/http puts into it.
func transferFailure(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	var inURL *url.Error
	if errors.As(err, &inURL) {
		err = inURL.Err
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = fmt.Errorf("the server closed the connection before the end of its answer: %w", err)
	}
	return &transferError{err}
}

// checkRedirect follows few redirects, none of which gives up encryption or carries the caller's header to another host.
func checkRedirect(request *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects {
		return fmt.Errorf("%w: the server redirects more than %d times", errRedirect, maxRedirects)
	}
	first := via[0]
	if via[len(via)-1].URL.Scheme == "https" && request.URL.Scheme != "https" {
		return fmt.Errorf("%w: the server redirects from https to %s", errRedirect, redact(request.URL.String()))
	}
	request.Header.Del("Referer") // may hold the query of where we come from
	for _, hop := range append(via[1:len(via):len(via)], request) {
		if hop.URL.Host == first.URL.Host && hop.URL.Scheme == first.URL.Scheme {
			continue
		}
		for name := range request.Header {
			if name != "User-Agent" && name != "Accept" && name != "Accept-Encoding" {
				request.Header.Del(name)
			}
		}
	}
	return nil
}
