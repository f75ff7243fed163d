package remote_test

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/slipway-dev/slipway/internal/catalog"
	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/kind/remote"
	"github.com/slipway-dev/slipway/internal/observation"
)

// saying is a server that says the same to everyone.
func saying(o observation.Observation, err error) *remote.Ecosystem {
	return remote.New(func(context.Context, entry.Entry) (observation.Observation, error) { return o, err })
}

func TestADraftIsAnEntry(t *testing.T) {
	t.Parallel()
	open := observation.Observation{Server: observation.Implementation{Name: "x", Title: "Acme Docs"}}
	locked := observation.Observation{Auth: &observation.Auth{
		Schemes: []string{"bearer"}, Servers: []observation.AuthorizationServer{{Issuer: "https://127.0.0.1/"}, {Issuer: "https://login.example.com/a"}},
	}}
	key := observation.Observation{Auth: &observation.Auth{Schemes: []string{"basic"}}, Server: observation.Implementation{Title: "\u202eodd"}}
	for name, test := range map[string]struct {
		ref     string
		server  *remote.Ecosystem
		says    string // of the entry
		missing string
	}{
		"open":          {"https://mcp.example.com/mcp", saying(open, nil), `title:       "Acme Docs"`, "description"},
		"OAuth":         {"https://MCP.example.com/mcp", saying(locked, nil), `issuer: "https://login.example.com/a"`, "publisher"},
		"key":           {"https://mcp.example.com", saying(key, nil), `title:       "Example"`, "remote.headers: the server wants authentication (basic)"},
		"unreachable":   {"https://mcp.example.com/", saying(open, errors.New("gone")), `title:       "Example"`, "could not be asked"},
		"HTTP+SSE":      {"https://mcp.example.com/sse", saying(open, nil), `transport: type: "sse"`, "deprecated"},
		"path":          {"https://learn.microsoft.com:8443/api/mcp", saying(open, nil), `name:        "microsoft-learn"`, "domain"},
		"shared domain": {"https://acme.workers.dev/mcp", saying(open, nil), `name:        "acme"`, `"acme.workers.dev"`},
		"short":         {"https://x.com/mcp", saying(open, nil), `name:        "x-mcp"`, ""},
		"punycode":      {"https://xn--bcher-kva.example/mcp", saying(open, nil), `name:        "xn-bcher-kva"`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, err := test.server.Draft(t.Context(), test.ref)
			if err != nil {
				t.Fatal(err)
			}
			text, err := catalog.Format(d.Entry)
			if err != nil || !strings.Contains(string(text), test.says) {
				t.Errorf("%v in\n%s", err, text)
			}
			if got := strings.Join(d.Missing, "\n"); !strings.Contains(got, test.missing) {
				t.Errorf("missing: %s", got)
			}
			if test.server.Endpoint(d.Entry) != d.Entry.Remote.URL || len(test.server.LockFiles()) > 0 || test.server.CheckLock(d.Entry, nil) != nil {
				t.Error("it has a lock, or another endpoint")
			}
		})
	}
}

func TestWhatIsNoAddressIsRefused(t *testing.T) {
	t.Parallel()
	for _, ref := range []string{
		"", "mcp.example.com", "http://mcp.example.com/mcp", "https://localhost/mcp", "https://127.0.0.1/mcp", "https://[::1]/mcp", "https://mcp.example.com/mcp?key=1",
		"https://user@mcp.example.com/mcp", "https://mcp.example.com/mcp#x", "https://intranet/mcp", "javascript:alert(1)", "https://mcp.example.com/[x]", "https://" + strings.Repeat("a.", 300) + "com",
	} {
		d, err := saying(observation.Observation{}, nil).Draft(t.Context(), ref)
		if err == nil || d != nil || len(err.Error()) > 300 {
			t.Errorf("%q: %+v, %v", ref, d, err)
		}
	}
}

func TestCancellingEndsADraft(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := saying(observation.Observation{}, context.Canceled).Draft(ctx, "https://mcp.example.com"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

var (
	entryName = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	address   = regexp.MustCompile(`^https://([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9](:[1-9][0-9]{0,4})?(/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*)?$`)
)

func FuzzDraft(f *testing.F) {
	f.Add("https://mcp.example.com/mcp", "Example", "https://login.example.com")
	f.Add("https://a--b.xn--p1ai:1/%2e%2e/", "\u202e", "https://x/?")
	f.Add("https://mcp.example.com/[x]/ü|", "a", "https://mcp.example.com/[x]")
	f.Fuzz(func(t *testing.T, ref, title, issuer string) {
		o := observation.Observation{
			Server: observation.Implementation{Title: title},
			Auth:   &observation.Auth{Servers: []observation.AuthorizationServer{{Issuer: issuer}}},
		}
		d, err := saying(o, nil).Draft(t.Context(), ref)
		if err != nil {
			return
		}
		// The schema itself is slow; these are its rules for what a stranger may choose here.
		e := d.Entry
		if !entryName.MatchString(e.Name) || len(e.Name) > 64 || len(e.Title) > 100 || !utf8.ValidString(e.Title) || !address.MatchString(e.Remote.URL) {
			t.Errorf("%q became %+v", ref, e)
		}
		if o := e.Remote.OAuth; o != nil && !address.MatchString(o.Issuer) {
			t.Errorf("%q became the issuer %q", issuer, o.Issuer)
		}
	})
}
