package inspect

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/sandbox"
)

// listenWithin is how long an HTTP server may take to listen.
const listenWithin = 30 * time.Second

// listening waits until something listens on the port inside the sandbox.
func listening(ctx context.Context, process *sandbox.Process, port int) error {
	go func() {
		// What an HTTP server prints is nobody's, but a full pipe would stop it.
		_, _ = io.Copy(io.Discard, process.Stdout)
	}()
	deadline := time.Now().Add(listenWithin)
	for {
		conn, err := process.Dial(ctx, port)
		switch {
		case err == nil:
			return conn.Close()
		case !errors.Is(err, sandbox.ErrRefused):
			return err
		case time.Now().After(deadline):
			return failf(Unreachable, "", "The server does not listen on port %d after %v. Check transport.port, and that it listens on 127.0.0.1 or all addresses.", port, listenWithin)
		}
		select {
		case <-process.Done():
			return failf(Unreachable, "", "The server ended before it listened on port %d.", port)
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// streamable is the specification's "Streamable HTTP" to a port inside the sandbox.
func streamable(process *sandbox.Process, t entry.Transport, log *transcript) mcp.Transport {
	inside := &http.Transport{
		DialContext:        func(ctx context.Context, _, _ string) (net.Conn, error) { return process.Dial(ctx, t.Port) },
		DisableCompression: true, MaxConnsPerHost: 4, MaxResponseHeaderBytes: 64 << 10,
	}
	return overHTTP("http://127.0.0.1:"+strconv.Itoa(t.Port)+t.Path, inside, log)
}

// overHTTP is a transport whose messages log follows, to an endpoint that base reaches.
func overHTTP(endpoint string, base http.RoundTripper, log *transcript) mcp.Transport {
	return &mcp.StreamableClientTransport{
		Endpoint: endpoint,
		HTTPClient: &http.Client{
			Transport:     &follower{base: base, log: log},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		MaxRetries: -1, DisableStandaloneSSE: true, MaxEventSize: maxMessage,
	}
}

// follower shows all messages that pass over HTTP to the transcript.
type follower struct {
	base http.RoundTripper
	log  *transcript
}

// RoundTrip implements [http.RoundTripper]. The answer's body is checked before its reader sees it.
func (f *follower) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		body, err := io.ReadAll(r.Body)
		if err = errors.Join(err, r.Body.Close()); err != nil {
			return nil, err
		}
		f.log.sent(body)
		r = r.Clone(r.Context())
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	resp, err := f.base.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	switch kind {
	case "text/event-stream":
		resp.Body = &events{body: resp.Body, lines: bufio.NewReaderSize(resp.Body, 64<<10), log: f.log}
	default:
		body, err := io.ReadAll(io.LimitReader(resp.Body, maxMessage+1))
		if err = errors.Join(err, resp.Body.Close()); err != nil {
			return nil, fmt.Errorf("read the answer: %w", err)
		}
		if err := f.log.weigh(len(body)); err != nil {
			return nil, err
		}
		if len(body) > maxMessage {
			return nil, f.log.failed(failf(TooLarge, "", "The server sent an answer of more than %d MiB.", maxMessage>>20))
		}
		content := len(bytes.TrimSpace(body)) > 0
		if content && kind != "application/json" && resp.StatusCode/100 == 2 {
			return nil, f.log.failed(failf(ProtocolError, "", "The server answered with %q, which is none of the protocol's: %s. Check transport.path.",
				kind, excerpt(string(bytes.ToValidUTF8(body, nil)), 200)))
		}
		if kind == "application/json" && resp.StatusCode < http.StatusBadRequest && content {
			if err := f.log.received(body); err != nil {
				return nil, err
			}
		}
		resp.Body = io.NopCloser(bytes.NewReader(body))
	}
	return resp, nil
}

// events is the body of an event stream (HTML, "Server-sent events"), read line by line.
type events struct {
	body  io.Closer
	lines *bufio.Reader
	log   *transcript
	data  []byte // of the event that is not complete yet
	ready []byte // checked, to be read
}

func (e *events) Close() error { return e.body.Close() }

func (e *events) Read(p []byte) (int, error) {
	for len(e.ready) == 0 {
		if err := e.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, e.ready)
	e.ready = e.ready[n:]
	return n, nil
}

// next reads a line. An event is checked at the blank line that ends it, before that is passed on.
func (e *events) next() error {
	var line []byte
	for {
		part, err := e.lines.ReadSlice('\n')
		if over := e.log.weigh(len(part)); over != nil {
			return over
		}
		line = append(line, part...)
		if len(line)+len(e.data) > maxMessage {
			return e.log.failed(failf(TooLarge, "", "The server sent an event of more than %d MiB.", maxMessage>>20))
		}
		if err == nil {
			break
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			if err == io.EOF && len(line) > 0 {
				break
			}
			return err
		}
	}
	content := bytes.TrimRight(line, "\r\n")
	if value, ok := bytes.CutPrefix(content, []byte("data:")); ok {
		if len(e.data) > 0 {
			e.data = append(e.data, '\n')
		}
		e.data = append(e.data, bytes.TrimPrefix(value, []byte(" "))...)
	}
	if len(content) == 0 && len(e.data) > 0 {
		data := e.data
		e.data = nil
		if err := e.log.received(data); err != nil {
			return err
		}
	}
	e.ready = line
	return nil
}
