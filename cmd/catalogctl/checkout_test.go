package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// checkout is a Git repository with a catalog of three servers, which are some of our own.
type checkout struct {
	t   *testing.T
	dir string
}

func newCheckout(t *testing.T) checkout {
	t.Helper()
	s := checkout{t, t.TempDir()}
	for _, name := range []string{"context7", "memory", "notion"} {
		if err := os.CopyFS(filepath.Join(s.dir, "catalog", "npx", name), os.DirFS(filepath.Join("..", "..", "catalog", "npx", name))); err != nil {
			t.Fatal(err)
		}
	}
	settings, err := os.ReadFile(filepath.Join("..", "..", "catalog", "catalog.cue"))
	if err != nil {
		t.Fatal(err)
	}
	s.write("catalog/catalog.cue", string(settings))
	s.write(".gitignore", "/dist/\n")
	s.git("init", "-q", "-b", "main")
	s.commit()
	return s
}

func (s checkout) path(name string) string { return filepath.Join(s.dir, filepath.FromSlash(name)) }

func (s checkout) write(name, text string) {
	s.t.Helper()
	if err := os.MkdirAll(filepath.Dir(s.path(name)), 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(s.path(name), []byte(text), 0o644); err != nil {
		s.t.Fatal(err)
	}
}

// edit replaces old, which must be there, in a file.
func (s checkout) edit(name, old, text string) {
	s.t.Helper()
	data, err := os.ReadFile(s.path(name))
	if err != nil {
		s.t.Fatal(err)
	}
	if !strings.Contains(string(data), old) {
		s.t.Fatalf("%s holds no %q", name, old)
	}
	s.write(name, strings.Replace(string(data), old, text, 1))
}

func (s checkout) git(args ...string) {
	s.t.Helper()
	cmd := exec.CommandContext(s.t.Context(), "git", args...)
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null",
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com")
	if out, err := cmd.CombinedOutput(); err != nil {
		s.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

func (s checkout) commit() {
	s.t.Helper()
	s.git("add", "-A")
	s.git("commit", "-q", "-m", "a commit")
}

// run runs catalogctl in the repository and returns its exit code and what it wrote.
func (s checkout) run(args ...string) (code int, stdout, stderr string) {
	s.t.Helper()
	var out, messages bytes.Buffer
	a := &app{stdout: &out, stderr: &messages}
	cmd := a.command()
	cmd.SetArgs(append([]string{"-q", "-C", s.dir}, args...))
	code = a.report(cmd.ExecuteContext(s.t.Context()))
	return code, out.String(), messages.String()
}
