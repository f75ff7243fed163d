package main

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/github/githubtest"
)

// step runs catalogctl as a step of a workflow does, with the variables that GitHub sets.
func (s checkout) step(environ map[string]string, args ...string) (code int, output string) {
	s.t.Helper()
	cmd := exec.CommandContext(s.t.Context(), "catalogctl", args...)
	cmd.Dir, cmd.Env = s.dir, []string{"PATH=" + os.Getenv("PATH"), "HOME=" + s.t.TempDir(), "GORACE=atexit_sleep_ms=0"}
	for name, value := range environ {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	out, _ := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		s.t.Fatal("catalogctl did not start")
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

func (s checkout) head() string {
	s.t.Helper()
	out, err := exec.CommandContext(s.t.Context(), "git", "-C", s.dir, "rev-parse", "HEAD").Output()
	if err != nil {
		s.t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestPlanOfReleases wants what failed to be released to be in the next plan again, however many commits have come since.
func TestPlanOfReleases(t *testing.T) {
	t.Parallel()
	s, api := newCheckout(t), githubtest.New(t)
	environ := api.Environ()
	environ["GITHUB_WORKFLOW_REF"] = githubtest.Repository + "/.github/workflows/release.yml@refs/heads/main"
	environ["GITHUB_OUTPUT"] = filepath.Join(t.TempDir(), "output")
	released := func(conclusion string) {
		commit := s.head()
		api.Locked(func() {
			api.Runs = append(api.Runs, githubtest.Run{
				ID: int64(len(api.Runs) + 1), Workflow: "release.yml", Event: "push", Branch: "main", From: githubtest.Repository, Commit: commit, Conclusion: conclusion,
			})
		})
	}
	planned := func(want string) {
		t.Helper()
		file := filepath.Join(t.TempDir(), "new", "plan.json")
		if code, out := s.step(environ, "plan", "--since-last-release", "--github-output", "--file", file); code != exitDone {
			t.Fatalf("exit code %d: %s", code, out)
		}
		var got []string
		for part := range strings.SplitSeq(read(t, file), `"entry":"`) {
			if id, _, found := strings.Cut(part, `"`); found && strings.HasPrefix(id, "npx/") {
				got = append(got, id)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("planned are %q, want %q", got, want)
		}
	}
	planned("npx/context7 npx/memory npx/notion")
	released("success")
	planned("")
	s.edit("catalog/npx/memory/entry.cue", "license:", "// a remark\nlicense:")
	s.commit()
	planned("npx/memory")
	released("failure")
	s.edit("catalog/npx/notion/entry.cue", "license:", "// a remark\nlicense:")
	s.commit()
	released("cancelled")
	planned("npx/memory npx/notion")
	released("success")
	planned("")
	outputs := read(t, environ["GITHUB_OUTPUT"])
	if strings.Count(outputs, "include<<") != 5 || strings.Count(outputs, "\n[]\n") != 2 || strings.Count(outputs, "\nfalse\n") != 5 {
		t.Errorf("outputs are\n%s", outputs)
	}
	delete(environ, "GITHUB_TOKEN")
	for _, args := range [][]string{{"plan", "--since-last-release"}, {"release", "--since-last-release"}} {
		if code, out := s.step(environ, args...); code != exitFailed || !strings.Contains(out, "GITHUB_TOKEN is empty") {
			t.Errorf("%q without a token: exit code %d: %s", args, code, out)
		}
	}
}

// TestPlanOfTooManyJobs has more entries than GitHub makes jobs of a matrix.
func TestPlanOfTooManyJobs(t *testing.T) {
	t.Parallel()
	s := newCheckout(t)
	for i := range maxShards - 2 {
		s.write(fmt.Sprintf("catalog/npx/e%d/entry.cue", i), "not to be read")
	}
	output := filepath.Join(t.TempDir(), "output")
	plan := func() string {
		t.Helper()
		if code, out := s.step(map[string]string{"GITHUB_OUTPUT": output}, "plan", "--changed-since", "main", "--github-output"); code != exitDone {
			t.Fatalf("exit code %d: %s", code, out)
		}
		text := read(t, output)
		if err := os.Remove(output); err != nil {
			t.Fatal(err)
		}
		return text
	}
	if text := plan(); strings.Count(text, `"entry"`) != maxShards-2 || !strings.Contains(text, "\nfalse\n") {
		t.Errorf("outputs are\n%s", text)
	}
	for i := range 3 {
		s.write(fmt.Sprintf("catalog/npx/f%d/entry.cue", i), "not to be read")
	}
	if text := plan(); !strings.Contains(text, "\n[]\n") || !strings.Contains(text, "\ntrue\n") {
		t.Errorf("outputs are\n%s", text)
	}
}

// TestCommentsOfPullRequests judges a poisoned pull request, and lets the workflow of main tell it and others of their runs.
func TestCommentsOfPullRequests(t *testing.T) {
	t.Parallel()
	s, api := newCheckout(t), githubtest.New(t)
	s.git("checkout", "-q", "-b", "poison")
	s.observe(poisoned)
	s.commit()
	plan := filepath.Join(s.dir, "dist", "reports", "plan.json")
	if code, out := s.step(nil, "plan", "--changed-since", "main", "--file", plan); code != exitDone {
		t.Fatalf("exit code %d: %s", code, out)
	}
	if code, out := s.step(nil, "scan", "memory"); code != exitFindings {
		t.Fatalf("exit code %d: %s", code, out)
	}
	commit := s.head()
	files := map[string]string{}
	for _, name := range []string{"npx/memory/verdict.json", "npx/memory/findings.sarif"} {
		files[name] = read(t, filepath.Join(s.dir, "dist", "reports", name))
	}
	files["npx/memory/tools.json"] = read(t, s.path("catalog/npx/memory/tools.json"))
	planned := map[string]string{"plan.json": read(t, plan)}

	// In the pull request's own run, for a branch of the repository.
	environ := api.Environ()
	environ["GITHUB_EVENT_PATH"], environ["GITHUB_RUN_ID"], environ["GITHUB_RUN_ATTEMPT"] = githubtest.Event(t, 3), "100", "1"
	environ["GITHUB_STEP_SUMMARY"] = filepath.Join(t.TempDir(), "summary")
	s.write("dist/reports/npx/memory/tools.json", files["npx/memory/tools.json"])
	s.git("checkout", "-q", "main")
	if code, out := s.step(environ, "github", "comment", "--base", "HEAD"); code != exitDone {
		t.Fatalf("exit code %d: %s", code, out)
	}
	checks := "plan=success entries=failure catalog=success"
	if code, out := s.step(environ, "report", "--base", "HEAD", "--plan", plan, "--summary", "--checks", checks); code != exitFindings || out != "" {
		t.Errorf("exit code %d: %s", code, out)
	}
	inOrder(t, read(t, environ["GITHUB_STEP_SUMMARY"]), "**Failed**: `the check entries did not succeed: failure`", "**Failed**: 1 of 1", "- **new**, **blocking**: ")
	if code, out := s.step(environ, "report", "--plan", plan, "--checks", "plan=success entries=skipped"); code != exitDone || !strings.Contains(out, "**Failed**: 1 of 1") {
		t.Errorf("exit code %d: %s", code, out)
	}

	// From the main branch, for those of forks.
	s.remove("dist")
	fork := "stranger/catalog"
	for i, artifacts := range [][]githubtest.Artifact{
		{{Name: "report-plan", Files: planned}, {Name: "report-0", Files: files}},
		{{Name: "report-0", Files: files}},
		{{Name: "report-plan", Files: map[string]string{"plan.json": strings.Repeat("[", 1000)}}},
	} {
		branch := fmt.Sprintf("branch-%d", i)
		api.Locked(func() {
			api.Pulls = append(api.Pulls, githubtest.Pull{Number: 10 + i, From: fork, Branch: branch, Commit: commit})
			api.Runs = append(api.Runs, githubtest.Run{
				ID: int64(200 + i), Workflow: "pull-request.yml", Event: "pull_request", Branch: branch, Commit: commit, From: fork, Conclusion: "failure",
				Ended: time.Now(), Artifacts: artifacts,
			})
		})
	}
	for i := range 2 { // the second time, all that could be told has been
		code, out := s.step(api.Environ(), "github", "comment", "--ended", "pull-request.yml")
		if code != exitFailed || !strings.Contains(out, "#12: ") || strings.Contains(out, "#10: told") != (i == 0) || strings.Contains(out, "#11: told") != (i == 0) {
			t.Errorf("exit code %d: %s", code, out)
		}
	}
	told := map[int]string{}
	var uploaded []githubtest.Findings
	api.Locked(func() {
		for _, c := range api.Comments {
			told[c.Pull] += c.Body
		}
		uploaded = api.Findings
		if len(api.Comments) != 3 || len(told) != 3 || api.Writes != 4 {
			t.Fatalf("%d writes; comments are on %v", api.Writes, slices.Collect(maps.Keys(told)))
		}
	})
	for _, pull := range []int{3, 10} {
		inOrder(t, told[pull], "<!-- catalogctl: run", "## Slipway", "**Failed**: 1 of 1", "- **new**, **blocking**: ", "- added tool `sum`")
	}
	inOrder(t, told[11], "**Failed**: `There is no plan")
	if f := uploaded; len(f) != 1 || f[0].Ref != "refs/pull/10/head" || f[0].Commit != commit || f[0].SARIF != files["npx/memory/findings.sarif"] {
		t.Errorf("%d findings were uploaded", len(f))
	}
}

func TestLabelsOfTheRepository(t *testing.T) {
	t.Parallel()
	s, api := newCheckout(t), githubtest.New(t)
	labels, err := filepath.Abs(filepath.Join("..", "..", ".github", "labels.yml"))
	if err != nil {
		t.Fatal(err)
	}
	if code, out := s.step(api.Environ(), "github", "labels", labels); code != exitDone || strings.Count(out, " is set\n") < 8 || !strings.Contains(out, "label malicious is set") {
		t.Errorf("exit code %d: %s", code, out)
	}
	if code, out := s.step(api.Environ(), "github", "labels", labels); code != exitDone || out != "" {
		t.Errorf("again: exit code %d: %s", code, out)
	}
	s.write("labels.yml", "- {name: a, colour: ffffff}\n")
	if code, out := s.step(api.Environ(), "github", "labels", "labels.yml"); code != exitFailed || !strings.Contains(out, "labels.yml: ") || !strings.Contains(out, "colour") {
		t.Errorf("an unknown field: exit code %d: %s", code, out)
	}
}
