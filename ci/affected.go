package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"dagger/slipway/internal/dagger"
	"dagger/slipway/internal/telemetry"
)

// Affected is the entries that a change affects: those to look at again.
type Affected struct {
	Slipway *Slipway          // +private
	Source  *dagger.Directory // +private
	History *dagger.Container // +private
	Base    string            // +private

	// Kind and name of each, such as npx/context7
	Entries []string
}

// Affected returns the entries that differ from a base, or depend on what does.
//
// +cache="session"
func (s *Slipway) Affected(
	ctx context.Context,
	// Commit, branch or tag to compare with; where the work left origin/main or main if it is left out, and nothing, so that all entries are
	// affected, in a repository that has neither
	// +optional
	base string,
	// The catalog, as a repository with its history; that of this module if it is left out
	// +defaultPath="/"
	// +ignore=["dist", ".tools", "ci/internal", "ci/dagger.gen.go"]
	source *dagger.Directory,
) (*Affected, error) {
	a := &Affected{Slipway: s, Source: source, History: s.history(source)}
	var err error
	if a.Base, err = a.since(ctx, base); err != nil {
		return nil, err
	}
	text, err := a.Plan(ctx, 1)
	if err != nil {
		return nil, err
	}
	var plan struct{ Include []struct{ Entry string } }
	if err := json.Unmarshal([]byte(text), &plan); err != nil {
		return nil, fmt.Errorf("read the plan: %w", err)
	}
	for _, planned := range plan.Include {
		a.Entries = append(a.Entries, planned.Entry)
	}
	return a, nil
}

// Plan prints which entries are affected, and why, as JSON: its "include" is a matrix for a workflow, and its "shards" is one with the entries
// dealt out over so many jobs.
func (a *Affected) Plan(
	ctx context.Context,
	// How many jobs to deal the entries out over
	// +default=1
	shards int,
) (string, error) {
	return a.History.
		WithExec([]string{"catalogctl", "--quiet", "--json", "plan", "--changed-since", a.Base, "--shards", strconv.Itoa(shards)}).
		Stdout(ctx)
}

// Gate takes each affected entry the way to the gate, and fails with the name of each for which it does not open.
//
// +check
// +cache="session"
func (a *Affected) Gate(ctx context.Context) (string, error) {
	return a.each(ctx, func(ctx context.Context, entry *Entry) (string, error) { return entry.Gate(ctx, a.Source) })
}

// Report returns what a pull request is told: comment.md, and what it was made of, plan.json and the reports on each entry at KIND/NAME. It has a
// result also where the gate stays closed; an entry that could not be judged has no report, as comment.md says.
//
// +cache="session"
func (a *Affected) Report(ctx context.Context) (*dagger.Directory, error) {
	plan, err := a.Plan(ctx, 1)
	if err != nil {
		return nil, err
	}
	found := make([]*dagger.Directory, len(a.Entries))
	_, failed := a.each(ctx, func(ctx context.Context, entry *Entry) (string, error) {
		scan, err := entry.Scan(ctx, a.Source)
		if err == nil {
			found[slices.Index(a.Entries, entry.asked())] = scan.Report
		}
		return "", err
	})
	if err := ctx.Err(); err != nil {
		return nil, errors.Join(err, failed)
	}
	all := dag.Directory().WithNewFile("plan.json", plan)
	for i, report := range found {
		if report != nil {
			all = all.WithDirectory(a.Entries[i], report)
		}
	}
	args := []string{"report", "--format", "markdown", "--plan", path.Join(outDir, "reports/plan.json")}
	if a.Base != "" {
		args = append(args, "--base", a.Base)
	}
	comment, err := a.History.WithMountedDirectory(path.Join(outDir, "reports"), all).WithExec(catalogctl(args...)).Stdout(ctx)
	if err != nil {
		return nil, err
	}
	return all.WithNewFile("comment.md", comment), nil
}

// each works on all entries, several at a time, and joins what they print and their errors, each with the name of its entry.
func (a *Affected) each(ctx context.Context, work func(context.Context, *Entry) (string, error)) (string, error) {
	texts, errs := make([]string, len(a.Entries)), make([]error, len(a.Entries))
	var group errgroup.Group
	group.SetLimit(a.Slipway.Parallel())
	for i, id := range a.Entries {
		group.Go(func() error {
			texts[i], errs[i] = named(ctx, id, func(ctx context.Context) (string, error) {
				entry, err := a.Slipway.Entry(id)
				if err != nil {
					return "", err
				}
				return work(ctx, entry)
			})
			return nil
		})
	}
	_ = group.Wait() // the errors are those of the entries
	return strings.Join(texts, ""), errors.Join(errs...)
}

// named does work in a span with the name of its entry, which is also in its error, with what catalogctl printed.
func named(ctx context.Context, id string, work func(context.Context) (string, error)) (text string, err error) {
	ctx, span := Tracer().Start(ctx, id)
	defer telemetry.EndWithCause(span, &err)
	text, err = work(ctx)
	var failed *dagger.ExecError
	switch {
	case errors.As(err, &failed):
		return "", fmt.Errorf("%s: %w\n%s%s", id, err, failed.Stdout, failed.Stderr)
	case err != nil:
		return "", fmt.Errorf("%s: %w", id, err)
	}
	return text, nil
}

// history is a container with catalogctl and Git, in a repository.
func (s *Slipway) history(repository *dagger.Directory) *dagger.Container {
	return dag.Container().From(s.GoImage).
		WithFile("/usr/local/bin/catalogctl", s.Command().Executable()).
		WithWorkdir(catalogDir).
		WithDirectory(".", repository)
}

// since returns the commit to compare with, empty if there is nothing to compare with and none was asked for.
func (a *Affected) since(ctx context.Context, base string) (string, error) {
	git := func(args ...string) *dagger.Container {
		return a.History.WithExec(append([]string{"git"}, args...), anyVerdict)
	}
	if base != "" {
		found := git("rev-parse", "--verify", "--end-of-options", base+"^{commit}")
		if code, err := found.ExitCode(ctx); err != nil || code == 0 {
			return a.commit(ctx, found, err)
		}
		return "", fmt.Errorf("%q is no commit of the repository: fetch it first, or name the repository that has it with --source; "+
			"the history of a Git worktree is not in its folder", base)
	}
	for _, branch := range []string{"origin/main", "main"} {
		found := git("merge-base", "HEAD", branch)
		if code, err := found.ExitCode(ctx); err != nil || code == 0 {
			return a.commit(ctx, found, err)
		}
	}
	return "", nil
}

func (a *Affected) commit(ctx context.Context, found *dagger.Container, err error) (string, error) {
	if err != nil {
		return "", err
	}
	text, err := found.Stdout(ctx)
	return strings.TrimSpace(text), err
}
