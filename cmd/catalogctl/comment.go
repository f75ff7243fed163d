package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/change"
	"github.com/slipway-dev/slipway/internal/comment"
	"github.com/slipway-dev/slipway/internal/flow"
	"github.com/slipway-dev/slipway/internal/github"
)

// What a run of the workflow for pull requests leaves: artifacts, and in one of them the plan.
const (
	reportArtifacts = "report-"
	planName        = "plan.json"
)

// sweep is how long ago a run may have ended for its pull request to be told.
const sweep = 6 * time.Hour

func (a *app) githubCommentCommand() *cobra.Command {
	var base, ended string
	cmd := &cobra.Command{
		Use:   "comment",
		Short: "Tell pull requests what became of the entries that they affect",
		Long: `Comment writes what 'catalogctl report' says as the one comment on a pull request, or changes the comment that is there.

In a workflow that a pull request started, that is the pull request, and the plan and the reports are those below <out>/reports. With --ended, they
are all whose runs of another workflow ended in the last six hours and were not told yet: their reports are fetched from the artifacts of the
run, whose names begin with report-. A pull request from a fork is shown its findings, too, for its own run may not do so.

Plans and reports are data of strangers: they are bounded, and appear as code only. Which pull request they belong to is what GitHub says.`,
		Args: cobra.NoArgs,
	}
	cmd.Flags().StringVar(&base, "base", "HEAD", "compare with the catalog at commit `REV`")
	cmd.Flags().StringVar(&ended, "ended", "", "for all runs of the workflow `FILE`, such as pull-request.yml, that ended")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		repository, err := github.Open(os.Getenv)
		if err != nil {
			return err
		}
		if ended != "" {
			return a.tellEnded(cmd.Context(), repository, ended, base)
		}
		pull, err := github.PullRequest(os.Getenv)
		if err != nil {
			return err
		}
		about, err := github.CurrentAttempt(os.Getenv)
		if err != nil {
			return err
		}
		note, err := repository.FindComment(cmd.Context(), pull)
		if err != nil {
			return err
		}
		told, err := a.tell(cmd.Context(), a.out, base)
		if err != nil {
			return err
		}
		return note.Write(cmd.Context(), about, told.text)
	}
	return cmd
}

// tellEnded tells each pull request of its run that ended. One that cannot be told does not keep the others from it.
func (a *app) tellEnded(ctx context.Context, repository *github.Repository, workflow, base string) error {
	runs, err := repository.Ended(ctx, workflow, time.Now().Add(-sweep))
	if err != nil {
		return err
	}
	failed := false
	for _, run := range runs {
		if err := a.tellRun(ctx, repository, run, base); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			failed = true
			fmt.Fprintf(a.stderr, "#%d: %v\n", run.Pull, err)
		}
	}
	if failed {
		return errPrinted
	}
	return nil
}

func (a *app) tellRun(ctx context.Context, repository *github.Repository, run github.Run, base string) error {
	note, err := repository.FindComment(ctx, run.Pull)
	if err != nil || note.Tells(run.Attempt) {
		return err
	}
	out, err := os.MkdirTemp("", "slipway-run-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(out) }() // nothing of it is needed any more
	reports := filepath.Join(out, "reports")
	if err := os.Mkdir(reports, 0o755); err != nil {
		return err
	}
	if err := repository.Reports(ctx, run.Run, reportArtifacts, isReported, reports); err != nil {
		return err
	}
	told, err := a.tell(ctx, out, base)
	if err != nil {
		return err
	}
	if run.Fork {
		for _, id := range told.ids {
			sarif, err := told.line.Findings(id)
			if err == nil && sarif != nil {
				err = repository.UploadFindings(ctx, run, sarif)
			}
			if err != nil {
				return err
			}
		}
	}
	if err := note.Write(ctx, run.Attempt, told.text); err != nil {
		return err
	}
	fmt.Fprintf(a.stderr, "#%d: told of run %d\n", run.Pull, run.Run)
	return nil
}

// isReported reports whether a file of a run is one that told reads.
func isReported(name string) bool { return name == planName || flow.IsReport(name) }

// told is what a pull request is told, and of which entries.
type told struct {
	text string
	ids  []change.Name
	line *flow.Line // that knows the reports
}

// tell writes what the plan and the reports below out say, compared with the commit base.
func (a *app) tell(ctx context.Context, out, base string) (*told, error) {
	line, stop, err := a.open(ctx, flow.Checks{}, func(o *flow.Options) { o.Out = out })
	if err != nil {
		return nil, err
	}
	defer stop()
	var report comment.Report
	ids, err := readPlan(filepath.Join(line.Out, "reports", planName), &report)
	if errors.Is(err, fs.ErrNotExist) {
		report.Problems, err = []string{"There is no plan of what is affected; the log of the run says why."}, nil
	}
	if err == nil {
		err = review(ctx, line, ids, base, &report)
	}
	return &told{text: comment.Markdown(report, github.MaxComment), ids: ids, line: line}, err
}
