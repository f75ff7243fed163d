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
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return streamableBy(&http.Client{Transport: &follower{base: base, log: log}, CheckRedirect: stay}, endpoint)
}

func streamableBy(client *http.Client, endpoint string) mcp.Transport {
	return &mcp.StreamableClientTransport{
		Endpoint: endpoint, HTTPClient: client,
		MaxRetries: -1, DisableStandaloneSSE: true, MaxEventSize: maxMessage,
	}
}

// follower shows all messages that pass over HTTP to the transcript.
type follower struct {
	base http.RoundTripper
	log  *transcript
	// stream says that messages come on one stream, as in the older HTTP+SSE, so that what answers a POST is none.
	stream bool
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
	kind := mediaType(resp)
	if kind == "text/event-stream" {
		resp.Body = &events{body: resp.Body, lines: bufio.NewReaderSize(resp.Body, 64<<10), log: f.log}
		return resp, nil
	}
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
	if err := f.answer(r, resp, kind, body); err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, nil
}

// answer checks an answer that is no stream. What comes with 202 Accepted is a courtesy: such an answer has no message.
func (f *follower) answer(r *http.Request, resp *http.Response, kind string, body []byte) error {
	acknowledged := resp.StatusCode == http.StatusAccepted || f.stream && r.Method == http.MethodPost
	switch {
	case acknowledged || len(bytes.TrimSpace(body)) == 0:
		return nil
	case kind == "application/json" && resp.StatusCode < http.StatusBadRequest:
		return f.log.received(body)
	case kind != "application/json" && resp.StatusCode/100 == 2:
		return f.log.failed(failf(ProtocolError, "", "The server answered with %q, which is none of the protocol's: %s. Check transport.path.",
			kind, excerpt(string(bytes.ToValidUTF8(body, nil)), 200)))
	default:
		return nil
	}
}

// mediaType is the type of an answer's body, without parameters; empty if the answer does not say.
func mediaType(resp *http.Response) string {
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	return kind
}

// events is the body of an event stream (HTML, "Server-sent events"), read event by event.
type events struct {
	body  io.Closer
	lines *bufio.Reader
	log   *transcript
	event []byte // not complete yet
	name  string // of that event
	data  []byte // of that event
	ready []byte // checked, to be read
	ended error
}

func (e *events) Close() error { return e.body.Close() }

func (e *events) Read(p []byte) (int, error) {
	for len(e.ready) == 0 {
		if e.ended != nil {
			return 0, e.ended
		}
		if err := e.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, e.ready)
	e.ready = e.ready[n:]
	return n, nil
}

// next reads a line. The blank line that ends an event, or the end of the stream, lets it pass.
func (e *events) next() error {
	start := len(e.event)
	for {
		part, err := e.lines.ReadSlice('\n')
		if over := e.log.weigh(len(part)); over != nil {
			return over
		}
		if e.event = append(e.event, part...); len(e.event) > maxMessage {
			return e.log.failed(failf(TooLarge, "", "The server sent an event of more than %d MiB.", maxMessage>>20))
		}
		if err == nil {
			break
		}
		if err == io.EOF {
			e.ended = err
			break
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return err
		}
	}
	line := bytes.TrimRight(e.event[start:], "\r\n")
	field, value, _ := bytes.Cut(line, []byte(":"))
	value = bytes.TrimPrefix(value, []byte(" "))
	switch string(field) {
	case "event":
		e.name = string(value)
	case "data":
		if len(e.data) > 0 {
			e.data = append(e.data, '\n')
		}
		e.data = append(e.data, value...)
	}
	if len(line) == 0 || e.ended != nil {
		return e.pass()
	}
	return nil
}

// pass checks an event that is complete. Clients pass over events of other names, such as a server's own sign of life.
func (e *events) pass() error {
	event, name, data := e.event, e.name, e.data
	e.event, e.name, e.data = nil, "", nil
	switch name {
	case "", "message":
		if len(data) > 0 {
			if err := e.log.received(data); err != nil {
				return err
			}
		}
	case "endpoint":
	default:
		return nil
	}
	e.ready = event
	return nil
}
