package github

import (
	"context"
	"fmt"
	"regexp"

	api "github.com/google/go-github/v62/github"
)

var commitPattern = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)

// LastSuccess returns the commit of the newest run of the workflow that this process is part of that succeeded on the same branch; empty if
// none did yet.
//
// A fork may call its branch main, and its pull request may change what starts the workflow: runs for pull requests do not count.
func (r *Repository) LastSuccess(ctx context.Context, getenv func(string) string) (string, error) {
	file, branch, err := workflow(getenv)
	if err != nil {
		return "", err
	}
	commit := ""
	err = pages("runs of "+file+" that succeeded", func(page api.ListOptions) (*api.Response, error) {
		runs, resp, err := r.client.Actions.ListWorkflowRunsByFileName(ctx, r.owner, r.name, file, &api.ListWorkflowRunsOptions{
			Branch: branch, Status: "success", ExcludePullRequests: true, ListOptions: page,
		})
		if err != nil {
			return nil, err
		}
		for _, run := range runs.WorkflowRuns {
			if r.ours(run) && run.GetHeadBranch() == branch && run.GetConclusion() == "success" {
				commit = run.GetHeadSHA()
				resp.NextPage = 0
				break
			}
		}
		return resp, nil
	})
	if err != nil {
		return "", err
	}
	if commit != "" && !commitPattern.MatchString(commit) {
		return "", fmt.Errorf("GitHub says that %s succeeded last for %q, which is no commit", file, commit)
	}
	return commit, nil
}

// ours reports whether a run was started by the repository itself: no fork's branch, and no pull request.
func (r *Repository) ours(run *api.WorkflowRun) bool {
	switch run.GetEvent() {
	case "push", "schedule", "workflow_dispatch":
		return run.GetHeadRepository().GetFullName() == r.fullName()
	}
	return false
}
