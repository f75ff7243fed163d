package index

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// parseJSON reads a page as in PEP 691.
func parseJSON(page *url.URL, data []byte) (files []File, err error) {
	var document struct {
		Meta struct {
			Version string `json:"api-version"`
		} `json:"meta"`
		Files []struct {
			Filename       string            `json:"filename"`
			URL            string            `json:"url"`
			Hashes         map[string]string `json:"hashes"`
			RequiresPython string            `json:"requires-python"`
			Yanked         any               `json:"yanked"` // a boolean, or the reason
		} `json:"files"`
	}
	if err := json.Unmarshal(data, &document); err != nil {
		return nil, fmt.Errorf("is not the JSON of a project's page: %w", err)
	}
	if major, _, _ := strings.Cut(document.Meta.Version, "."); major != "1" {
		return nil, fmt.Errorf("is of version %.20q of the API: only 1 is known", document.Meta.Version)
	}
	for _, f := range document.Files {
		yanked := f.Yanked != nil && f.Yanked != false
		files, err = add(files, page, f.URL, File{
			Name: f.Filename, SHA256: f.Hashes["sha256"], RequiresPython: f.RequiresPython, Yanked: yanked,
		})
		if err != nil {
			return nil, err
		}
	}
	return files, nil
}

// parseHTML reads a page as in PEP 503: each link is a file.
func parseHTML(page *url.URL, data []byte) (files []File, err error) {
	tokens := html.NewTokenizer(bytes.NewReader(data))
	tokens.SetMaxBuf(1 << 20)
	elements := 0
	for {
		switch tokens.Next() {
		case html.ErrorToken:
			if err := tokens.Err(); !errors.Is(err, io.EOF) {
				return nil, fmt.Errorf("is not HTML: %w", err)
			}
			if elements == 0 {
				return nil, errors.New("is neither HTML nor JSON")
			}
			return files, nil
		case html.StartTagToken, html.SelfClosingTagToken:
			elements++
			token := tokens.Token()
			if token.DataAtom != atom.A {
				continue
			}
			if files, err = addLink(files, page, token.Attr); err != nil {
				return nil, err
			}
		default: // text and ends of elements say nothing
		}
	}
}

func addLink(files []File, page *url.URL, attributes []html.Attribute) ([]File, error) {
	var f File
	href := ""
	for _, a := range attributes {
		switch a.Key {
		case "href":
			href = a.Val
		case "data-requires-python":
			f.RequiresPython = a.Val
		case "data-yanked":
			f.Yanked = true
		}
	}
	address, fragment, _ := strings.Cut(href, "#")
	f.SHA256 = strings.TrimPrefix(fragment, "sha256=")
	u, err := url.Parse(address)
	if err != nil {
		return files, nil //nolint:nilerr // one bad link does not spoil a page
	}
	if u.Path == "" {
		return files, nil
	}
	f.Name = path.Base(u.Path)
	return add(files, page, address, f)
}
