// Package gittest makes Git repositories for tests, hostile ones too, and serves them.
package gittest

import (
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Repository is a bare one in a folder.
type Repository struct {
	Dir string
	// Environ is what git needs of the machine.
	Environ []string
}

// New returns an empty repository that serves parts of itself, as public hosts do.
func New(t testing.TB) *Repository {
	t.Helper()
	r := &Repository{Dir: filepath.Join(t.TempDir(), "upstream.git"), Environ: []string{"PATH=" + os.Getenv("PATH")}}
	if err := os.Mkdir(r.Dir, 0o755); err != nil {
		t.Fatal(err)
	}
	r.Git(t, "", "init", "--quiet", "--bare", "--initial-branch=main")
	r.Git(t, "", "config", "uploadpack.allowFilter", "true")
	return r
}

// URL returns the repository's address on this machine.
func (r *Repository) URL() string { return "file://" + r.Dir }

// Git runs git on the repository with the text in, and returns what it writes without the last line end.
func (r *Repository) Git(t testing.TB, in string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", args...)
	cmd.Dir = r.Dir
	cmd.Env = append(slices.Clone(r.Environ),
		"GIT_DIR="+r.Dir, "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "HOME="+r.Dir,
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_AUTHOR_DATE=2026-01-01T00:00:00Z",
		"GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com", "GIT_COMMITTER_DATE=2026-01-01T00:00:00Z",
	)
	cmd.Stdin = strings.NewReader(in)
	var message strings.Builder
	cmd.Stderr = &message
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, message.String())
	}
	return strings.TrimSuffix(string(out), "\n")
}

// Entry is one line of a tree: a mode as Git writes it, a name, and what lies there.
type Entry struct {
	Mode, Name, Hash string
}

// Blob stores a file's content.
func (r *Repository) Blob(t testing.TB, content string) string {
	t.Helper()
	return r.Git(t, content, "hash-object", "-t", "blob", "-w", "--stdin")
}

// Tree stores a tree as it is given, with names that git itself would refuse.
func (r *Repository) Tree(t testing.TB, entries ...Entry) string {
	t.Helper()
	var raw strings.Builder
	for _, e := range entries {
		raw.WriteString(e.Mode + " " + e.Name + "\x00")
		for i := 0; i < len(e.Hash); i += 2 {
			raw.WriteByte(hexDigit(e.Hash[i])<<4 | hexDigit(e.Hash[i+1]))
		}
	}
	return r.Git(t, raw.String(), "hash-object", "-t", "tree", "-w", "--literally", "--stdin")
}

func hexDigit(c byte) byte {
	if c >= 'a' {
		return c - 'a' + 10
	}
	return c - '0'
}

// Commit stores a commit of a tree.
func (r *Repository) Commit(t testing.TB, tree string, parents ...string) string {
	t.Helper()
	args := []string{"commit-tree", "-m", "Change"}
	for _, p := range parents {
		args = append(args, "-p", p)
	}
	return r.Git(t, "", append(args, tree)...)
}

// Files stores a commit of files, by path; a path that ends with an asterisk is an executable one without it.
func (r *Repository) Files(t testing.TB, files map[string]string, parents ...string) string {
	t.Helper()
	return r.Commit(t, r.folder(t, files), parents...)
}

func (r *Repository) folder(t testing.TB, files map[string]string) string {
	t.Helper()
	index := filepath.Join(t.TempDir(), "index")
	below := &Repository{Dir: r.Dir, Environ: append(r.Environ, "GIT_INDEX_FILE="+index)}
	var lines strings.Builder
	for name, content := range files {
		mode := "100644"
		if plain, executable := strings.CutSuffix(name, "*"); executable {
			mode, name = "100755", plain
		}
		lines.WriteString(mode + " " + r.Blob(t, content) + "\t" + name + "\n")
	}
	below.Git(t, lines.String(), "update-index", "--add", "--index-info")
	return below.Git(t, "", "write-tree")
}

// Branch points a branch at a commit.
func (r *Repository) Branch(t testing.TB, name, commit string) {
	t.Helper()
	r.Git(t, "", "update-ref", "refs/heads/"+name, commit)
}

// Serve offers the repository over HTTP, or with a certificate over HTTPS, and returns its address.
func (r *Repository) Serve(t testing.TB, start func(http.Handler) *httptest.Server) string {
	t.Helper()
	path, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		t.Fatal(err)
	}
	server := start(&cgi.Handler{
		Path: filepath.Join(strings.TrimSpace(string(path)), "git-http-backend"),
		Env: append(r.Environ,
			"GIT_PROJECT_ROOT="+filepath.Dir(r.Dir), "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null"),
	})
	t.Cleanup(server.Close)
	return server.URL + "/" + filepath.Base(r.Dir)
}
