//go:build e2e && dagger

package e2e

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rhysd/actionlint"
)

// trigger is what a workflow was started by.
type trigger struct {
	commit string // that is checked out
	event  object
	name   string   // of the event
	token  string   // of the run; empty if steps may not have one
	extra  []string // variables of each step
}

// workflowRun is a run of a workflow of a repository on this machine: its run steps are run as they are, and of its actions those that every
// workflow here uses are stood in for.
type workflowRun struct {
	t          *testing.T
	repository string // its folder
	file       *actionlint.Workflow
	trigger
	artifacts map[string]string // folders by name
	uploaded  []string          // the content of SARIF files
	jobs      map[string]*jobRun
}

// jobRun is what became of a job, over all its matrix.
type jobRun struct {
	result  string // success, failure or skipped
	outputs object
	names   []string // of the jobs that ran
	log     string
	summary string
}

// runWorkflow runs a workflow of the repository and returns what became of it.
func runWorkflow(t *testing.T, repository, name string, by trigger) *workflowRun {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(repository, ".github", "workflows", name))
	if err != nil {
		t.Fatal(err)
	}
	file, problems := actionlint.Parse(text)
	if len(problems) > 0 {
		t.Fatal(problems[0])
	}
	w := &workflowRun{t: t, repository: repository, file: file, trigger: by, artifacts: map[string]string{}, jobs: map[string]*jobRun{}}
	if file.Permissions == nil || file.Permissions.All != nil || len(file.Permissions.Scopes) > 0 {
		t.Errorf("%s grants permissions to all of its jobs", name)
	}
	for len(w.jobs) < len(file.Jobs) {
		before := len(w.jobs)
		for _, id := range slices.Sorted(maps.Keys(file.Jobs)) {
			if w.jobs[id] == nil && w.ready(file.Jobs[id]) {
				w.jobs[id] = w.run(file.Jobs[id])
			}
		}
		if len(w.jobs) == before {
			t.Fatalf("the jobs of %s wait for each other", name)
		}
	}
	return w
}

// ready reports whether all jobs that a job needs have ended.
func (w *workflowRun) ready(job *actionlint.Job) bool {
	return !slices.ContainsFunc(job.Needs, func(need *actionlint.String) bool { return w.jobs[strings.ToLower(need.Value)] == nil })
}

// expressions returns what expressions mean in a job, or in a step of it if that has come as far as status.
func (w *workflowRun) expressions(job *actionlint.Job, more object, status string) expressions {
	needs := object{}
	for _, need := range job.Needs {
		done := w.jobs[strings.ToLower(need.Value)]
		needs[strings.ToLower(need.Value)] = object{"result": done.result, "outputs": done.outputs}
		if status == "" && done.result != "success" {
			status = "failure"
		}
	}
	contexts := object{"needs": needs, "github": object{
		"event": w.event, "event_name": w.name, "repository": ourRepository, "ref": "refs/heads/main", "token": w.token, "actor": "ana",
	}}
	maps.Copy(contexts, more)
	constant := func(value bool) func([]any) (any, error) { return func([]any) (any, error) { return value, nil } }
	return expressions{contexts: contexts, functions: map[string]func([]any) (any, error){
		"always": constant(true), "cancelled": constant(false), "failure": constant(status == "failure"), "success": constant(status != "failure"),
		"fromjson": fromJSON,
	}}
}

// holds reports whether a condition lets a job or step run.
func (w *workflowRun) holds(e expressions, condition *actionlint.String) bool {
	w.t.Helper()
	text := "success()"
	if condition != nil {
		text = strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(condition.Value), "${{"), "}}")
		if !strings.Contains(text, "always()") && !strings.Contains(text, "cancelled()") && !strings.Contains(text, "failure()") {
			text = "success() && (" + text + ")"
		}
	}
	value, err := e.evaluate(text)
	if err != nil {
		w.t.Fatal(err)
	}
	return truth(value)
}

func (w *workflowRun) run(job *actionlint.Job) *jobRun {
	w.t.Helper()
	done := &jobRun{result: "skipped", outputs: object{}}
	e := w.expressions(job, nil, "")
	if !w.holds(e, job.If) {
		return done
	}
	done.result = "success"
	matrix := []any{object{}}
	if job.Strategy != nil {
		value, err := e.evaluate(job.Strategy.Matrix.Include.Expression.Value)
		if err != nil {
			w.t.Fatal(err)
		}
		matrix, _ = value.([]any)
	}
	for i, values := range matrix {
		more := object{"matrix": values, "strategy": object{"job-index": float64(i)}}
		one := &machine{workflowRun: w, job: job, more: more, dir: w.t.TempDir(), done: done, outputs: object{}}
		one.run()
	}
	return done
}

// machine is what one job of a matrix runs on.
type machine struct {
	*workflowRun
	job     *actionlint.Job
	more    object
	dir     string // the workspace
	files   string // where steps write outputs and summaries
	status  string
	done    *jobRun
	outputs object // by the id of a step
}

func (m *machine) run() {
	m.t.Helper()
	m.files, m.status = m.t.TempDir(), "success"
	m.done.names = append(m.done.names, m.expand(m.job.Name.Value))
	for i, step := range m.job.Steps {
		if !m.holds(m.expressions(), step.If) {
			continue
		}
		switch exec := step.Exec.(type) {
		case *actionlint.ExecAction:
			m.action(exec)
		case *actionlint.ExecRun:
			if err := m.command(i, step, exec); err != nil {
				m.done.log += fmt.Sprintf("%s: %v\n", m.job.ID.Value, err)
				m.status, m.done.result = "failure", "failure"
			}
		}
	}
	for name, output := range m.job.Outputs {
		m.done.outputs[name] = m.expand(output.Value.Value)
	}
}

func (m *machine) expressions() expressions {
	more := object{"steps": m.outputs}
	maps.Copy(more, m.more)
	e := m.workflowRun.expressions(m.job, more, m.status)
	e.functions["hashfiles"] = func(args []any) (any, error) { return strings.Join(m.below(toText(args[0])), " "), nil }
	return e
}

func (m *machine) expand(text string) string {
	m.t.Helper()
	out, err := m.expressions().expand(text)
	if err != nil {
		m.t.Fatal(err)
	}
	return out
}

// below returns the files of the workspace that FOLDER/**/*.EXTENSION names.
func (m *machine) below(pattern string) (found []string) {
	folder, extension, _ := strings.Cut(pattern, "/**/*")
	_ = filepath.WalkDir(filepath.Join(m.dir, folder), func(name string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && strings.HasSuffix(name, extension) {
			found = append(found, name)
		}
		return nil // a folder that is not there holds nothing
	})
	return found
}

// command runs a step in a shell, with the variables that GitHub sets, and takes its outputs.
func (m *machine) command(number int, step *actionlint.Step, run *actionlint.ExecRun) error {
	m.t.Helper()
	if strings.Contains(run.Run.Value, "${{") {
		m.t.Errorf("a script is made of an expression: %s", run.Run.Value)
	}
	file := func(name string) string { return filepath.Join(m.files, strconv.Itoa(number)+name) }
	ctx, cancel := context.WithTimeout(m.t.Context(), 15*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", run.Run.Value)
	cmd.Dir = m.dir
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "GITHUB_") && !strings.HasPrefix(variable, "GOFLAGS=") {
			cmd.Env = append(cmd.Env, variable)
		}
	}
	cmd.Env = append(cmd.Env, "GOFLAGS=-trimpath -buildvcs=false", "NO_COLOR=1", "GITHUB_REPOSITORY="+ourRepository,
		"GITHUB_OUTPUT="+file("output"), "GITHUB_STEP_SUMMARY="+file("summary"))
	cmd.Env = append(cmd.Env, m.extra...)
	for _, env := range []*actionlint.Env{m.job.Env, step.Env} {
		if env != nil {
			for _, v := range env.Vars {
				cmd.Env = append(cmd.Env, v.Name.Value+"="+m.expand(v.Value.Value))
			}
		}
	}
	started := time.Now()
	out, err := cmd.CombinedOutput()
	m.t.Logf("%6.1f s  %s: %s", time.Since(started).Seconds(), m.job.ID.Value, run.Run.Value)
	m.done.log += string(out)
	if text, err := os.ReadFile(file("summary")); err == nil {
		m.done.summary += string(text)
	}
	if text, err := os.ReadFile(file("output")); err == nil && step.ID != nil {
		m.outputs[strings.ToLower(step.ID.Value)] = object{"outputs": parseOutputs(string(text))}
	}
	return err
}

// parseOutputs reads NAME<<END, lines, END.
func parseOutputs(text string) object {
	outputs := object{}
	for text != "" {
		var head, value string
		head, text, _ = strings.Cut(text, "\n")
		name, end, _ := strings.Cut(head, "<<")
		value, text, _ = strings.Cut(text, "\n"+end+"\n")
		outputs[strings.ToLower(name)] = value
	}
	return outputs
}

// action does what an action would.
func (m *machine) action(action *actionlint.ExecAction) {
	m.t.Helper()
	name, version, _ := strings.Cut(action.Uses.Value, "@")
	if len(version) != 40 {
		m.t.Errorf("%s is not pinned to a commit", action.Uses.Value)
	}
	input := func(name string) string {
		if in := action.Inputs[name]; in != nil {
			return m.expand(in.Value.Value)
		}
		return ""
	}
	var err error
	switch name {
	case "actions/checkout":
		err = m.checkout(input("ref"))
		if input("persist-credentials") != "false" {
			m.t.Errorf("%s leaves the token in the workspace", m.job.ID.Value)
		}
	case "actions/setup-go", "dagger/dagger-for-github": // this machine has them
	case "actions/upload-artifact":
		err = m.upload(input("name"), input("path"))
	case "actions/download-artifact":
		err = m.download(input("pattern"), input("path"))
	case "github/codeql-action/upload-sarif":
		for _, file := range m.below(input("sarif_file") + "/**/*.sarif") {
			var text []byte
			if text, err = os.ReadFile(file); err != nil {
				break
			}
			m.uploaded = append(m.uploaded, string(text))
		}
	default:
		m.t.Fatalf("no test stands in for %s", action.Uses.Value)
	}
	if err != nil {
		m.t.Fatalf("%s in %s: %v", name, m.job.ID.Value, err)
	}
}

func (m *machine) checkout(ref string) error {
	if ref == "" {
		ref = m.commit
	}
	git(m.t, m.t.TempDir(), "clone", "--quiet", "--no-checkout", m.repository, m.dir)
	git(m.t, m.dir, "checkout", "--quiet", "--detach", ref)
	// Where packages come from is the caller's configuration, which Git ignores.
	return os.WriteFile(filepath.Join(m.dir, ".env"), []byte("npmRegistry="+npmRegistry(m.t)+"\n"), 0o644)
}

// upload keeps a folder, or what FOLDER/*/* matches of it, which no file may name twice.
func (m *machine) upload(name, from string) error {
	if m.artifacts[name] != "" {
		return fmt.Errorf("there is an artifact %s already", name)
	}
	folder, pattern, _ := strings.Cut(from, "/*")
	to := m.t.TempDir()
	if pattern == "" {
		err := os.CopyFS(to, os.DirFS(filepath.Join(m.dir, folder)))
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		m.artifacts[name] = to
		return err
	}
	return fmt.Errorf("no test uploads %s", from)
}

func (m *machine) download(pattern, to string) error {
	for _, name := range slices.Sorted(maps.Keys(m.artifacts)) {
		if matches, err := path.Match(pattern, name); err != nil || !matches {
			continue
		}
		if err := os.CopyFS(filepath.Join(m.dir, to), os.DirFS(m.artifacts[name])); err != nil {
			return err
		}
	}
	return nil
}

// git runs git in a folder, as nobody in particular, and returns what it prints.
func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null",
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}
