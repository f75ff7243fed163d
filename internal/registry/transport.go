package registry

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// Transport sends requests for one host, as it stands in their URLs, to a handler in this process, without opening a port, and all others to
// next. Bodies are streamed in both directions. A request's context ends it as with a connection: RoundTrip or the reading of the body fail
// with the context's error, and the handler sees its own context cancelled.
func Transport(host string, h http.Handler, next http.RoundTripper) http.RoundTripper {
	return &transport{host: host, handler: h, next: next}
}

type transport struct {
	host    string
	handler http.Handler
	next    http.RoundTripper
}

func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if !strings.EqualFold(req.URL.Host, t.host) {
		return t.next.RoundTrip(req)
	}
	// The handler goes on while the caller reads the body, so its context ends with the body and not with this call.
	ctx, cancel := context.WithCancel(req.Context())
	reader, writer := io.Pipe()
	w := &responseWriter{header: http.Header{}, head: req.Method == http.MethodHead, body: writer, ready: make(chan struct{})}
	stop := context.AfterFunc(req.Context(), func() { writer.CloseWithError(context.Cause(req.Context())) })
	go func() {
		defer cancel()
		defer stop()
		err := call(t.handler, w, serverRequest(ctx, req))
		if err == nil {
			err = context.Cause(req.Context()) // then the handler may have stopped half-way
		}
		w.finish(err)
	}()
	select {
	case <-w.ready:
	case <-req.Context().Done():
		return nil, context.Cause(req.Context())
	}
	if w.failure != nil {
		return nil, w.failure
	}
	return w.response(req, &responseBody{PipeReader: reader, cancel: cancel}), nil
}

// call runs the handler and closes the request's body, whatever happens, as http.RoundTripper demands.
func call(h http.Handler, w http.ResponseWriter, req *http.Request) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the embedded registry failed on %s %s: %v", req.Method, req.URL.Path, p)
		}
		req.Body.Close() // all of it that counts has been read
	}()
	h.ServeHTTP(w, req)
	return nil
}

// serverRequest is a client's request in the form that a handler expects.
func serverRequest(ctx context.Context, req *http.Request) *http.Request {
	in := req.Clone(ctx)
	in.URL = &url.URL{Path: req.URL.Path, RawPath: req.URL.RawPath, RawQuery: req.URL.RawQuery}
	in.RequestURI = in.URL.RequestURI()
	if in.Host == "" {
		in.Host = req.URL.Host
	}
	in.Proto, in.ProtoMajor, in.ProtoMinor = "HTTP/1.1", 1, 1
	in.RemoteAddr = "127.0.0.1:0"
	in.GetBody = nil
	switch req.Body {
	case nil, http.NoBody:
		in.Body, in.ContentLength = http.NoBody, 0
	default:
		if req.ContentLength == 0 {
			in.ContentLength = -1 // zero means unknown to a client, none to a server
		}
		in.Body = &requestBody{ReadCloser: req.Body, ctx: ctx}
	}
	return in
}

// requestBody gives the handler nothing more once the request has been cancelled.
type requestBody struct {
	io.ReadCloser
	ctx context.Context
}

func (b *requestBody) Read(p []byte) (int, error) {
	if err := context.Cause(b.ctx); err != nil {
		return 0, err
	}
	return b.ReadCloser.Read(p)
}

// responseBody ends the handler when the caller has had enough.
type responseBody struct {
	*io.PipeReader
	cancel context.CancelFunc
}

func (b *responseBody) Close() error {
	b.cancel()
	return b.PipeReader.Close()
}

// responseWriter makes a response of what a handler writes. Only the handler's goroutine uses it until ready is closed, and the fields of the
// response do not change after that.
//
// As with net/http's server, a response without a body arrives when the handler has returned: a client may take it for the end of what it
// asked for, and go on with what that must not overlap.
type responseWriter struct {
	header http.Header
	body   *io.PipeWriter
	head   bool

	ready     chan struct{}
	delivered bool // ready is closed
	started   bool // the header is complete
	status    int
	sent      http.Header // header at the time of WriteHeader
	length    int64       // announced; negative if it was not
	written   int64
	failure   error
}

func (w *responseWriter) Header() http.Header { return w.header }

func (w *responseWriter) WriteHeader(status int) {
	if w.started {
		return
	}
	w.started, w.status, w.sent, w.length = true, status, w.header.Clone(), -1
	if n, err := strconv.ParseInt(w.sent.Get("Content-Length"), 10, 64); err == nil && n >= 0 {
		w.length = n
	}
}

// deliver gives the response to the client, once.
func (w *responseWriter) deliver() {
	if !w.delivered {
		w.delivered = true
		close(w.ready)
	}
}

// Flush implements [http.Flusher].
func (w *responseWriter) Flush() {
	w.WriteHeader(http.StatusOK)
	w.deliver()
}

func (w *responseWriter) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	if w.head {
		return len(p), nil
	}
	if w.length >= 0 && int64(len(p)) > w.length-w.written {
		return 0, http.ErrContentLength
	}
	if len(p) > 0 {
		w.deliver()
	}
	n, err := w.body.Write(p)
	w.written += int64(n)
	return n, err
}

// finish ends the body: cleanly only if all that was announced has been written.
func (w *responseWriter) finish(err error) {
	w.WriteHeader(http.StatusOK)
	if err == nil && !w.head && w.length > w.written {
		err = io.ErrUnexpectedEOF
	}
	if !w.delivered {
		w.failure = err
	}
	w.deliver()
	w.body.CloseWithError(err) // nil ends in io.EOF
}

func (w *responseWriter) response(req *http.Request, body io.ReadCloser) *http.Response {
	return &http.Response{
		Status: strconv.Itoa(w.status) + " " + http.StatusText(w.status), StatusCode: w.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.sent, ContentLength: w.length, Body: body, Request: req,
	}
}
