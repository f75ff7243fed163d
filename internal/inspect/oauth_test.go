package inspect

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/modelcontextprotocol/go-sdk/oauthex"

	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/observation"
)

// locked is a server that wants a token, with the pages of its metadata. In them and in its challenge, SELF stands for its address.
type locked struct {
	status    int
	challenge string
	pages     map[string]string
}

// serve returns the server's address.
func (l locked) serve(t *testing.T) *httptest.Server {
	t.Helper()
	var web *httptest.Server
	web = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fill := func(text string) string { return strings.ReplaceAll(text, "SELF", web.URL) }
		page, ok := l.pages[r.URL.Path]
		switch {
		case r.URL.Path == "/mcp":
			if l.challenge != "" {
				w.Header().Set("WWW-Authenticate", fill(l.challenge))
			}
			http.Error(w, "who are you?", l.status)
		case !ok:
			http.NotFound(w, r)
		case strings.HasPrefix(page, ">"):
			http.Redirect(w, r, fill(page[1:]), http.StatusFound)
		case strings.HasPrefix(page, "<"):
			w.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(w, page)
		default:
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, fill(page))
		}
	}))
	t.Cleanup(web.Close)
	return web
}

const (
	resourcePlace = "/.well-known/oauth-protected-resource/mcp"
	serverPlace   = "/.well-known/oauth-authorization-server"
	resourcePage  = `{"resource":"SELF/mcp","authorization_servers":["SELF"],"scopes_supported":["write","read"]}`
	serverPage    = `{"issuer":"SELF","authorization_endpoint":"SELF/authorize","token_endpoint":"SELF/token","registration_endpoint":"SELF/register",
		"scopes_supported":["write","read","read"],"grant_types_supported":["refresh_token","authorization_code"],"code_challenge_methods_supported":["S256"],
		"client_id_metadata_document_supported":true,"authorization_response_iss_parameter_supported":true,"response_types_supported":["code"]}`
)

// known is what serverPage says.
func known(self string) observation.AuthorizationServer {
	return observation.AuthorizationServer{
		Issuer: self, AuthorizationEndpoint: self + "/authorize", TokenEndpoint: self + "/token", RegistrationEndpoint: self + "/register",
		ClientIDMetadataDocument: true, Scopes: []string{"read", "write"}, GrantTypes: []string{"authorization_code", "refresh_token"},
		CodeChallengeMethods: []string{"S256"}, IssuerInResponse: true,
	}
}

func TestWhatAClientMustKnowIsFound(t *testing.T) {
	t.Parallel()
	const bearer = `Bearer resource_metadata="SELF/meta", scope="read"`
	full := func(self string) observation.Auth {
		return observation.Auth{
			Schemes: []string{"bearer"}, Scopes: []string{"read", "write"}, Resource: self + "/mcp", Servers: []observation.AuthorizationServer{known(self)},
		}
	}
	for name, test := range map[string]struct {
		server  locked
		want    func(self string) observation.Auth
		problem string // that there is one; empty if there is none
	}{
		"by its usual place": {locked{401, "Bearer", map[string]string{resourcePlace: resourcePage, serverPlace: serverPage}}, full, ""},
		"by its host":        {locked{401, "Bearer", map[string]string{"/.well-known/oauth-protected-resource": resourcePage, serverPlace: serverPage}}, full, ""},
		"by its challenge": {locked{401, bearer, map[string]string{"/meta": resourcePage, serverPlace: serverPage}}, func(self string) observation.Auth {
			auth := full(self)
			auth.Scopes = []string{"read"}
			return auth
		}, ""},
		"by OpenID":       {locked{401, "Bearer", map[string]string{resourcePlace: resourcePage, "/.well-known/openid-configuration": serverPage}}, full, ""},
		"without PKCE":    {locked{401, "Bearer", map[string]string{resourcePlace: resourcePage, serverPlace: strings.Replace(serverPage, "S256", "plain", 1)}}, nil, "PKCE"},
		"without refresh": {locked{401, "Bearer", map[string]string{resourcePlace: resourcePage, serverPlace: strings.Replace(serverPage, "refresh_token", "password", 1)}}, nil, "renew"},
		"registered beforehand": {locked{401, "Bearer", map[string]string{
			resourcePlace: resourcePage,
			serverPlace:   `{"issuer":"SELF","code_challenge_methods_supported":["S256"]}`,
		}}, nil, "remote.oauth.clientId"},
		"older era": {locked{401, "Bearer", map[string]string{serverPlace: serverPage}}, func(self string) observation.Auth {
			return observation.Auth{Schemes: []string{"bearer"}, Servers: []observation.AuthorizationServer{known(self)}}
		}, ""},
		"origin as resource": {
			locked{401, "Bearer", map[string]string{resourcePlace: strings.Replace(resourcePage, "SELF/mcp", "SELF", 1), serverPlace: serverPage}},
			func(self string) observation.Auth {
				auth := full(self)
				auth.Resource = self
				return auth
			}, "strict clients",
		},
		"basic":                {locked{401, `Basic realm="x"`, nil}, func(string) observation.Auth { return observation.Auth{Schemes: []string{"basic"}} }, ""},
		"key":                  {locked{403, "", nil}, func(string) observation.Auth { return observation.Auth{} }, "403 without saying"},
		"unreadable challenge": {locked{401, `Bearer realm="x`, nil}, func(string) observation.Auth { return observation.Auth{} }, "cannot be read"},
		// Lies and traps: nothing of them may be taken for a fact.
		"another's resource": {
			locked{401, "Bearer", map[string]string{resourcePlace: strings.Replace(resourcePage, "SELF/mcp", "https://bank.example.com/mcp", 1)}},
			func(string) observation.Auth { return observation.Auth{Schemes: []string{"bearer"}} }, "another resource",
		},
		"beside its path": {
			locked{401, "Bearer", map[string]string{resourcePlace: strings.Replace(resourcePage, "SELF/mcp", "SELF/mc", 1)}},
			func(string) observation.Auth { return observation.Auth{Schemes: []string{"bearer"}} }, "another resource",
		},
		"another's issuer": {
			locked{401, "Bearer", map[string]string{resourcePlace: resourcePage, serverPlace: strings.Replace(serverPage, "SELF", "https://login.example.com", 1)}},
			nil, "another issuer",
		},
		"issuer in other case": {
			locked{401, "Bearer", map[string]string{resourcePlace: resourcePage, serverPlace: strings.Replace(serverPage, `"issuer"`, `"Issuer"`, 1)}},
			nil, "another issuer",
		},
		"two issuers": {
			locked{401, "Bearer", map[string]string{resourcePlace: resourcePage, serverPlace: `{"issuer":"https://x.example.com","issuer":"SELF"}`}},
			nil, "two members",
		},
		"plain HTTP": {
			locked{401, "Bearer", map[string]string{resourcePlace: resourcePage, serverPlace: strings.Replace(serverPage, "SELF/token", "http://x.example.com/token", 1)}},
			nil, "token_endpoint",
		},
		"script": {
			locked{401, "Bearer", map[string]string{resourcePlace: resourcePage, serverPlace: strings.Replace(serverPage, "SELF/authorize", "javascript:alert(1)", 1)}},
			nil, "authorization_endpoint",
		},
		"plain HTTP issuer": {
			locked{401, "Bearer", map[string]string{resourcePlace: `{"resource":"SELF/mcp","authorization_servers":["http://169.254.169.254"]}`}},
			func(self string) observation.Auth {
				return observation.Auth{Schemes: []string{"bearer"}, Resource: self + "/mcp"}
			}, "no https address",
		},
		"loop":     {locked{401, "Bearer", map[string]string{resourcePlace: ">" + resourcePlace, serverPlace: ">" + serverPlace}}, nil, "sends clients to"},
		"astray":   {locked{401, "Bearer", map[string]string{resourcePlace: ">http://169.254.169.254/latest"}}, nil, "sends clients to"},
		"web page": {locked{401, "Bearer", map[string]string{resourcePlace: "<p>hello", serverPlace: "<p>hello"}}, nil, "text/html"},
		"large":    {locked{401, "Bearer", map[string]string{resourcePlace: `{"a":"` + strings.Repeat("x", 1<<20) + `"}`}}, nil, "larger than"},
		"list":     {locked{401, "Bearer", map[string]string{resourcePlace: `[]`}}, nil, "no JSON object"},
		"numbers":  {locked{401, "Bearer", map[string]string{resourcePlace: `{"resource":1}`}}, nil, "wrong type"},
		"many issuers": {
			locked{401, "Bearer", map[string]string{resourcePlace: `{"resource":"SELF/mcp","authorization_servers":[` + strings.Repeat(`"SELF",`, 500) + `"SELF"]}`}},
			nil, "501 authorization servers",
		},
		"many scopes": {locked{401, `Bearer scope="` + numbers(400) + `"`, nil}, nil, "cut after 200"},
		"metadata from inside": {
			locked{401, `Bearer resource_metadata="http://169.254.169.254/latest"`, nil},
			func(string) observation.Auth { return observation.Auth{Schemes: []string{"bearer"}} }, "none of https",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			web := test.server.serve(t)
			r, err := Remote(t.Context(), RemoteInput{Entry: hosted(web.URL+"/mcp", entry.StreamableHTTP), Transport: loopback(web)})
			if err != nil || r.Observation.Auth == nil {
				t.Fatalf("got %+v, %v", r, err)
			}
			if test.want != nil {
				if diff := cmp.Diff(test.want(web.URL), *r.Observation.Auth); diff != "" {
					t.Error(diff)
				}
			}
			problems := strings.Join(r.Report.Problems, "\n")
			if !strings.Contains(problems, test.problem) || test.problem == "" && problems != "" {
				t.Errorf("problems: %s", problems)
			}
			for _, s := range r.Observation.Auth.Servers {
				if (s.AuthorizationEndpoint != "") && !strings.HasPrefix(s.AuthorizationEndpoint, web.URL) {
					t.Errorf("took over %s", s.AuthorizationEndpoint)
				}
			}
		})
	}
}

func numbers(n int) string {
	var b strings.Builder
	for k := range n {
		fmt.Fprintf(&b, "s%d ", k)
	}
	return b.String()
}

func TestASilentAuthorizationServerIsAFailure(t *testing.T) {
	t.Parallel()
	closed := httptest.NewTLSServer(nil)
	closed.Close()
	for issuer, want := range map[string]Reason{closed.URL: Unreachable, "https://169.254.169.254": PrivateAddress} {
		web := locked{401, "Bearer", map[string]string{resourcePlace: `{"resource":"SELF/mcp","authorization_servers":["` + issuer + `"]}`}}.serve(t)
		r, err := Remote(t.Context(), RemoteInput{Entry: hosted(web.URL+"/mcp", entry.StreamableHTTP), Transport: loopback(web)})
		var failure *Failure
		if !errors.As(err, &failure) || failure.Reason != want || !strings.Contains(failure.Detail, "authorization server") || r == nil {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestHTTPWithSSECanNeedAuthenticationToo(t *testing.T) {
	t.Parallel()
	web := locked{401, "Bearer", map[string]string{resourcePlace: resourcePage, serverPlace: serverPage}}.serve(t)
	r, err := Remote(t.Context(), RemoteInput{Entry: hosted(web.URL+"/mcp", entry.SSE), Transport: loopback(web)})
	if err != nil || r.Observation.Auth == nil || len(r.Observation.Auth.Servers) != 1 {
		t.Fatalf("got %+v, %v", r, err)
	}
	text, err := observation.Encode(r.Observation)
	if err != nil || !strings.Contains(string(text), `"protocolVersions": []`) || !strings.Contains(string(text), `"tools": []`) {
		t.Errorf("%v:\n%s", err, text)
	}
}

func TestAServerMayTellItsNameAndKeepItsTools(t *testing.T) {
	t.Parallel()
	inner := mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return sdkServer() }, &mcp.StreamableHTTPOptions{Stateless: true})
	r, err := askRemote(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Mcp-Method") == methodTools || r.Method == http.MethodGet {
			w.Header().Set("WWW-Authenticate", "Bearer")
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		inner.ServeHTTP(w, r)
	}), entry.StreamableHTTP)
	if err != nil || r.Observation.Auth == nil || r.Observation.Server.Name != "new" || len(r.Observation.Tools) > 0 {
		t.Errorf("got %+v, %v", r, err)
	}
}

func FuzzReadMetadata(f *testing.F) {
	f.Add([]byte(serverPage))
	f.Add([]byte(`{"issuer":"a","Issuer":"b","scopes_supported":[null]}`))
	f.Add([]byte(`{"issuer":{"issuer":1}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var m oauthex.AuthServerMeta
		if readMetadata(text, &m) != nil {
			return
		}
		if strings.Contains(string(text), `"Issuer"`) && !strings.Contains(string(text), `"issuer"`) && !strings.Contains(string(text), `\`) && m.Issuer != "" {
			t.Errorf("took %q", m.Issuer)
		}
	})
}

func FuzzChallenge(f *testing.F) {
	f.Add(`Bearer resource_metadata="https://example.com/meta", scope="a b"`)
	f.Add(`Basic realm="x", Bearer`)
	f.Add(`Negotiate dG9rZW4=`)
	f.Add(`"\"`)
	f.Fuzz(func(t *testing.T, header string) {
		endpoint, err := url.Parse("https://example.com/mcp")
		if err != nil {
			t.Fatal(err)
		}
		d := &discovery{endpoint: endpoint, auth: &observation.Auth{}}
		d.challenged(&refusal{http.StatusUnauthorized, http.Header{"Www-Authenticate": {header}}})
		if len(d.auth.Scopes) > maxScopes {
			t.Errorf("%d scopes", len(d.auth.Scopes))
		}
	})
}
