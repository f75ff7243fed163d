//go:build e2e && dagger

package e2e

import (
	"net"
	"net/http"
	"net/http/cgi"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDaggerFromAGitReference calls the module of a commit in another repository, for a catalog that is elsewhere. Dagger asks for Git at the ports of
// its protocols alone, so the repository is served at port 80 of an address of loopback.
func TestDaggerFromAGitReference(t *testing.T) {
	const entry, address = "npx/sequential-thinking", "127.0.0.77:80"
	folder := t.TempDir()
	git := newClient(t, "git")
	git.dir, git.env = folder, append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null")
	source, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	git.run(t, "clone", "--quiet", "--bare", source, "slipway.git")
	commit := strings.TrimSpace(git.run(t, "--git-dir=slipway.git", "rev-parse", "HEAD"))
	where := strings.TrimSpace(git.run(t, "--exec-path"))
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatalf("the repository must be served at port 80: %v", err)
	}
	handler := &cgi.Handler{Path: filepath.Join(where, "git-http-backend"), Env: []string{"GIT_PROJECT_ROOT=" + folder, "GIT_HTTP_EXPORT_ALL=1"}}
	server := &http.Server{Handler: handler}
	go server.Serve(listener)
	t.Cleanup(func() { server.Close() })

	root := scratch(t, entry)
	built := func(catalog string) string {
		t.Helper()
		p := newPipelines(t, catalog)
		cmd := p.command(t, p.step(entry, "digest")...)
		cmd.Args = append(cmd.Args[:2:2], append([]string{"--mod", "http://127.0.0.77/slipway.git@" + commit}, cmd.Args[2:]...)...)
		cmd.Dir = root
		var progress strings.Builder
		cmd.Stderr = &progress
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%v\n%s", err, progress.String())
		}
		return strings.TrimSpace(string(out))
	}
	here := newCommand(t, root)
	if got, want := built(root), parse(t, here.run(t, "-q", "--json", "--out", t.TempDir(), "build", entry)).Digest; got != want {
		t.Errorf("the module of the commit builds %s, catalogctl %s", got, want)
	}
	// Where no catalog is named it is the one of the commit.
	git.run(t, "clone", "--quiet", "slipway.git", "checkout")
	here = newCommand(t, filepath.Join(folder, "checkout"))
	if got, want := built(""), parse(t, here.run(t, "-q", "--json", "--out", t.TempDir(), "build", entry)).Digest; got != want {
		t.Errorf("the module of the commit builds %s of its own catalog, catalogctl %s", got, want)
	}
}
