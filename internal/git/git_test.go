package git_test

import (
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/internal/git"
	"github.com/slipway-dev/slipway/internal/git/gittest"
)

var limits = git.Limits{Files: 512, Bytes: 16 << 20}

// history is a repository with two commits on main, one on a branch of its own, and one that no ref reaches.
func history(t *testing.T) (r *gittest.Repository, first, second, other, lost string) {
	t.Helper()
	r = gittest.New(t)
	first = r.Files(t, map[string]string{"skills/one/SKILL.md": "first", "skills/one/scripts/run*": "#!", "skills/two/SKILL.md": "two"})
	second = r.Files(t, map[string]string{"skills/one/SKILL.md": "second"}, first)
	other = r.Files(t, map[string]string{"other": "x"}, first)
	lost = r.Files(t, map[string]string{"skills/one/SKILL.md": "lost"}, second)
	r.Branch(t, "main", second)
	r.Branch(t, "side", other)
	r.Git(t, "", "update-ref", "refs/pull/1/head", lost)
	r.Git(t, "", "tag", "-a", "-m", "One", "v1.0.0", second)
	return r, first, second, other, lost
}

func paths(f *git.Folder) []string {
	var all []string
	for _, file := range f.Files {
		name := file.Path
		if file.Executable {
			name += "*"
		}
		all = append(all, name+"="+string(file.Content))
	}
	return all
}

func TestFoldersAreReadAtTheirCommit(t *testing.T) {
	t.Parallel()
	r, first, second, _, _ := history(t)
	plain := gittest.New(t) // a host that serves only everything
	plain.Git(t, "", "config", "uploadpack.allowFilter", "false")
	plain.Git(t, "", "fetch", "--quiet", r.URL(), "refs/*:refs/*")

	secure := r.Serve(t, httptest.NewTLSServer)
	server := httptest.NewTLSServer(nil) // only for its certificate, which all of them share
	defer server.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o644); err != nil {
		t.Fatal(err)
	}
	overTLS := git.New(append(slices.Clone(r.Environ), "GIT_SSL_CAINFO="+ca))
	local := git.New(r.Environ, "file", "http")
	for name, c := range map[string]struct {
		client *git.Client
		url    string
	}{
		"a file":                    {local, r.URL()},
		"a host that has no filter": {local, plain.URL()},
		"HTTP":                      {local, r.Serve(t, httptest.NewServer)},
		"HTTPS":                     {overTLS, secure},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, err := c.client.Read(t.Context(), git.Source{URL: c.url, Ref: "main", Commit: first, Path: "skills/one"}, limits)
			if err != nil {
				t.Fatal(err)
			}
			if got := paths(f); !slices.Equal(got, []string{"SKILL.md=first", "scripts/run*=#!"}) || f.Tree != r.Git(t, "", "rev-parse", first+":skills/one") {
				t.Errorf("%q, tree %s", got, f.Tree)
			}
			whole, err := c.client.Read(t.Context(), git.Source{URL: c.url, Ref: "v1.0.0", Commit: second, Path: "."}, limits)
			if err != nil || !slices.Equal(paths(whole), []string{"skills/one/SKILL.md=second"}) {
				t.Errorf("the whole repository at a tag: %v, %v", whole, err)
			}
		})
	}
}

func TestCommitsMustBelongToTheirRef(t *testing.T) {
	t.Parallel()
	r, first, second, other, lost := history(t)
	client := git.New(r.Environ, "file")
	for name, s := range map[string]git.Source{
		"of another branch":     {Ref: "main", Commit: other},
		"of a fork":             {Ref: "main", Commit: lost},
		"of nothing":            {Ref: "main", Commit: strings.Repeat("0a", 20)},
		"newer than the branch": {Ref: "side", Commit: second},
	} {
		s.URL, s.Path = r.URL(), "."
		if _, err := client.Read(t.Context(), s, limits); !errors.Is(err, git.ErrUnreachable) {
			t.Errorf("a commit %s: %v", name, err)
		}
	}
	source := git.Source{URL: r.URL(), Ref: "main", Commit: second, Path: "."}
	if _, err := client.Read(t.Context(), source, limits); err != nil {
		t.Fatal(err)
	}
	r.Branch(t, "main", first) // rewritten
	if _, err := client.Read(t.Context(), source, limits); !errors.Is(err, git.ErrUnreachable) || !strings.Contains(err.Error(), "rewritten") {
		t.Errorf("after the branch was rewritten: %v", err)
	}
}

func TestRefsAreResolved(t *testing.T) {
	t.Parallel()
	r, _, second, other, _ := history(t)
	client := git.New(r.Environ, "file")
	for name, want := range map[string]git.Ref{
		"":                {Name: "refs/heads/main", Commit: second},
		"side":            {Name: "refs/heads/side", Commit: other},
		"v1.0.0":          {Name: "refs/tags/v1.0.0", Commit: second},
		"refs/heads/side": {Name: "refs/heads/side", Commit: other},
	} {
		if got, err := client.Resolve(t.Context(), r.URL(), name); err != nil || got != want {
			t.Errorf("%q is %v, %v; want %v", name, got, err, want)
		}
	}
	r.Branch(t, "v1.0.0", other)
	for name, want := range map[string]string{
		"gone": "no branch or tag", "v1.0.0": "a branch and a tag", "--upload-pack=x": "no name of a branch", "a..b": "no name of a branch", "pull/1/head": "no branch or tag",
	} {
		if _, err := client.Resolve(t.Context(), r.URL(), name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestHostileTreesAreRefused(t *testing.T) {
	t.Parallel()
	r := gittest.New(t)
	blob := r.Blob(t, "x")
	inner := r.Tree(t, gittest.Entry{Mode: "100644", Name: "config", Hash: blob})
	plain := func(name string) []gittest.Entry { return []gittest.Entry{{Mode: "100644", Name: name, Hash: blob}} }
	deep := inner
	for range 40 {
		deep = r.Tree(t, gittest.Entry{Mode: "40000", Name: "d", Hash: deep})
	}
	for name, c := range map[string]struct {
		entries []gittest.Entry
		want    string
	}{
		"parent":           {plain(".."), "no name of a file"},
		"itself":           {plain("."), "no name of a file"},
		"path":             {plain("../../x"), "separator"},
		"backslash":        {plain(`..\x`), "separator"},
		"Git's folder":     {[]gittest.Entry{{Mode: "40000", Name: ".git", Hash: inner}}, "Git's own"},
		"in capitals":      {[]gittest.Entry{{Mode: "40000", Name: ".GIT", Hash: inner}}, "Git's own"},
		"by its old name":  {[]gittest.Entry{{Mode: "40000", Name: "GIT~1", Hash: inner}}, "Git's own"},
		"not UTF-8":        {plain("a\xff"), "UTF-8"},
		"long name":        {plain(strings.Repeat("a", 300)), "bytes"},
		"twice":            {append(plain("a"), plain("a")...), "twice"},
		"in another order": {append(plain("b"), plain("a")...), "wrong place"},
		"odd mode":         {[]gittest.Entry{{Mode: "100777", Name: "a", Hash: blob}}, "mode"},
		"link":             {[]gittest.Entry{{Mode: "120000", Name: "a", Hash: r.Blob(t, "/etc/passwd")}}, "symbolic link"},
		"submodule":        {[]gittest.Entry{{Mode: "160000", Name: "a", Hash: strings.Repeat("0a", 20)}}, "submodule"},
		"too deep":         {[]gittest.Entry{{Mode: "40000", Name: "d", Hash: deep}}, "deep"},
		"no file":          {[]gittest.Entry{{Mode: "40000", Name: "d", Hash: r.Tree(t)}}, "no file"},
	} {
		commit := r.Commit(t, r.Tree(t, c.entries...))
		r.Branch(t, "hostile", commit)
		_, err := git.New(r.Environ, "file").Read(t.Context(), git.Source{URL: r.URL(), Ref: "hostile", Commit: commit, Path: "."}, limits)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want a word of %q", name, err, c.want)
		}
	}
}

func TestLargeFoldersAreRefused(t *testing.T) {
	t.Parallel()
	r := gittest.New(t)
	blob := r.Blob(t, "x")
	many := make([]gittest.Entry, 100_000)
	for i := range many {
		many[i] = gittest.Entry{Mode: "100644", Name: string(rune('a'+i/17576)) + number(i), Hash: blob}
	}
	slices.SortFunc(many, func(a, b gittest.Entry) int { return strings.Compare(a.Name, b.Name) })
	large := r.Blob(t, strings.Repeat("\x00", 20<<20))
	for name, c := range map[string]struct {
		tree string
		want string
	}{
		"files":           {r.Tree(t, many...), "more than 512 files"},
		"bytes":           {r.Tree(t, gittest.Entry{Mode: "100644", Name: "a", Hash: large}), "more than 16777216 bytes"},
		"bytes of copies": {r.Tree(t, copies(r.Blob(t, strings.Repeat("\x00", 1<<20)), 20)...), "more than 16777216 bytes"},
	} {
		commit := r.Commit(t, c.tree)
		r.Branch(t, "large", commit)
		_, err := git.New(r.Environ, "file").Read(t.Context(), git.Source{URL: r.URL(), Ref: "large", Commit: commit, Path: "."}, limits)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("too many %s: %v", name, err)
		}
	}
}

func number(i int) string {
	return string([]byte{byte('a' + i/676%26), byte('a' + i/26%26), byte('a' + i%26)})
}

func copies(blob string, n int) []gittest.Entry {
	var all []gittest.Entry
	for i := range n {
		all = append(all, gittest.Entry{Mode: "100644", Name: number(i), Hash: blob})
	}
	return all
}

func TestConfigurationOfTheMachineHasNoPart(t *testing.T) {
	t.Parallel()
	r, first, _, _, _ := history(t)
	home := t.TempDir()
	witness := filepath.Join(home, "ran")
	config := "[core]\n\thooksPath = " + home + "\n[url \"file:///nowhere/\"]\n\tinsteadOf = file://\n[credential]\n\thelper = \"!touch " + witness + "\"\n"
	for name, content := range map[string]string{".gitconfig": config, "reference-transaction": "#!/bin/sh\ntouch " + witness + "\n", "post-checkout": "#!/bin/sh\ntouch " + witness + "\n"} {
		if err := os.WriteFile(filepath.Join(home, name), []byte(content), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	environ := append(slices.Clone(r.Environ), "HOME="+home, "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=url.file:///nowhere/.insteadOf", "GIT_CONFIG_VALUE_0=file://", "GIT_SSH_COMMAND=touch "+witness)
	if _, err := git.New(environ, "file").Read(t.Context(), git.Source{URL: r.URL(), Ref: "main", Commit: first, Path: "."}, limits); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(witness); err == nil {
		t.Error("a command of the configuration was run")
	}
}

func TestOnlyHTTPSIsSpoken(t *testing.T) {
	t.Parallel()
	r, first, _, _, _ := history(t)
	asked := make(chan struct{}, 100)
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked <- struct{}{} }))
	defer elsewhere.Close()
	redirects := func(w http.ResponseWriter, req *http.Request) {
		http.Redirect(w, req, elsewhere.URL+req.URL.Path, http.StatusFound)
	}
	leads := httptest.NewServer(http.HandlerFunc(redirects))
	defer leads.Close()
	for url, client := range map[string]*git.Client{
		r.URL():                          git.New(r.Environ),
		"http://127.0.0.1:1/x":           git.New(r.Environ),
		"ext::sh -c 'touch /tmp/x'://":   git.New(r.Environ),
		"ssh://-oProxyCommand=touch%20x": git.New(r.Environ),
		"--upload-pack=touch x://":       git.New(r.Environ),
		r.Dir:                            git.New(r.Environ, "file"),
		leads.URL + "/upstream.git":      git.New(r.Environ, "http"),
	} {
		if _, err := client.Read(t.Context(), git.Source{URL: url, Ref: "main", Commit: first, Path: "."}, limits); err == nil {
			t.Errorf("%s was read", url)
		}
	}
	if len(asked) > 0 {
		t.Error("a redirect to another host was followed")
	}
}
