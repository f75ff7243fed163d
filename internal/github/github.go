// Package github does for a GitHub workflow what it needs of GitHub besides the files of the repository: it says which commit was released
// last, comments on pull requests, takes reports out of runs, uploads findings, and keeps labels.
//
// It is told where it runs by the variables that GitHub sets in each job, and what it reads of runs and pull requests is data of strangers.
package github

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	api "github.com/google/go-github/v62/github"
	"github.com/hashicorp/go-cleanhttp"
)

// Bounds on what the API may answer, in bytes, on how long one answer may take, and on how many pages of a list are read.
const (
	maxAnswer  = 32 << 20
	answerTime = time.Minute
	maxPages   = 30
	perPage    = 100
)

// Repository is a repository as its API offers it.
type Repository struct {
	client *api.Client
	owner  string
	name   string
}

// Open returns the repository of the job that this process is part of: that of GITHUB_REPOSITORY at GITHUB_API_URL, with the rights of the
// token in GITHUB_TOKEN, which a workflow must pass on by itself.
func Open(getenv func(string) string) (*Repository, error) {
	owner, name, found := strings.Cut(getenv("GITHUB_REPOSITORY"), "/")
	if !found || owner == "" || name == "" || strings.Contains(name, "/") {
		return nil, fmt.Errorf("GITHUB_REPOSITORY is %q: want OWNER/NAME, as GitHub sets it in a workflow", getenv("GITHUB_REPOSITORY"))
	}
	token := getenv("GITHUB_TOKEN")
	if token == "" {
		return nil, errors.New("GITHUB_TOKEN is empty: give the step env: GITHUB_TOKEN: ${{ github.token }}")
	}
	client := api.NewClient(&http.Client{Transport: capped{cleanhttp.DefaultPooledTransport()}, Timeout: answerTime, CheckRedirect: stay}).WithAuthToken(token)
	if address := getenv("GITHUB_API_URL"); address != "" {
		base, err := url.Parse(strings.TrimSuffix(address, "/") + "/")
		if err != nil || base.Host == "" {
			return nil, fmt.Errorf("GITHUB_API_URL is %q, which is no address", address)
		}
		client.BaseURL = base
	}
	return &Repository{client: client, owner: owner, name: name}, nil
}

// fullName is the repository's name with its owner.
func (r *Repository) fullName() string { return r.owner + "/" + r.name }

// plainClient has no token.
var plainClient = &http.Client{Transport: cleanhttp.DefaultPooledTransport(), Timeout: 5 * answerTime}

// stay keeps the token from following a redirection to another host.
func stay(req *http.Request, via []*http.Request) error {
	if req.URL.Host != via[0].URL.Host || req.URL.Scheme != via[0].URL.Scheme || len(via) > 5 {
		return fmt.Errorf("%s leads to %s, which would see the token", via[0].URL, req.URL.Host)
	}
	return nil
}

// capped ends answers that are too large with an error.
type capped struct{ http.RoundTripper }

func (c capped) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := c.RoundTripper.RoundTrip(req)
	if err == nil {
		resp.Body = http.MaxBytesReader(nil, resp.Body, maxAnswer)
	}
	return resp, err
}

// pages calls one for each page of a list, from the first to the last one, at most maxPages of them.
func pages(what string, one func(api.ListOptions) (*api.Response, error)) error {
	options := api.ListOptions{PerPage: perPage, Page: 1}
	for range maxPages {
		resp, err := one(options)
		if err != nil {
			return fmt.Errorf("ask GitHub for %s: %w", what, err)
		}
		if resp.NextPage <= options.Page {
			return nil
		}
		options.Page = resp.NextPage
	}
	return nil
}
