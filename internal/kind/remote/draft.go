package remote

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/net/publicsuffix"

	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/kind"
	"github.com/slipway-dev/slipway/internal/observation"
)

// Draft writes a first entry for the address of an MCP endpoint, and asks the server for its title and for how it wants its users to log in. An
// address that ends in /sse is taken for one of the older HTTP+SSE. The server need not answer: what it would have said is then named in Missing.
func (r *Ecosystem) Draft(ctx context.Context, ref string) (*kind.Draft, error) {
	u, err := endpoint(ref)
	if err != nil {
		return nil, err
	}
	name, domain := names(u.Hostname())
	d := &kind.Draft{Entry: entry.Entry{
		Kind: entry.Remote, Name: name, Title: title(name), Status: entry.Active,
		Description: fmt.Sprintf("The MCP server at %s.", u.Hostname()),
		Publisher:   entry.Publisher{Name: domain},
		Remote:      &entry.Server{URL: u.String()},
		Transport:   &entry.Transport{Type: entry.StreamableHTTP},
	}}
	if strings.HasSuffix(strings.TrimSuffix(u.Path, "/"), "/sse") {
		d.Entry.Transport.Type = entry.SSE
		missing(d, "transport: the address looks like one of HTTP+SSE, which is deprecated; look for the server's streamable HTTP endpoint")
	}
	missing(d, "description: say in your own words what the server does, in at most 100 characters")
	missing(d, "publisher: %q is only the domain; say who runs the server", domain)
	missing(d, "license, repository: look for the server's source, or leave them out")
	o, err := r.ask(ctx, d.Entry)
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		missing(d, "remote.headers, remote.oauth: the server could not be asked; look up what its users must have")
	default:
		fill(d, o)
	}
	return d, nil
}

// missing adds a sentence about what a person must still say.
func missing(d *kind.Draft, format string, args ...any) {
	d.Missing = append(d.Missing, fmt.Sprintf(format, args...))
}

// fill takes over what the server says of itself.
func fill(d *kind.Draft, o observation.Observation) {
	if t := o.Server.Title; plain(t) {
		d.Entry.Title = t
	}
	if o.Auth == nil {
		return
	}
	d.Entry.Remote.OAuth = oauth(o.Auth)
	if d.Entry.Remote.OAuth == nil {
		missing(d, "remote.headers: the server wants authentication (%s) but names no authorization server; name the header that its users set, as required and secret",
			cmp.Or(strings.Join(o.Auth.Schemes, ", "), "of no kind that it names"))
	}
}

// oauth is what an entry says of a server that has an authorization server; nil if it has none that an entry can name.
func oauth(auth *observation.Auth) *entry.OAuth {
	for _, s := range auth.Servers {
		if u, err := endpoint(s.Issuer); err == nil {
			return &entry.OAuth{Issuer: u.String()}
		}
	}
	return nil
}

// publicHost is what the schema takes for a host.
var publicHost = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9](:[1-9][0-9]{0,4})?$`)

// endpoint reads an address, and refuses what the schema would.
func endpoint(ref string) (*url.URL, error) {
	u, err := url.Parse(ref)
	if err != nil || u.Scheme != "https" || len(ref) > 500 {
		return nil, fmt.Errorf("%.100q is not the address of a remote server: want https://host/path", ref)
	}
	u.Host = strings.ToLower(u.Host)
	switch {
	case strings.ContainsAny(u.String(), `[]"`):
		return nil, fmt.Errorf("%.100q has characters that no address of an entry has: write them as %%XX", ref)
	case !publicHost.MatchString(u.Host) || u.Hostname() == "localhost":
		return nil, fmt.Errorf("%.100q names no public host: want the name that its users reach it by, such as mcp.example.com", ref)
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, fmt.Errorf("%.100q has a user, query or fragment: leave it out; what differs from user to user belongs in a header", ref)
	}
	return u, nil
}

// names returns what an entry is called whose server has a host, and the domain that somebody registered: mcp.notion.com is notion, and
// learn.microsoft.com is microsoft-learn.
func names(host string) (name, domain string) {
	domain, err := publicsuffix.EffectiveTLDPlusOne(host)
	if err != nil {
		domain = host // it is a public suffix itself
	}
	own, _, _ := strings.Cut(domain, ".")
	words := []string{own}
	for _, label := range strings.Split(strings.TrimSuffix(strings.TrimSuffix(host, domain), "."), ".") {
		if label != "" && !slices.Contains([]string{"mcp", "www", "api"}, label) {
			words = append(words, label)
		}
	}
	name = strings.Join(words, "-")
	for strings.Contains(name, "--") { // punycode
		name = strings.ReplaceAll(name, "--", "-")
	}
	if len(name) < 2 {
		name += "-mcp"
	}
	return strings.Trim(name[:min(len(name), 64)], "-"), domain
}

// title writes an entry's name as a title.
func title(name string) string {
	words := strings.Split(name, "-")
	for i, word := range words {
		words[i] = strings.ToUpper(word[:1]) + word[1:]
	}
	return strings.Join(words, " ")
}

// plain reports whether a text can be a title as it stands.
func plain(text string) bool {
	return text != "" && text == strings.TrimSpace(text) && len(text) <= 100 &&
		!strings.ContainsFunc(text, func(r rune) bool { return r > unicode.MaxLatin1 || !unicode.IsPrint(r) })
}
