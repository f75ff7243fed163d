package npm

import (
	"encoding/json"
	"net/url"
	"regexp"
	"strings"

	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/kind/wording"
)

// entryName returns what the server in a package is called: @upstash/context7-mcp is context7.
func entryName(packageName string) string {
	scope, name, scoped := strings.Cut(strings.TrimPrefix(packageName, "@"), "/")
	if !scoped {
		scope, name = "", scope
	}
	return wording.Name(name, scope)
}

// publisher names who stands behind a package: its scope, which the registry gives to one owner only, or else its author.
func publisher(packageName string, author json.RawMessage) entry.Publisher {
	name, page := "", ""
	var person fields
	if json.Unmarshal(author, &person) == nil {
		name, page = person.text("name"), person.text("url")
	} else {
		var text string // as in "Name <mail> (page)"; a text of another type counts as none
		if json.Unmarshal(author, &text) == nil {
			name, _, _ = strings.Cut(text, "<")
			name, _, _ = strings.Cut(name, "(")
			if _, after, ok := strings.Cut(text, "("); ok {
				page, _, _ = strings.Cut(after, ")")
			}
		}
	}
	if scope, _, ok := strings.Cut(packageName, "/"); ok {
		if own := strings.TrimPrefix(scope, "@"); !strings.EqualFold(wording.Clean(name), wording.Clean(own)) {
			return entry.Publisher{Name: own} // the author's page is not the owner's
		}
	}
	return entry.Publisher{Name: wording.Line(name, 100), URL: wording.WebAddress(page)}
}

var (
	shorthand = regexp.MustCompile(`^(?:(github|gitlab|bitbucket):)?([A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+)$`)
	scpLike   = regexp.MustCompile(`^(?:[a-z]+@)?([A-Za-z0-9.-]+\.[a-z]+):([^/].*)$`)
	hosts     = map[string]string{"": "github.com", "github": "github.com", "gitlab": "gitlab.com", "bitbucket": "bitbucket.org"}
	subfolder = regexp.MustCompile(`^/([^/]+/[^/]+)/(?:tree|blob)/[^/]+/(.+)$`)
	safePath  = regexp.MustCompile(`^[A-Za-z0-9_@+.-]+(/[A-Za-z0-9_@+.-]+)*$`)
)

// repository reads the repository field in its many forms: an object or a string; a URL of any of git's protocols, or OWNER/NAME at one of the
// known hosts. It returns nil for what has no https address.
func repository(data json.RawMessage) *entry.Repository {
	var object fields
	address, folder := "", ""
	if json.Unmarshal(data, &object) == nil {
		address, folder = object.text("url"), object.text("directory")
	} else if json.Unmarshal(data, &address) != nil {
		return nil
	}
	address, _, _ = strings.Cut(strings.TrimSpace(address), "#")
	if match := shorthand.FindStringSubmatch(address); match != nil {
		address = "https://" + hosts[match[1]] + "/" + match[2]
	} else if match := scpLike.FindStringSubmatch(address); match != nil {
		address = "https://" + match[1] + "/" + match[2]
	}
	u, err := url.Parse(strings.TrimPrefix(address, "git+"))
	if err != nil || u.Hostname() == "" {
		return nil
	}
	switch u.Scheme {
	case "https":
	case "http", "git", "ssh":
		u.Host = u.Hostname() // the port is the protocol's
	default:
		return nil
	}
	u.Path = strings.TrimSuffix(strings.TrimSuffix(u.Path, "/"), ".git")
	if match := subfolder.FindStringSubmatch(u.Path); match != nil && folder == "" {
		u.Path, folder = "/"+match[1], match[2]
	}
	page := wording.WebAddress((&url.URL{Scheme: "https", Host: u.Host, Path: u.Path}).String())
	if page == "" {
		return nil
	}
	folder = strings.Trim(strings.TrimPrefix(folder, "./"), "/")
	if !safePath.MatchString(folder) || strings.Contains("/"+folder+"/", "/../") || strings.Contains("/"+folder+"/", "/./") {
		folder = ""
	}
	return &entry.Repository{URL: page, Path: folder}
}
