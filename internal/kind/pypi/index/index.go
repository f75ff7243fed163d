// Package index asks a Python package index for the files of a project (Python packaging specification "Simple repository API": HTML as in
// PEP 503, JSON as in PEP 691).
package index

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"

	"github.com/slipway-dev/slipway/internal/fetch"
	"github.com/slipway-dev/slipway/internal/kind/pypi/pipconf"
)

const (
	// maxPage bounds what an index says of one project; the largest have some tens of megabytes.
	maxPage = 64 << 20
	// maxFiles bounds the files of one project.
	maxFiles = 200_000
	// accept asks for JSON, and is content with HTML.
	accept = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"
)

// Index is a user's Python package index. It may be used by many goroutines at once.
type Index struct {
	cache  *fetch.Cache
	config *pipconf.Config
}

// New returns the index that the configuration names.
func New(cache *fetch.Cache, config *pipconf.Config) *Index {
	return &Index{cache: cache, config: config}
}

// File is a file of a project.
type File struct {
	Name           string // as in mcp-1.0.0-py3-none-any.whl
	URL            *url.URL
	SHA256         string // lower-case hexadecimal digits; empty if the index does not know it
	RequiresPython string // a version specifier; empty if it is not known
	Yanked         bool
}

// Files returns the files of a project by its normalised name, in the order of the index. A project that the index does not have is a
// *fetch.StatusError.
func (i *Index) Files(ctx context.Context, project string) ([]File, error) {
	index, err := i.config.Index(ctx)
	if err != nil {
		return nil, err
	}
	page := index.JoinPath(project, "/")
	header, err := i.config.Header(ctx, page)
	if err != nil {
		return nil, err
	}
	header.Set("Accept", accept)
	data, err := i.cache.Document(ctx, page.String(), header, maxPage)
	if err != nil {
		return nil, err
	}
	files, err := parse(page, data)
	if err != nil {
		return nil, fmt.Errorf("the package index's answer about %s: %w", project, err)
	}
	return files, nil
}

// Locate returns how to find out where the file of a project with this hash is; see fetch.Request.
func (i *Index) Locate(project, sha256 string) func(context.Context) (string, http.Header, error) {
	return func(ctx context.Context) (string, http.Header, error) {
		files, err := i.Files(ctx, project)
		if err != nil {
			return "", nil, err
		}
		for _, f := range files {
			if f.SHA256 == sha256 {
				header, err := i.config.Header(ctx, f.URL)
				return f.URL.String(), header, err
			}
		}
		return "", nil, fmt.Errorf("the package index has no file of %s with the SHA-256 %s, which the lock names: the file was removed, "+
			"or the lock was made with another index; lock again", project, sha256)
	}
}

// parse reads a page in whichever of the two formats it is.
func parse(page *url.URL, data []byte) ([]File, error) {
	if trimmed := bytes.TrimLeft(data, " \t\r\n\uFEFF"); len(trimmed) > 0 && trimmed[0] == '{' {
		return parseJSON(page, trimmed)
	}
	return parseHTML(page, data)
}

// add enters a file if it can be fetched from where the page says: at an http address, and at none in the clear if the page is not.
func add(files []File, base *url.URL, href string, f File) ([]File, error) {
	if len(files) == maxFiles {
		return nil, fmt.Errorf("it lists more than %d files", maxFiles)
	}
	u, err := base.Parse(href)
	if err != nil {
		return files, nil //nolint:nilerr // one bad link does not spoil a page
	}
	if u.Host == "" || u.Scheme != "https" && (u.Scheme != "http" || base.Scheme == "https") {
		return files, nil
	}
	u.Fragment, u.RawFragment, u.User = "", "", nil
	f.URL = u
	if _, err := fetch.Parse("sha256:" + f.SHA256); err != nil {
		f.SHA256 = ""
	}
	return append(files, f), nil
}
