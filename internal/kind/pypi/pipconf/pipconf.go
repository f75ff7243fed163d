// Package pipconf finds out which Python package index the user has configured, and which credentials belong to it.
//
// It reads what uv and pip themselves read, in this order: the variables UV_DEFAULT_INDEX, UV_INDEX_URL and PIP_INDEX_URL, uv.toml, and pip's
// configuration files (uv documentation, "Configuration files" and "Indexes"; pip documentation, "Configuration"). It knows no index of its
// own: where none of these names one, pip or uv is asked.
//
// There is one index. Where several are searched, a stranger can publish in one what is missing in another.
package pipconf

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
)

// Sources are the places where a user's configuration is found.
type Sources struct {
	// Project is the folder whose uv.toml counts before the user's; empty means that there is none.
	Project string
	// Home is the user's home folder; empty means that there is none.
	Home string
	// System is the folder of the machine's configuration, which is /etc; empty means that there is none.
	System string
	// Environ is the environment as NAME=value, as os.Environ returns it.
	Environ []string
	// Ask returns the address that pip or uv goes by on its own; it is called at most once, and only where no file and no variable names an
	// index. Nil means that there is neither of them to ask.
	Ask func(ctx context.Context) (string, error)
}

// Config is one user's index. It may be used by many goroutines at once.
type Config struct {
	setting string // where the address was found
	address string // empty if it was not
	ask     func(ctx context.Context) (string, error)

	mutex sync.Mutex
	asked *url.URL
}

// Index returns the address of the index without credentials, ending in a slash, below which each project has its page.
func (c *Config) Index(ctx context.Context) (*url.URL, error) {
	u, err := c.full(ctx)
	if err != nil {
		return nil, err
	}
	plain := *u
	plain.User = nil
	return &plain, nil
}

// Header returns the header that a request to u carries: the index's credentials if u is on its host, and else none.
func (c *Config) Header(ctx context.Context, u *url.URL) (http.Header, error) {
	index, err := c.full(ctx)
	if err != nil {
		return nil, err
	}
	header := http.Header{}
	if index.User != nil && index.Host == u.Host && index.Scheme == u.Scheme {
		password, _ := index.User.Password()
		request := http.Request{Header: header}
		request.SetBasicAuth(index.User.Username(), password)
	}
	return header, nil
}

// Environment returns the configuration as variables for a uv process that sees none of the user's files. It holds credentials.
func (c *Config) Environment(ctx context.Context) ([]string, error) {
	index, err := c.full(ctx)
	if err != nil {
		return nil, err
	}
	return []string{"UV_DEFAULT_INDEX=" + strings.TrimSuffix(index.String(), "/")}, nil
}

// full returns the address with the credentials in it.
func (c *Config) full(ctx context.Context) (*url.URL, error) {
	if c.address != "" {
		return parse(c.setting, c.address)
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.asked != nil {
		return c.asked, nil
	}
	const advice = `set the environment variable PIP_INDEX_URL, or write "index-url = " and its address into the section [global] of pip.conf`
	if c.ask == nil {
		return nil, fmt.Errorf("no Python package index is configured, and there is neither pip nor uv that could name its own: %s", advice)
	}
	address, err := c.ask(ctx)
	if err != nil {
		return nil, fmt.Errorf("no Python package index is configured, and neither pip nor uv could name its own (%w): %s", err, advice)
	}
	u, err := parse("the index that pip or uv names", address)
	if err != nil {
		return nil, err
	}
	c.asked = u
	return u, nil
}

func parse(setting, address string) (*url.URL, error) {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return nil, fmt.Errorf("%s is not an http or https address: correct it", setting)
	case u.RawQuery != "" || u.Fragment != "":
		return nil, fmt.Errorf("%s holds a query or a fragment: an index's address ends with its path", setting)
	}
	if !strings.HasSuffix(u.Path, "/") {
		u.Path += "/"
	}
	return u, nil
}
