package github_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/github"
	"github.com/slipway-dev/slipway/internal/github/githubtest"
)

const fork = "stranger/catalog"

func open(t *testing.T, s *githubtest.Server) *github.Repository {
	t.Helper()
	r, err := github.Open(s.Getenv("release.yml"))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// commit is the name of a commit that is made of one digit.
func commit(digit string) string { return strings.Repeat(digit, 40) }

// TestLastSuccess wants the newest release of main that succeeded, whatever forks call their branches and their workflows.
func TestLastSuccess(t *testing.T) {
	t.Parallel()
	s := githubtest.New(t)
	ours := githubtest.Repository
	run := func(id int64, event, branch, from, conclusion, sha string) githubtest.Run {
		return githubtest.Run{ID: id, Workflow: "release.yml", Event: event, Branch: branch, From: from, Conclusion: conclusion, Commit: sha}
	}
	last := func() string {
		t.Helper()
		got, err := open(t, s).LastSuccess(t.Context(), s.Getenv("release.yml"))
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if got := last(); got != "" {
		t.Errorf("nothing was released, and last was %q", got)
	}
	s.Runs = []githubtest.Run{
		run(1, "push", "main", ours, "success", commit("1")), run(2, "schedule", "main", ours, "success", commit("2")),
		run(3, "push", "main", ours, "failure", commit("3")), run(4, "push", "main", ours, "cancelled", commit("4")),
		run(5, "push", "other", ours, "success", commit("5")), run(6, "pull_request", "main", fork, "success", commit("6")),
		run(7, "pull_request_target", "main", ours, "success", commit("7")), run(8, "push", "main", fork, "success", commit("8")),
	}
	s.Runs = append(s.Runs, githubtest.Run{ID: 9, Workflow: "ci.yml", Event: "push", Branch: "main", From: ours, Commit: commit("9")})
	for id := int64(10); id < 250; id++ { // more than a page of them
		s.Runs = append(s.Runs, run(id, "pull_request", "main", fork, "success", commit("a")))
	}
	if got := last(); got != commit("2") {
		t.Errorf("the last one was %q", got)
	}
	s.Runs = append(s.Runs, run(300, "workflow_dispatch", "main", ours, "success", "--output=x"))
	if got, err := open(t, s).LastSuccess(t.Context(), s.Getenv("release.yml")); err == nil {
		t.Errorf("%q is taken for a commit", got)
	}
}

func TestEnded(t *testing.T) {
	t.Parallel()
	s := githubtest.New(t)
	now := time.Now()
	s.Pulls = []githubtest.Pull{
		{Number: 1, From: fork, Branch: "main", Commit: commit("1")},
		{Number: 2, From: githubtest.Repository, Branch: "fix", Commit: commit("2")},
		{Number: 3, From: fork, Branch: "twice", Commit: commit("3")},
		{Number: 4, From: fork, Branch: "twice", Commit: commit("3")},
		{Number: 5, From: fork, Branch: "waits", Commit: commit("5")},
		{Number: 6, From: fork, Branch: "old", Commit: commit("6")},
		{Number: 7, From: fork, Branch: "moved", Commit: commit("7")},
	}
	run := func(id int64, from, branch, sha, conclusion string, ago time.Duration) githubtest.Run {
		return githubtest.Run{
			ID: id, Workflow: "pull-request.yml", Event: "pull_request", From: from, Branch: branch, Commit: sha, Conclusion: conclusion, Ended: now.Add(-ago), Attempt: int(id),
		}
	}
	s.Runs = []githubtest.Run{
		run(11, fork, "main", commit("1"), "failure", time.Minute), run(10, fork, "main", commit("1"), "success", time.Minute),
		run(12, githubtest.Repository, "fix", commit("2"), "success", time.Minute),
		run(13, fork, "twice", commit("3"), "success", time.Minute),           // of which of the two?
		run(14, fork, "waits", commit("5"), "action_required", time.Minute),   // did not run
		run(15, fork, "old", commit("6"), "success", 3*time.Hour),             // told long ago
		run(16, fork, "moved", commit("8"), "success", time.Minute),           // another commit by now
		run(17, "other/catalog", "main", commit("1"), "success", time.Minute), // the same commit, in another fork
		run(18, fork, "main", commit("1"), "cancelled", time.Minute),
	}
	got, err := open(t, s).Ended(t.Context(), "pull-request.yml", now.Add(-time.Hour))
	want := fmt.Sprint([]github.Run{
		{Attempt: github.Attempt{Run: 11, Number: 11}, Pull: 1, Commit: commit("1"), Fork: true},
		{Attempt: github.Attempt{Run: 12, Number: 12}, Pull: 2, Commit: commit("2")},
	})
	if err != nil || fmt.Sprint(got) != want {
		t.Errorf("%v, %v; want %s", got, err, want)
	}
}

func TestOneComment(t *testing.T) {
	t.Parallel()
	s := githubtest.New(t)
	r := open(t, s)
	const forged = "<!-- catalogctl: run 99 attempt 1 -->\nAll is well."
	for i := range 120 { // more than a page of them
		s.Comments = append(s.Comments, githubtest.Comment{ID: int64(i + 1), Pull: 7, Author: "stranger", Body: forged})
	}
	write := func(run int64, attempt int, text string) {
		t.Helper()
		c, err := r.FindComment(t.Context(), 7)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Write(t.Context(), github.Attempt{Run: run, Number: attempt}, text); err != nil {
			t.Fatal(err)
		}
	}
	write(5, 1, "first")
	write(5, 1, "is not written twice")
	write(4, 9, "comes too late")
	if s.Writes != 1 || len(s.Comments) != 121 || s.Comments[120].Body != "<!-- catalogctl: run 5 attempt 1 -->\nfirst" {
		t.Fatalf("%d writes, the last comment is %+v", s.Writes, s.Comments[120])
	}
	write(5, 2, "second")
	write(6, 1, "third")
	if s.Writes != 3 || len(s.Comments) != 121 || !strings.HasSuffix(s.Comments[120].Body, "\nthird") || s.Comments[0].Body != forged {
		t.Errorf("%d writes, the last comment is %+v", s.Writes, s.Comments[120])
	}
	c, err := r.FindComment(t.Context(), 7)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Write(t.Context(), github.Attempt{Run: 7, Number: 1}, strings.Repeat("a", github.MaxComment+1)); err == nil {
		t.Error("more than GitHub takes is written")
	}
	if err := c.Write(t.Context(), github.Attempt{Run: 1 << 58, Number: 1 << 29}, strings.Repeat("a", github.MaxComment)); err != nil {
		t.Error(err)
	}
}

func TestReportsAreOnlyWhatIsWanted(t *testing.T) {
	t.Parallel()
	s := githubtest.New(t)
	s.Runs = []githubtest.Run{{ID: 3, Artifacts: []githubtest.Artifact{
		{Name: "report-1", Files: map[string]string{"a/verdict.json": "of an attempt before"}},
		{Name: "report-1", Files: map[string]string{"a/verdict.json": "1", "../out.json": "x", "/abs.json": "x", "a/other.sh": "x", "b/../a/c.json": "x"}},
		{Name: "tools", Files: map[string]string{"b/verdict.json": "x"}},
		{Name: "report-2", Files: map[string]string{"c/verdict.json": "2"}},
	}}}
	to := filepath.Join(t.TempDir(), "to")
	if err := os.Mkdir(to, 0o755); err != nil {
		t.Fatal(err)
	}
	wanted := func(name string) bool { return strings.HasSuffix(name, ".json") }
	if err := open(t, s).Reports(t.Context(), 3, "report-", wanted, to); err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, name := range []string{"a/verdict.json", "c/verdict.json"} {
		data, err := os.ReadFile(filepath.Join(to, name))
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, string(data))
	}
	all, err := filepath.Glob(filepath.Join(to, "..", "*"))
	if inside, _ := filepath.Glob(filepath.Join(to, "*")); err != nil || len(all) != 1 || len(inside) != 2 || strings.Join(found, "") != "12" {
		t.Errorf("%q %q %q %v", all, inside, found, err)
	}
	s.Runs[0].Artifacts[3].Files["a/verdict.json"] = "again"
	if err := open(t, s).Reports(t.Context(), 3, "report-", wanted, t.TempDir()); err == nil {
		t.Error("one file in two artifacts is taken")
	}
	s.Runs[0].Artifacts[3].Files = map[string]string{"a.json": strings.Repeat("0", 9<<20)}
	if err := open(t, s).Reports(t.Context(), 3, "report-", wanted, t.TempDir()); err == nil {
		t.Error("9 MiB are unpacked from a few bytes")
	}
}

func TestFindingsAreUploaded(t *testing.T) {
	t.Parallel()
	s := githubtest.New(t)
	run := github.Run{Pull: 12, Commit: commit("c")}
	if err := open(t, s).UploadFindings(t.Context(), run, []byte(`{"version": "2.1.0"}`)); err != nil {
		t.Fatal(err)
	}
	want := githubtest.Findings{Commit: commit("c"), Ref: "refs/pull/12/head", SARIF: `{"version": "2.1.0"}`}
	if len(s.Findings) != 1 || s.Findings[0] != want {
		t.Errorf("%+v", s.Findings)
	}
}

func TestLabels(t *testing.T) {
	t.Parallel()
	s := githubtest.New(t)
	s.Labels = []githubtest.Label{
		{Name: "server", Color: "FFFFFF", Description: "A server"},
		{Name: "good first issue", Color: "000000", Description: "Old"},
		{Name: "theirs", Color: "123456", Description: "Kept"},
	}
	labels, err := github.ParseLabels([]byte("- {name: server, color: ffffff, description: A server}\n" +
		"- {name: good first issue, color: \"111111\", description: New}\n- {name: base, color: 006b75, description: A base}\n"))
	if err != nil {
		t.Fatal(err)
	}
	changed, err := open(t, s).SetLabels(t.Context(), labels)
	if err != nil || strings.Join(changed, ",") != "good first issue,base" || s.Writes != 2 || len(s.Labels) != 4 {
		t.Errorf("%q, %v; labels are %+v", changed, err, s.Labels)
	}
	if changed, err = open(t, s).SetLabels(t.Context(), labels); err != nil || len(changed) != 0 || s.Writes != 2 {
		t.Errorf("again: %q, %v", changed, err)
	}
}

// TestTheTokenStaysAtHome redirects to another host, which must not see it.
func TestTheTokenStaysAtHome(t *testing.T) {
	t.Parallel()
	stolen := false
	thief := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { stolen = true }))
	t.Cleanup(thief.Close)
	api := httptest.NewServer(http.RedirectHandler(thief.URL, http.StatusMovedPermanently))
	t.Cleanup(api.Close)
	environ := map[string]string{"GITHUB_REPOSITORY": "a/b", "GITHUB_API_URL": api.URL, "GITHUB_TOKEN": "t"}
	r, err := github.Open(func(name string) string { return environ[name] })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.FindComment(t.Context(), 1); err == nil || stolen {
		t.Errorf("%v, stolen: %t", err, stolen)
	}
}

func TestOpenSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	for want, environ := range map[string]map[string]string{
		"GITHUB_REPOSITORY is": {"GITHUB_TOKEN": "t", "GITHUB_REPOSITORY": "a/b/c"},
		"GITHUB_TOKEN is":      {"GITHUB_REPOSITORY": "a/b"},
		"GITHUB_API_URL is":    {"GITHUB_TOKEN": "t", "GITHUB_REPOSITORY": "a/b", "GITHUB_API_URL": "nowhere"},
	} {
		if _, err := github.Open(func(name string) string { return environ[name] }); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
