package inspect

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/public"
)

// hosted is an entry for a server at an address.
func hosted(address string, t entry.TransportType) entry.Entry {
	return entry.Entry{Kind: entry.Remote, Name: "test", Remote: &entry.Server{URL: address}, Transport: &entry.Transport{Type: t}}
}

// loopback reaches a test's server as any other one is reached, but that its address is allowed and its certificate known.
func loopback(web *httptest.Server) http.RoundTripper {
	transport := public.Transport(netip.MustParsePrefix("127.0.0.0/8"))
	transport.TLSClientConfig = web.Client().Transport.(*http.Transport).TLSClientConfig
	return transport
}

// ask inspects what a handler serves, at its path /mcp.
func askRemote(t *testing.T, h http.Handler, transport entry.TransportType) (*Result, error) {
	t.Helper()
	web := httptest.NewTLSServer(h)
	t.Cleanup(web.Close)
	return Remote(t.Context(), RemoteInput{Entry: hosted(web.URL+"/mcp", transport), Transport: loopback(web)})
}

func TestHonestRemotes(t *testing.T) {
	t.Parallel()
	serve := func(*http.Request) *mcp.Server { return sdkServer() }
	for name, test := range map[string]struct {
		handler   http.Handler
		transport entry.TransportType
		era       Era
		version   string
		problem   string
	}{
		"current":  {mcp.NewStreamableHTTPHandler(serve, &mcp.StreamableHTTPOptions{Stateless: true}), entry.StreamableHTTP, Discover, "2026-07-28", ""},
		"session":  {mcp.NewStreamableHTTPHandler(serve, nil), entry.StreamableHTTP, Initialize, "2025-11-25", ""},
		"JSON":     {mcp.NewStreamableHTTPHandler(serve, &mcp.StreamableHTTPOptions{JSONResponse: true}), entry.StreamableHTTP, Initialize, "2025-11-25", ""},
		"HTTP+SSE": {mcp.NewSSEHandler(serve, nil), entry.SSE, Initialize, "2025-11-25", "HTTP+SSE is deprecated"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := askRemote(t, test.handler, test.transport)
			if err != nil {
				t.Fatal(err)
			}
			o := r.Observation
			if len(o.Tools) != 1 || len(o.Prompts) != 1 || len(o.Resources) != 1 || o.Server.Name != "new" || o.Auth != nil {
				t.Errorf("got %+v", o)
			}
			if r.Report.Era != test.era || r.Report.Version != test.version || r.Report.FirstTools <= 0 || r.Report.Platform != "" {
				t.Errorf("got %+v", r.Report)
			}
			if got := strings.Join(r.Report.Problems, "\n"); !strings.HasPrefix(got, test.problem) || (test.problem == "") != (got == "") {
				t.Errorf("problems: %s", got)
			}
		})
	}
}

func TestNothingOfTheEntryIsSent(t *testing.T) {
	t.Parallel()
	inner := mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return sdkServer() }, &mcp.StreamableHTTPOptions{Stateless: true})
	web := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Key") != "" || !strings.HasPrefix(r.UserAgent(), "slipway/") {
			t.Errorf("sent %v", r.Header)
		}
		inner.ServeHTTP(w, r)
	}))
	defer web.Close()
	e := hosted(web.URL, entry.StreamableHTTP)
	e.Remote.Headers = []entry.Variable{{Name: "X-Key", Default: "public"}}
	if _, err := Remote(t.Context(), RemoteInput{Entry: e, Transport: loopback(web)}); err != nil {
		t.Error(err)
	}
}

func TestARedirectWithinTheServerIsFollowed(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	mux.Handle("/mcp", http.RedirectHandler("/mcp/", http.StatusTemporaryRedirect))
	mux.Handle("/mcp/", mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return sdkServer() }, nil))
	r, err := askRemote(t, mux, entry.StreamableHTTP)
	if err != nil || len(r.Observation.Tools) != 1 || len(r.Report.Problems) != 1 || !strings.Contains(r.Report.Problems[0], "/mcp/") {
		t.Errorf("got %+v, %v", r, err)
	}
}

// saying answers every request with the same.
func saying(status int, kind, body string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	})
}

// streaming sends a text, and keeps the stream open.
func streaming(text string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, text)
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
}

// endless goes on until its reader has enough.
func endless(kind string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		_, err := io.WriteString(w, "data: ")
		for part := strings.Repeat("x", 1<<20); err == nil; {
			_, err = io.WriteString(w, part)
		}
	})
}

// answering answers each request with a JSON text, in which %s is the request's identifier.
func answering(kind, text string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var m struct{ ID json.RawMessage }
		_ = json.NewDecoder(r.Body).Decode(&m)
		w.Header().Set("Content-Type", kind)
		_, _ = io.WriteString(w, strings.ReplaceAll(text, "%s", string(m.ID)))
	})
}

func TestWhatIsNoServerHasItsVerdict(t *testing.T) {
	t.Parallel()
	const old, html = entry.SSE, "text/html; charset=utf-8"
	for name, test := range map[string]struct {
		handler   http.Handler
		transport entry.TransportType
		want      Reason
		says      string
	}{
		"web page":               {saying(200, html, "<h1>Our shop</h1>"), "", NotMCP, "Our shop"},
		"web page, HTTP+SSE":     {saying(200, html, "<h1>Our shop</h1>"), old, NotMCP, "Our shop"},
		"not found":              {http.NotFoundHandler(), "", NotMCP, "404 Not Found"},
		"not found, HTTP+SSE":    {http.NotFoundHandler(), old, NotMCP, "404 Not Found"},
		"no POST":                {saying(405, "text/plain", "GET only"), "", NotMCP, "transport.type"},
		"another API":            {saying(200, "application/json", `{"message":"welcome"}`), "", NotMCP, "welcome"},
		"JSON text":              {saying(200, "application/json", `"welcome"`), "", NotMCP, "welcome"},
		"for sale":               {saying(200, html, "<p>This Domain is for SALE!"), "", Parked, "nothing is kept"},
		"deployment gone":        {saying(404, "text/plain", "The deployment could not be found.\n\nDEPLOYMENT_NOT_FOUND"), "", Parked, "gone"},
		"sample page":            {saying(200, html, "<title>Welcome to nginx!</title>"), "", Template, "sample page"},
		"hello":                  {saying(200, "text/plain", "Hello World!\n"), "", Template, "Hello World!"},
		"out of order":           {saying(502, html, "bad gateway"), "", ServerError, "502 Bad Gateway"},
		"too many requests":      {saying(429, "application/json", "{}"), "", ServerError, "429"},
		"out of order, HTTP+SSE": {saying(503, html, "maintenance"), old, ServerError, "503"},
		"moved":                  {http.RedirectHandler("https://mcp.example.com/", http.StatusPermanentRedirect), "", Redirected, "https://mcp.example.com/"},
		"moved, HTTP+SSE":        {http.RedirectHandler("https://mcp.example.com/", http.StatusMovedPermanently), old, Redirected, "https://mcp.example.com/"},
		"to a link-local":        {http.RedirectHandler("http://169.254.169.254/latest/", http.StatusTemporaryRedirect), "", Redirected, "169.254.169.254"},
		"as GET":                 {http.RedirectHandler("https://mcp.example.com/", http.StatusFound), "", Redirected, "302 Found"},
		"in a circle":            {http.RedirectHandler("/mcp", http.StatusTemporaryRedirect), "", Redirected, "/mcp"},
		"endless event":          {endless("text/event-stream"), "", TooLarge, "event"},
		"endless answer":         {endless("application/json"), "", TooLarge, "16 MiB"},
		"endless page":           {endless(html), "", TooLarge, "16 MiB"},
		"invalid UTF-8":          {answering("application/json", "{\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":{\"a\":\"\xff\"}}"), "", InvalidJSON, "UTF-8"},
		"two members":            {answering("application/json", `{"jsonrpc":"2.0","id":%s,"result":{},"result":{}}`), "", InvalidJSON, "result"},
		"wrong identifier":       {answering("application/json", `{"jsonrpc":"2.0","id":4711,"result":{}}`), "", ProtocolError, "identifier 4711"},
		"identifier as text":     {answering("text/event-stream", "data: {\"jsonrpc\":\"2.0\",\"id\":\"%s\",\"result\":{}}\n\n"), "", ProtocolError, "identifier \"1\""},
		"refusal in JSON-RPC":    {answering("application/json", `{"jsonrpc":"2.0","id":%s,"error":{"code":-32001,"message":"no seat"}}`), "", ProtocolError, "no seat"},
		"nonsense in the stream": {answering("text/event-stream", "event: message\ndata: hello\n\n"), "", InvalidJSON, "hello"},
		"stream without answer":  {saying(200, "text/event-stream", ": nothing\n\n"), "", ProtocolError, "initialize"},
		"stream to elsewhere":    {streaming("event: endpoint\ndata: https://169.254.169.254/post\n\n"), old, Redirected, "169.254.169.254"},
		"stream without end":     {saying(200, "text/event-stream", "event: message\ndata: {}\n\n"), old, ProtocolError, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if test.transport == "" {
				test.transport = entry.StreamableHTTP
			}
			_, err := askRemote(t, test.handler, test.transport)
			var failure *Failure
			if !errors.As(err, &failure) || failure.Reason != test.want || !strings.Contains(failure.Detail, test.says) {
				t.Fatalf("got %v, want %s that says %q", err, test.want, test.says)
			}
			if len(failure.Detail) > 1500 || !strings.HasPrefix(err.Error(), "inspect remote/test: ") {
				t.Errorf("not a sentence: %v", err)
			}
		})
	}
}

func TestATutorialsServerIsATemplate(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{"add": true, "book_flight": false} {
		r, err := askRemote(t, mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server {
			s := mcp.NewServer(&mcp.Implementation{Name: "Demo", Version: "1"}, nil)
			s.AddTool(&mcp.Tool{Name: name, InputSchema: json.RawMessage(`{"type":"object"}`)}, nil)
			return s
		}, nil), entry.StreamableHTTP)
		var failure *Failure
		if got := errors.As(err, &failure) && failure.Reason == Template; got != want {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
	}
}

func TestToolsAreExpectedOfRemotesToo(t *testing.T) {
	t.Parallel()
	_, err := askRemote(t, mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server {
		return mcp.NewServer(&mcp.Implementation{Name: "empty", Version: "1"}, nil)
	}, nil), entry.StreamableHTTP)
	wantRemote(t, err, NoTools)
}

func wantRemote(t *testing.T, err error, want Reason) {
	t.Helper()
	var failure *Failure
	if !errors.As(err, &failure) || failure.Reason != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestWhatCannotBeReachedHasItsVerdict(t *testing.T) {
	t.Parallel()
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(secure.Close)
	plain := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(plain.Close)
	closed := httptest.NewServer(nil)
	closed.Close()
	allowed := public.Transport(netip.MustParsePrefix("127.0.0.0/8"))
	missing := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "gone.example.com", IsNotFound: true}}
	}}
	for name, test := range map[string]struct {
		address   string
		transport http.RoundTripper
		want      Reason
	}{
		"loopback":            {secure.URL, nil, PrivateAddress},
		"link-local":          {"https://169.254.169.254/mcp", nil, PrivateAddress},
		"unknown certificate": {secure.URL, allowed, TLS},
		"no TLS":              {strings.Replace(plain.URL, "http:", "https:", 1), allowed, TLS},
		"nobody listens":      {strings.Replace(closed.URL, "http:", "https:", 1), allowed, Unreachable},
		"no such name":        {"https://gone.example.com/mcp", missing, DeadHost},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, transport := range []entry.TransportType{entry.StreamableHTTP, entry.SSE} {
				_, err := Remote(t.Context(), RemoteInput{Entry: hosted(test.address, transport), Transport: test.transport})
				wantRemote(t, err, test.want)
			}
		})
	}
}

// insideOut is a transport to a handler over connections in memory, so that a test's clock holds for both sides.
func insideOut(t *testing.T, h http.Handler) http.RoundTripper {
	t.Helper()
	incoming := make(chan net.Conn)
	done := make(chan struct{})
	server := &http.Server{Handler: h}
	go func() { _ = server.Serve(&pipes{incoming, done}) }()
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		select {
		case incoming <- theirs:
			return ours, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		_ = server.Close()
		synctest.Wait()
	})
	return transport
}

type pipes struct {
	incoming chan net.Conn
	done     chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.incoming:
		return conn, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { close(p.done); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

func TestSlowRemotesAreCutShort(t *testing.T) {
	t.Parallel()
	const old = entry.SSE
	silent := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	})
	dripping := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "text/event-stream")
		for r.Context().Err() == nil {
			_, _ = io.WriteString(w, ": still here\n\n")
			_ = http.NewResponseController(w).Flush()
			select {
			case <-time.After(time.Second): // of the test's own clock
			case <-r.Context().Done():
			}
		}
	})
	for name, test := range map[string]struct {
		handler   http.Handler
		transport entry.TransportType
		want      Reason
	}{
		"silent":             {silent, entry.StreamableHTTP, Hang},
		"dripping":           {dripping, entry.StreamableHTTP, Hang},
		"silent, HTTP+SSE":   {silent, old, Timeout},
		"dripping, HTTP+SSE": {dripping, old, Timeout},
	} {
		synctest.Test(t, func(t *testing.T) {
			_, err := Remote(t.Context(), RemoteInput{Entry: hosted("http://mcp.example.com/mcp", test.transport), Transport: insideOut(t, test.handler)})
			var failure *Failure
			if !errors.As(err, &failure) || failure.Reason != test.want {
				t.Errorf("%s: got %v, want %s", name, err, test.want)
			}
		})
	}
}

func TestCancellingEndsARemoteInspection(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		h := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			cancel()
			<-r.Context().Done()
		})
		_, err := Remote(ctx, RemoteInput{Entry: hosted("http://mcp.example.com/mcp", entry.StreamableHTTP), Transport: insideOut(t, h)})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}
