package github

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"regexp"
	"strings"

	"github.com/slipway-dev/slipway/internal/bounded"
)

// Bounds of GitHub on what a job writes, in bytes.
const (
	MaxSummary = 1<<20 - 1 // of one step
	maxOutput  = 1<<20 - 1 // all outputs of a job
	maxEvent   = 32 << 20  // ours: on the file that tells the event
)

var outputName = regexp.MustCompile(`^[a-z][a-z0-9_-]*$`)

// SetOutput sets an output of the step that this process is part of, in the file that GITHUB_OUTPUT names. Whatever the value holds, it
// cannot set another output.
func SetOutput(getenv func(string) string, name, value string) error {
	if !outputName.MatchString(name) {
		return fmt.Errorf("%q is no name of an output", name)
	}
	if len(value) > maxOutput {
		return fmt.Errorf("the output %s has %d bytes, and GitHub takes %d", name, len(value), maxOutput)
	}
	// The value ends at a line that nobody can know before.
	end := rand.Text()
	return appendTo(getenv, "GITHUB_OUTPUT", name+"<<"+end+"\n"+value+"\n"+end+"\n")
}

// AddSummary adds Markdown, of at most MaxSummary bytes, to the summary of the job, in the file that GITHUB_STEP_SUMMARY names.
func AddSummary(getenv func(string) string, text string) error {
	if len(text) > MaxSummary {
		return fmt.Errorf("the summary has %d bytes, and GitHub takes %d", len(text), MaxSummary)
	}
	return appendTo(getenv, "GITHUB_STEP_SUMMARY", text)
}

func appendTo(getenv func(string) string, variable, text string) error {
	name := getenv(variable)
	if name == "" {
		return fmt.Errorf("%s is empty: this is for a step of a GitHub workflow, where it names a file", variable)
	}
	f, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("%s: %w", variable, err)
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

// PullRequest returns the number of the pull request that started the workflow, as the event in GITHUB_EVENT_PATH tells it.
func PullRequest(getenv func(string) string) (int, error) {
	name := getenv("GITHUB_EVENT_PATH")
	if name == "" {
		return 0, errors.New("GITHUB_EVENT_PATH is empty: this is for a workflow that a pull request started")
	}
	f, err := os.Open(name)
	if err != nil {
		return 0, fmt.Errorf("GITHUB_EVENT_PATH: %w", err)
	}
	defer f.Close()
	data, err := bounded.Read(f, maxEvent)
	if err != nil {
		return 0, fmt.Errorf("the event %s: %w", name, err)
	}
	var event struct {
		PullRequest struct {
			Number int `json:"number"`
		} `json:"pull_request"`
	}
	if err := json.Unmarshal(data, &event); err != nil {
		return 0, fmt.Errorf("the event %s: %w", name, err)
	}
	if event.PullRequest.Number < 1 {
		return 0, fmt.Errorf("the event %s is about no pull request", name)
	}
	return event.PullRequest.Number, nil
}

// workflow returns the file of the running workflow and the branch that it runs for, from GITHUB_WORKFLOW_REF.
func workflow(getenv func(string) string) (file, branch string, err error) {
	ref := getenv("GITHUB_WORKFLOW_REF")
	name, version, _ := strings.Cut(ref, "@")
	branch, isBranch := strings.CutPrefix(version, "refs/heads/")
	file = path.Base(name)
	if !isBranch || branch == "" || path.Base(path.Dir(name)) != "workflows" {
		return "", "", fmt.Errorf("GITHUB_WORKFLOW_REF is %q: want a workflow of a branch, such as owner/name/.github/workflows/release.yml@refs/heads/main", ref)
	}
	return file, branch, nil
}
