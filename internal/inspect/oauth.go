package inspect

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/modelcontextprotocol/go-sdk/oauthex"

	"github.com/slipway-dev/slipway/internal/observation"
)

// Bounds of what is asked about authentication.
const (
	maxIssuers     = 4
	maxScopes      = 200
	metadataWithin = 15 * time.Second
)

// discover finds out what a client must know before it asks for a token, in the order of the protocol's specification (2026-07-28, "Authorization"): the
// challenge names the metadata of the resource (RFC 9728), which names its authorization servers, whose metadata (RFC 8414, or OpenID Connect
// Discovery) says how a client comes to be known. What is said of another resource or issuer than the one asked for counts as not said. The
// problems are sentences about what a client would stumble over. An authorization server that does not answer is a [*Failure].
func discover(ctx context.Context, base http.RoundTripper, endpoint *url.URL, r *refusal) (*observation.Auth, []string, error) {
	limited, cancel := context.WithTimeout(ctx, metadataWithin)
	defer cancel()
	d := &discovery{client: &http.Client{Transport: base, CheckRedirect: sameOrigins}, endpoint: endpoint, auth: &observation.Auth{}}
	d.challenged(r)
	issuers := d.resource(limited)
	servers := make([]*observation.AuthorizationServer, len(issuers))
	var all sync.WaitGroup
	for k, issuer := range issuers {
		all.Go(func() { servers[k] = d.server(limited, issuer) })
	}
	all.Wait()
	for _, s := range servers {
		if s != nil {
			d.auth.Servers = append(d.auth.Servers, *s)
		}
	}
	slices.Sort(d.problems) // those of several servers come in any order
	if ctx.Err() == nil && d.failure != nil {
		return d.auth, d.problems, d.failure
	}
	return d.auth, d.problems, ctx.Err()
}

// sameOrigins follows a few redirects, within one origin.
func sameOrigins(r *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects || !sameOrigin(r.URL, via[0].URL) {
		return http.ErrUseLastResponse
	}
	return nil
}

// discovery is what was found out so far.
type discovery struct {
	client   *http.Client
	endpoint *url.URL
	metadata string // where the challenge says that the resource's metadata is
	auth     *observation.Auth

	mu       sync.Mutex
	problems []string
	failure  *Failure
}

func (d *discovery) problem(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.problems = append(d.problems, fmt.Sprintf(format, args...))
}

// silent notes that an authorization server did not answer.
func (d *discovery) silent(f *Failure) {
	f.Detail = "The server asks for authentication, and its authorization server fails: " + f.Detail
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.failure == nil {
		d.failure = f
	}
}

// challenged reads the challenges of a refusal (RFC 9110, section 11.6.1).
func (d *discovery) challenged(r *refusal) {
	headers := r.header.Values("WWW-Authenticate")
	if len(headers) == 0 {
		d.problem("the server answers %d without saying in WWW-Authenticate what it wants (RFC 9110, section 11.6.1)", r.status)
	}
	for _, header := range headers {
		challenges, err := oauthex.ParseWWWAuthenticate([]string{header})
		if err != nil {
			d.problem("the header WWW-Authenticate cannot be read: %q", excerpt(header, 200))
			continue
		}
		for _, c := range challenges {
			d.auth.Schemes = append(d.auth.Schemes, c.Scheme)
			if c.Scheme != "bearer" {
				continue
			}
			if d.metadata == "" {
				d.metadata = c.Params["resource_metadata"]
			}
			d.auth.Scopes = append(d.auth.Scopes, strings.Fields(c.Params["scope"])...)
		}
	}
	d.auth.Schemes, d.auth.Scopes = d.bounded(d.auth.Schemes), d.bounded(d.auth.Scopes)
}

// resource asks for the metadata of the protected resource, and returns the issuers that it names. A server of revision 2025-03-26 has none, and is its
// own issuer.
func (d *discovery) resource(ctx context.Context) []string {
	var places []string
	if d.metadata != "" {
		places = []string{d.metadata}
	} else {
		places = []string{wellKnown(d.endpoint, "oauth-protected-resource"), wellKnown(origin(d.endpoint), "oauth-protected-resource")}
	}
	for _, place := range slices.Compact(places) {
		var m oauthex.ProtectedResourceMetadata
		found, err := fetchMetadata(ctx, d.client, place, &m)
		switch {
		case err != nil:
			d.problem("the metadata of the resource, %s, cannot be used: %v", excerpt(place, 200), err)
			continue
		case !found && d.metadata != "":
			d.problem("there is no metadata of the resource at %s, where the server says that it is", excerpt(place, 200))
			continue
		case !found:
			continue
		}
		if !speaksFor(m.Resource, d.endpoint) {
			d.problem("the metadata at %s is that of another resource, %q: clients must not use it (RFC 9728, section 3.3)", excerpt(place, 200), excerpt(m.Resource, 200))
			continue
		}
		if strings.TrimSuffix(m.Resource, "/") != strings.TrimSuffix(d.endpoint.String(), "/") {
			d.problem("the metadata names the resource %s and not the endpoint itself: strict clients refuse it (RFC 9728, section 3.3)", excerpt(m.Resource, 200))
		}
		d.auth.Resource = m.Resource
		if len(d.auth.Scopes) == 0 {
			d.auth.Scopes = d.bounded(m.ScopesSupported)
		}
		if len(m.AuthorizationServers) > maxIssuers {
			d.problem("the resource names %d authorization servers; the first %d were asked", len(m.AuthorizationServers), maxIssuers)
		}
		var issuers []string
		for _, issuer := range m.AuthorizationServers[:min(len(m.AuthorizationServers), maxIssuers)] {
			if !slices.Contains(issuers, issuer) {
				issuers = append(issuers, issuer)
			}
		}
		return issuers
	}
	if slices.Contains(d.auth.Schemes, "bearer") || len(d.auth.Schemes) == 0 {
		return []string{origin(d.endpoint).String()}
	}
	return nil
}

// server asks for the metadata of an authorization server. It returns nil if there is no such server.
func (d *discovery) server(ctx context.Context, issuer string) *observation.AuthorizationServer {
	u, err := url.Parse(issuer)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		d.problem("the authorization server %q is no https address without query and fragment (RFC 8414, section 2)", excerpt(issuer, 200))
		return nil
	}
	places := []string{wellKnown(u, "oauth-authorization-server"), wellKnown(u, "openid-configuration")}
	if strings.Trim(u.Path, "/") != "" {
		places = append(places, u.JoinPath(".well-known/openid-configuration").String())
	}
	for _, place := range places {
		var m oauthex.AuthServerMeta
		found, err := fetchMetadata(ctx, d.client, place, &m)
		var silent *silence
		switch {
		case errors.As(err, &silent):
			d.silent(unreached(silent, u))
			return nil
		case err != nil:
			d.problem("the metadata of the authorization server, %s, cannot be used: %v", excerpt(place, 200), err)
			continue
		case !found:
			continue
		}
		if strings.TrimSuffix(m.Issuer, "/") != strings.TrimSuffix(issuer, "/") {
			d.problem("the metadata at %s is that of another issuer, %q: clients must not use it (RFC 8414, section 3.3)", excerpt(place, 200), excerpt(m.Issuer, 200))
			continue
		}
		if bad := insecure(&m); bad != "" {
			d.problem("the metadata at %s has an address in %s that is not one of https: clients must not use it", excerpt(place, 200), bad)
			continue
		}
		return d.facts(issuer, &m)
	}
	if d.auth.Resource == "" {
		return nil // it was a guess
	}
	d.problem("the authorization server %s has no metadata that a client can use", issuer)
	return &observation.AuthorizationServer{Issuer: issuer}
}

// facts is what matters of the metadata to a client.
func (d *discovery) facts(issuer string, m *oauthex.AuthServerMeta) *observation.AuthorizationServer {
	if !slices.Contains(m.CodeChallengeMethodsSupported, "S256") {
		d.problem("the authorization server %s does not say that it supports PKCE with S256, which clients must insist on", issuer)
	}
	if !m.ClientIDMetadataDocumentSupported && m.RegistrationEndpoint == "" {
		d.problem("the authorization server %s takes only clients that are registered beforehand: say in remote.oauth.clientId which one to use, if there is a public one", issuer)
	}
	if len(m.GrantTypesSupported) > 0 && !slices.Contains(m.GrantTypesSupported, "refresh_token") {
		d.problem("the authorization server %s does not renew tokens: users must log in again whenever one expires", issuer)
	}
	return &observation.AuthorizationServer{
		Issuer: issuer, AuthorizationEndpoint: m.AuthorizationEndpoint, TokenEndpoint: m.TokenEndpoint,
		RegistrationEndpoint: m.RegistrationEndpoint, ClientIDMetadataDocument: m.ClientIDMetadataDocumentSupported,
		Scopes: d.bounded(m.ScopesSupported), GrantTypes: d.bounded(m.GrantTypesSupported), CodeChallengeMethods: d.bounded(m.CodeChallengeMethodsSupported),
		IssuerInResponse: m.AuthorizationResponseIssParameterSupported,
	}
}

// bounded is a sorted set of bounded size.
func (d *discovery) bounded(list []string) []string {
	list = slices.Clone(list)
	slices.Sort(list)
	list = slices.Compact(list)
	if len(list) > maxScopes {
		d.problem("a list of %d values was cut after %d", len(list), maxScopes)
		list = list[:maxScopes]
	}
	for k := range list {
		list[k] = excerpt(list[k], 300)
	}
	return list
}

// insecure names an address of the metadata that a client must not go to; empty if there is none.
func insecure(m *oauthex.AuthServerMeta) string {
	for _, place := range []struct{ name, address string }{
		{"authorization_endpoint", m.AuthorizationEndpoint}, {"token_endpoint", m.TokenEndpoint}, {"registration_endpoint", m.RegistrationEndpoint},
	} {
		if u, err := url.Parse(place.address); place.address != "" && (err != nil || u.Scheme != "https" || u.Host == "") {
			return place.name
		}
	}
	return ""
}

// speaksFor reports whether metadata of a resource is about an endpoint: it has the same origin, and its path leads to the endpoint's.
func speaksFor(resource string, endpoint *url.URL) bool {
	u, err := url.Parse(resource)
	if err != nil || !sameOrigin(u, endpoint) || u.User != nil {
		return false
	}
	path := strings.TrimSuffix(u.Path, "/")
	return strings.HasPrefix(strings.TrimSuffix(endpoint.Path, "/")+"/", path+"/")
}

// origin is an address without path.
func origin(u *url.URL) *url.URL { return &url.URL{Scheme: u.Scheme, Host: u.Host} }

// wellKnown puts a well-known name between host and path (RFC 8615; RFC 9728, section 3.1; RFC 8414, section 3.1).
func wellKnown(u *url.URL, name string) string {
	o := origin(u)
	o.Path = strings.TrimSuffix("/.well-known/"+name+u.Path, "/")
	return o.String()
}
