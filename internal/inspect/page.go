package inspect

import (
	"bytes"
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/observation"
)

// page is an answer over HTTP that is no message of the protocol.
type page struct {
	status   int
	kind     string // media type
	location string // of a redirect that was not followed
	text     []byte // its beginning
}

// What pages say that mean something else than a server. All are lower case, and appear in pages as they come from their makers.
var (
	parkedTexts = []string{
		"domain is for sale", "domain name is for sale", "domain may be for sale", "buy this domain", "this domain is parked", "parked free, courtesy of",
		"domain has expired", "domain name has expired", "domain parking", "sedoparking", "hugedomains.com", "parkingcrew", "bodis.com", "afternic.com/forsale",
		"there's nothing here, yet", "deployment_not_found", "no such app", "application not found",
		"the deployment could not be found", "site not found",
	}
	templateTexts = []string{
		"welcome to nginx!", "apache2 debian default page", "apache2 ubuntu default page", "<h1>it works!</h1>", "iis windows server", "test page for the http server",
		"default backend - 404", "<title>create next app</title>", "<title>vite + react", "<title>react app</title>", "<title>example domain</title>",
		"congratulations! your new site is", "hello from cloudflare workers",
	}
	templateWhole = []string{"it works!", "hello world!", "hello world", "hello, world!", "hello from lambda!", `"hello from lambda!"`}
)

// verdict says what a page means for an entry that promises a server.
func (p *page) verdict() *Failure {
	text := strings.ToLower(string(p.text))
	has := func(part string) bool { return strings.Contains(text, part) }
	shown := p.shown()
	switch {
	case p.status == http.StatusTooManyRequests || p.status >= 500:
		return failf(ServerError, "", "The server answers %s%s. Try again later; if it stays so, it is out of order.", p.line(), shown)
	case p.status/100 == 3:
		return failf(Redirected, "", "The server answers %s and sends its clients to %q, where a request cannot follow it. Put the endpoint itself into remote.url.",
			p.line(), excerpt(p.location, 200))
	case slices.ContainsFunc(parkedTexts, has):
		return failf(Parked, "", "A page at the address says that nothing is kept there%s. The server is gone: remove the entry, or say where it moved.", shown)
	case slices.ContainsFunc(templateTexts, has) || slices.Contains(templateWhole, strings.TrimSpace(text)):
		return failf(Template, "", "What answers is the sample page of a web server or framework%s: nobody has put a server there.", shown)
	default:
		return failf(NotMCP, "", "Something answers %s, but it does not speak the protocol%s. Check remote.url and transport.type: servers of the older HTTP+SSE answer no POST at "+
			"their address.", p.line(), shown)
	}
}

// line is the status as people know it.
func (p *page) line() string {
	return strings.TrimSpace(fmt.Sprintf("%d %s", p.status, http.StatusText(p.status)))
}

// shown is the beginning of the page, to be put behind a sentence.
func (p *page) shown() string {
	text := strings.Join(strings.Fields(string(bytes.ToValidUTF8(p.text, nil))), " ")
	if text == "" {
		return ""
	}
	return fmt.Sprintf(" (%s: %q)", cmp.Or(p.kind, "without a type"), excerpt(text, 120))
}

// examples are servers that come with a tutorial or template of the protocol, by the name that they give themselves, and the tools that those have.
var examples = map[string][]string{
	"authless calculator":             {"add", "calculate"},
	"calculator":                      {"add", "calculate"},
	"demo":                            {"add", "greet", "hello", "echo", "multiply"},
	"demo 🚀":                          {"add", "greet", "hello", "echo", "multiply"},
	"demo-server":                     {"add", "greet", "hello", "echo"},
	"example-server":                  {"add", "greet", "hello", "echo", "calculate-bmi", "fetch-weather"},
	"my-server":                       {"add", "greet", "hello", "echo"},
	"my server":                       {"add", "greet", "hello", "echo"},
	"mcp-server":                      {"add", "greet", "hello", "echo", "roll_dice"},
	"mcp-typescript server on vercel": {"echo", "roll_dice"},
}

// untouched returns a failure if a server is an example that nobody has changed: its name is one's, and all its tools are.
func untouched(o observation.Observation) error {
	own, ok := examples[strings.ToLower(o.Server.Name)]
	if !ok || len(o.Tools) == 0 {
		return nil
	}
	for _, tool := range o.Tools {
		if !slices.Contains(own, tool.Key) {
			return nil
		}
	}
	return failf(Template, methodTools, "The server is the example %q of a tutorial, with no tools but the example's: nobody has made it a server of their own.", o.Server.Name)
}
