package npm

import (
	"encoding/json"
	"net/url"
	"regexp"
	"strings"
	"unicode"

	"github.com/slipway-dev/slipway/internal/entry"
)

var notInName = regexp.MustCompile(`[^a-z0-9]+`)

// entryName shortens a package's name to what its server is called: @upstash/context7-mcp is context7. Where only words such as mcp-server
// are left, the scope is the name.
func entryName(packageName string) string {
	scope, name, scoped := strings.Cut(strings.TrimPrefix(packageName, "@"), "/")
	if !scoped {
		scope, name = "", scope
	}
	name, scope = clean(name), clean(scope)
	words := strings.Split(name, "-")
	for len(words) > 0 && (words[0] == "mcp" || words[0] == "server") {
		words = words[1:]
	}
	for len(words) > 0 && (words[len(words)-1] == "mcp" || words[len(words)-1] == "server") {
		words = words[:len(words)-1]
	}
	for _, candidate := range []string{strings.Join(words, "-"), scope, name} {
		if len(candidate) >= 2 {
			return strings.Trim(candidate[:min(len(candidate), 64)], "-")
		}
	}
	return name
}

func clean(name string) string {
	return strings.Trim(notInName.ReplaceAllString(strings.ToLower(name), "-"), "-")
}

// title writes an entry's name as a title.
func title(name string) string {
	words := strings.Split(name, "-")
	for i, word := range words {
		if word != "" {
			words[i] = strings.ToUpper(word[:1]) + word[1:]
		}
	}
	return strings.Join(words, " ")
}

// fillers are letters and marks by Unicode's classes that show nothing.
var fillers = &unicode.RangeTable{
	R16: []unicode.Range16{
		{0x034F, 0x034F, 1},
		{0x115F, 0x1160, 1},
		{0x17B4, 0x17B5, 1},
		{0x180B, 0x180F, 1},
		{0x2800, 0x2800, 1},
		{0x3164, 0x3164, 1},
		{0xFE00, 0xFE0F, 1},
		{0xFFA0, 0xFFA0, 1},
	},
	R32: []unicode.Range32{{0xE0000, 0xE0FFF, 1}},
}

// line makes one visible line of a text, cut at the end of a word to at most limit characters.
func line(text string, limit int) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r) || unicode.Is(fillers, r) || r == unicode.ReplacementChar:
			return -1
		}
		return r
	}, text)
	text = strings.Join(strings.Fields(text), " ")
	runes := []rune(text)
	if len(runes) <= limit {
		return text
	}
	cut := string(runes[:limit-1])
	if space := strings.LastIndexByte(cut, ' '); space > 0 && runes[limit-1] != ' ' {
		cut = cut[:space]
	}
	return strings.TrimRight(cut, " ,;:.-–(") + "…"
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
		if own := strings.TrimPrefix(scope, "@"); !strings.EqualFold(clean(name), clean(own)) {
			return entry.Publisher{Name: own} // the author's page is not the owner's
		}
	}
	return entry.Publisher{Name: line(name, 100), URL: webAddress(page)}
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
	page := webAddress((&url.URL{Scheme: "https", Host: u.Host, Path: u.Path}).String())
	if page == "" {
		return nil
	}
	folder = strings.Trim(strings.TrimPrefix(folder, "./"), "/")
	if !safePath.MatchString(folder) || strings.Contains("/"+folder+"/", "/../") || strings.Contains("/"+folder+"/", "/./") {
		folder = ""
	}
	return &entry.Repository{URL: page, Path: folder}
}

var publicHost = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9](:[1-9][0-9]{0,4})?$`)

// webAddress returns an https address without user, query and fragment, or nothing.
func webAddress(address string) string {
	u, err := url.Parse(strings.TrimSpace(address))
	if err != nil || u.Scheme != "https" || u.User != nil || len(address) > 500 {
		return ""
	}
	u.Host = strings.ToLower(u.Host)
	if !publicHost.MatchString(u.Host) {
		return ""
	}
	return "https://" + u.Host + strings.TrimSuffix(u.EscapedPath(), "/")
}
