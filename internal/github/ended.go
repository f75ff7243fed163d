package github

import (
	"context"
	"fmt"
	"slices"
	"time"

	api "github.com/google/go-github/v62/github"
)

// longestRun is how long before its end a run may have begun.
const longestRun = 12 * time.Hour

// Run is a run of a workflow that judged a pull request and has ended.
type Run struct {
	Attempt
	Pull   int    // the number of the pull request
	Commit string // its newest one, which the run judged
	Fork   bool   // it comes from another repository
}

// Ended returns the runs of a workflow file for pull requests that have ended since a time, of each open pull request the last one for its
// newest commit, by number. Which pull request a run belongs to is found by the branch that both come from: GitHub does not say it of forks, and
// what a run says of itself its author can choose.
func (r *Repository) Ended(ctx context.Context, file string, since time.Time) ([]Run, error) {
	pulls, err := r.open(ctx)
	if err != nil {
		return nil, err
	}
	last := map[int]Run{}
	err = pages("runs of "+file+" that have ended", func(page api.ListOptions) (*api.Response, error) {
		runs, resp, err := r.client.Actions.ListWorkflowRunsByFileName(ctx, r.owner, r.name, file, &api.ListWorkflowRunsOptions{
			Event: "pull_request", Status: "completed", Created: ">=" + since.Add(-longestRun).UTC().Format(time.RFC3339), ListOptions: page,
		})
		if err != nil {
			return nil, err
		}
		for _, run := range runs.WorkflowRuns {
			if run.GetUpdatedAt().Before(since) || run.GetEvent() != "pull_request" || !judged(run) {
				continue
			}
			pull, found := pulls[headOf(run.GetHeadRepository(), run.GetHeadBranch(), run.GetHeadSHA())]
			if found && pull != ambiguous && last[pull].Run < run.GetID() {
				last[pull] = Run{
					Attempt: Attempt{run.GetID(), run.GetRunAttempt()}, Pull: pull, Commit: run.GetHeadSHA(), Fork: run.GetHeadRepository().GetFullName() != r.fullName(),
				}
			}
		}
		return resp, nil
	})
	var ended []Run
	for _, run := range last {
		if !commitPattern.MatchString(run.Commit) {
			return nil, fmt.Errorf("GitHub says that run %d is for %q, which is no commit", run.Run, run.Commit)
		}
		ended = append(ended, run)
	}
	slices.SortFunc(ended, func(a, b Run) int { return a.Pull - b.Pull })
	return ended, err
}

// judged reports whether a run went its way to an end: neither replaced by a newer one nor waiting for approval.
func judged(run *api.WorkflowRun) bool {
	return slices.Contains([]string{"success", "failure", "timed_out"}, run.GetConclusion())
}

// head is where a pull request comes from.
type head struct {
	repository int64
	branch     string
	commit     string
}

func headOf(repository *api.Repository, branch, commit string) head {
	return head{repository.GetID(), branch, commit}
}

// ambiguous stands for several pull requests from one branch, of which no run can be told apart.
const ambiguous = -1

// open returns the numbers of open pull requests by where they come from.
func (r *Repository) open(ctx context.Context) (map[head]int, error) {
	pulls := map[head]int{}
	err := pages("open pull requests", func(page api.ListOptions) (*api.Response, error) {
		list, resp, err := r.client.PullRequests.List(ctx, r.owner, r.name, &api.PullRequestListOptions{
			State: "open", Sort: "updated", Direction: "desc", ListOptions: page,
		})
		if err != nil {
			return nil, err
		}
		for _, p := range list {
			from := headOf(p.GetHead().GetRepo(), p.GetHead().GetRef(), p.GetHead().GetSHA())
			if _, twice := pulls[from]; twice {
				pulls[from] = ambiguous
				continue
			}
			pulls[from] = p.GetNumber()
		}
		return resp, nil
	})
	return pulls, err
}
