package github_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/internal/github"
)

// outputs reads a file of outputs as GitHub's runner does.
func outputs(t testing.TB, text string) map[string]string {
	t.Helper()
	all := map[string]string{}
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); i++ {
		if lines[i] == "" {
			continue
		}
		name, end, found := strings.Cut(lines[i], "<<")
		if !found {
			t.Fatalf("line %q of\n%s", lines[i], text)
		}
		var value []string
		for i++; i < len(lines) && lines[i] != end; i++ {
			value = append(value, lines[i])
		}
		if i == len(lines) {
			t.Fatalf("%s has no end in\n%s", name, text)
		}
		all[name] = strings.Join(value, "\n")
	}
	return all
}

func FuzzAnOutputSetsNoOther(f *testing.F) {
	for _, value := range []string{"", "[]", "a\nb<<c\nd\nc\nsecret=1", "\n", "EOF\n"} {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		file := filepath.Join(t.TempDir(), "output")
		getenv := func(string) string { return file }
		for _, name := range []string{"one", "two"} {
			if err := github.SetOutput(getenv, name, value); err != nil {
				t.Fatal(err)
			}
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got := outputs(t, string(text)); len(got) != 2 || got["one"] != value || got["two"] != value {
			t.Errorf("%q became %q", value, got)
		}
	})
}

func TestOutputsOutsideOfAWorkflow(t *testing.T) {
	t.Parallel()
	nothing := func(string) string { return "" }
	if err := github.SetOutput(nothing, "plan", "x"); err == nil || !strings.Contains(err.Error(), "GITHUB_OUTPUT is empty") {
		t.Error(err)
	}
	if err := github.AddSummary(nothing, "x"); err == nil || !strings.Contains(err.Error(), "GITHUB_STEP_SUMMARY is empty") {
		t.Error(err)
	}
	file := filepath.Join(t.TempDir(), "file")
	somewhere := func(string) string { return file }
	if err := github.SetOutput(somewhere, "a\nb", "x"); err == nil {
		t.Error("a name of two lines is taken")
	}
	if err := github.AddSummary(somewhere, strings.Repeat("a", github.MaxSummary+1)); err == nil {
		t.Error("more is written than GitHub takes")
	}
}

func FuzzPullRequest(f *testing.F) {
	for _, event := range []string{`{"pull_request": {"number": 7}}`, `{"number": 7}`, `{"pull_request": {"number": -1}}`, `{"pull_request": {"number": "7"}}`, `[]`, ``} {
		f.Add(event)
	}
	f.Fuzz(func(t *testing.T, event string) {
		file := filepath.Join(t.TempDir(), "event")
		if err := os.WriteFile(file, []byte(event), 0o644); err != nil {
			t.Fatal(err)
		}
		number, err := github.PullRequest(func(string) string { return file })
		if (err == nil) != (number > 0) {
			t.Errorf("%q is about #%d, %v", event, number, err)
		}
		if event == `{"pull_request": {"number": 7}}` && number != 7 {
			t.Errorf("%q is about #%d", event, number)
		}
	})
}

func FuzzParseLabels(f *testing.F) {
	for _, text := range []string{
		"- {name: a, color: ffffff, description: b}", "- {name: a, color: ffffff, description: b}\n- {name: A, color: ffffff, description: b}",
		"- {name: a, color: fff, description: b}", "- {name: a/../b, color: ffffff, description: b}", "- {name: a, color: ffffff, description: b, owner: c}", "a", "", "- &a [*a]",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		labels, err := github.ParseLabels([]byte(text))
		if err != nil {
			return
		}
		seen := map[string]bool{}
		for _, l := range labels {
			if l.Name == "" || len(l.Color) != 6 || l.Description == "" || seen[strings.ToLower(l.Name)] {
				t.Errorf("%q gives %+v", text, labels)
			}
			seen[strings.ToLower(l.Name)] = true
		}
	})
}
