package main

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"

	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/rogpeppe/go-internal/testscript"
)

// Where catalogctl, run by a test, finds what stands for all servers that others run: its address, and a file with its certificate.
const (
	elsewhereAddress     = "SLIPWAY_TEST_REMOTE"
	elsewhereCertificate = "SLIPWAY_TEST_REMOTE_CERTIFICATE"
)

// elsewhere is the way to the servers that others run, in tests: all of them are one. Without one of theirs it is the usual way.
func elsewhere() http.RoundTripper {
	address := os.Getenv(elsewhereAddress)
	if address == "" {
		return nil
	}
	text, err := os.ReadFile(os.Getenv(elsewhereCertificate))
	if err != nil {
		panic(err)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.Proxy = nil
	transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, address)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(text)
	transport.TLSClientConfig.RootCAs = pool
	return transport
}

// hosted is a server that somebody else runs, and changes.
type hosted struct {
	mu  sync.Mutex
	how http.Handler
}

func (h *hosted) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	how := h.how
	h.mu.Unlock()
	how.ServeHTTP(w, r)
}

func remoteCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: remote open|locked|page|gone [TOOL...]")
	}
	var how http.Handler
	switch args[0] {
	case "open":
		how = offering(args[1:])
	case "locked":
		how = locking("https://mcp.example.com")
	case "page":
		how = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<p>This domain is for sale.") })
	case "gone":
		how = http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	default:
		ts.Fatalf("unknown mode %s", args[0])
	}
	server, ok := ts.Value(remoteKey{}).(*hosted)
	if !ok {
		ts.Fatalf("the script's setup made no server")
	}
	server.mu.Lock()
	server.how = how
	server.mu.Unlock()
}

// remoteKey is the key of the script's own *hosted.
type remoteKey struct{}

// host starts a server for a script.
func host(env *testscript.Env) error {
	server := &hosted{how: http.NotFoundHandler()}
	web := httptest.NewTLSServer(server)
	env.Defer(web.Close)
	file := env.WorkDir + "/.remote.pem"
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: web.Certificate().Raw})
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return err
	}
	env.Values[remoteKey{}] = server
	env.Vars = append(env.Vars, elsewhereAddress+"="+web.Listener.Addr().String(), elsewhereCertificate+"="+file)
	return nil
}

// offering is a server with tools of these names.
func offering(tools []string) http.Handler {
	return mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server {
		s := mcp.NewServer(&mcp.Implementation{Name: "acme", Title: "Acme Answers", Version: "1"}, nil)
		for _, name := range tools {
			s.AddTool(&mcp.Tool{
				Name: name, Description: "Answers.", InputSchema: json.RawMessage(`{"type":"object"}`),
				Annotations: &mcp.ToolAnnotations{ReadOnlyHint: true},
			}, nil)
		}
		return s
	}, &mcp.StreamableHTTPOptions{Stateless: true, DisableLocalhostProtection: true})
}

// locking is a server that wants a token, and gives them itself.
func locking(self string) http.Handler {
	mux := http.NewServeMux()
	say := func(place, text string, values ...any) {
		mux.HandleFunc(place, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = fmt.Fprintf(w, text, values...)
		})
	}
	say("/.well-known/oauth-protected-resource/mcp", `{"resource":"%s/mcp","authorization_servers":["%[1]s"],"scopes_supported":["read"]}`, self)
	say("/.well-known/oauth-authorization-server", `{"issuer":"%s","authorization_endpoint":"%[1]s/authorize","token_endpoint":"%[1]s/token",
		"registration_endpoint":"%[1]s/register","code_challenge_methods_supported":["S256"],"grant_types_supported":["refresh_token"]}`, self)
	mux.HandleFunc("/mcp", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("WWW-Authenticate", "Bearer")
		w.WriteHeader(http.StatusUnauthorized)
	})
	return mux
}
