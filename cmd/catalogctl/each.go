package main

import (
	"context"
	"errors"
	"strings"

	"github.com/slipway-dev/slipway/internal/catalog"
	"github.com/slipway-dev/slipway/internal/flow"
)

// result is what every command prints of one entry. Fields that a command does not fill are left out.
type result struct {
	Name      string             `json:"name"`
	Kind      string             `json:"kind"`
	Digest    string             `json:"digest,omitempty"` // of the index
	Platforms []platform         `json:"platforms,omitempty"`
	Reference string             `json:"reference,omitempty"` // by digest
	Verdict   string             `json:"verdict,omitempty"`   // pass, fail or error
	Tools     *int               `json:"tools,omitempty"`
	Findings  *counts            `json:"findings,omitempty"`
	Files     []string           `json:"files,omitempty"` // written, or found to be stale, relative to the catalog
	Changed   *bool              `json:"changed,omitempty"`
	Problems  []*catalog.Problem `json:"problems,omitempty"`
	Missing   []string           `json:"missing,omitempty"` // what a person must still do
	Error     string             `json:"error,omitempty"`
	Seconds   float64            `json:"seconds"`

	human string // what a person reads instead
}

// platform is one platform's image.
type platform struct {
	Platform string `json:"platform"`
	Digest   string `json:"digest"`
	Size     int64  `json:"size"` // compressed bytes
}

// counts is how many findings there are of each disposition.
type counts struct {
	Blocking      int `json:"blocking"`
	Warning       int `json:"warning"`
	Waived        int `json:"waived"`
	Informational int `json:"informational"`
}

// The verdicts of an entry.
const (
	verdictPass  = "pass"
	verdictFail  = "fail"  // it was judged, and must not be released
	verdictError = "error" // it could not be judged
)

// each runs work for every item, as many at a time as this machine can, and prints each result as soon as it is there. Work returns as much of a
// result as it has, also with an error. The error returned wraps errPrinted if an item could not be done, and is errFindings if one failed its gate.
func (a *app) each(ctx context.Context, line *flow.Line, items []catalog.Item, work func(context.Context, catalog.Item) (*result, error)) error {
	return a.eachOf(ctx, line, flow.AtOnce(), items, work)
}

// eachOf is each with so many at a time.
func (a *app) eachOf(ctx context.Context, line *flow.Line, atOnce int, items []catalog.Item, work func(context.Context, catalog.Item) (*result, error)) error {
	var failed, found bool
	err := flow.Each(ctx, atOnce, items, func(ctx context.Context, item catalog.Item) (*result, error) {
		started := line.Now()
		r, err := &result{}, line.Valid(item)
		if err == nil {
			r, err = work(ctx, item)
		}
		r.Name, r.Kind = item.Entry.Name, string(item.Entry.Kind)
		if r.Seconds == 0 {
			r.Seconds = line.Now().Sub(started).Seconds()
		}
		return r, err
	}, func(item catalog.Item, r *result, err error) error {
		if ctx.Err() != nil {
			return ctx.Err() // the rest is only the echo of the cancellation
		}
		switch {
		case flow.Judged(err):
			found = true
			r.Verdict = verdictFail
		case errors.Is(err, errFindings):
			found = true
		case err != nil:
			failed = true
			r.Verdict = verdictError
		}
		if err != nil && !errors.Is(err, errFindings) {
			r.Error = err.Error()
			var problems catalog.Problems
			if errors.As(err, &problems) {
				r.Problems = problems
			}
		}
		return a.print(r, func() string {
			if r.human == "" && err != nil {
				return named(item, err)
			}
			return r.human
		})
	})
	switch {
	case err != nil:
		return err
	case failed:
		return errPrinted
	case found:
		return errFindings
	}
	return nil
}

// named is a line that says err and which item it is about, once.
func named(item catalog.Item, err error) string {
	if strings.Contains(err.Error(), item.Entry.ID()) {
		return err.Error() + "\n"
	}
	return item.Entry.ID() + ": " + err.Error() + "\n"
}
