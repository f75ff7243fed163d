package change_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/internal/catalog"
	"github.com/slipway-dev/slipway/internal/change"
	"github.com/slipway-dev/slipway/internal/entry"
)

// repository is a Git repository of its own, with one commit that holds a small catalog.
type repository struct {
	t   *testing.T
	dir string
}

func entryText(name, more string) string {
	return "package entry\n\nimport \"github.com/slipway-dev/slipway/schema\"\n\nschema.#NPX\n\nname: \"" + name + "\"\n" +
		strings.Repeat("// what is the same in both names of a renamed entry\n", 5) + more
}

func newRepository(t *testing.T) repository {
	t.Helper()
	r := repository{t, t.TempDir()}
	r.git("init", "-q", "-b", "main")
	for _, name := range []string{"alpha", "beta", "gamma"} {
		r.write("catalog/npx/"+name+"/entry.cue", entryText(name, ""))
		r.write("catalog/npx/"+name+"/package-lock.json", "{\"name\": \""+name+"\"}\n")
	}
	r.write("skills/draw/entry.cue", "package entry\n")
	r.write("catalog/catalog.cue", "package catalog\n")
	r.write("catalog/bases/node24/lock.json", "{}\n")
	r.write("catalog/bases/bases.go", "package bases\n")
	r.write("README.md", "# A catalog\n")
	r.write("docs/guide.md", "# A guide\n")
	r.write(".gitignore", "/dist/\n")
	for _, file := range []string{"schema/entry.cue", "internal/build/build.go", "internal/attest/attest.go", "internal/progress/live.go", "go.mod", "cmd/catalogctl/main.go"} {
		r.write(file, "one\n")
	}
	r.commit()
	return r
}

func (r repository) git(args ...string) string {
	r.t.Helper()
	cmd := exec.CommandContext(r.t.Context(), "git", args...)
	cmd.Dir = r.dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null",
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com")
	out, err := cmd.CombinedOutput()
	if err != nil {
		r.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

func (r repository) commit() {
	r.t.Helper()
	r.git("add", "-A")
	r.git("commit", "-q", "-m", "a commit")
}

func (r repository) write(name, text string) {
	r.t.Helper()
	file := filepath.Join(r.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		r.t.Fatal(err)
	}
}

func (r repository) remove(name string) {
	r.t.Helper()
	if err := os.RemoveAll(filepath.Join(r.dir, filepath.FromSlash(name))); err != nil {
		r.t.Fatal(err)
	}
}

func (r repository) rename(from, to string) {
	r.t.Helper()
	if err := os.Rename(filepath.Join(r.dir, filepath.FromSlash(from)), filepath.Join(r.dir, filepath.FromSlash(to))); err != nil {
		r.t.Fatal(err)
	}
}

// items are the entries of the catalog that share something: a skill has no base.
func items() []catalog.Item {
	var all []catalog.Item
	for _, name := range []string{"alpha", "beta", "gamma"} {
		base := "node24"
		if name == "gamma" {
			base = "node26"
		}
		all = append(all, catalog.Item{Entry: entry.Entry{Kind: entry.NPX, Name: name, Base: base}})
	}
	return append(all, catalog.Item{Entry: entry.Entry{Kind: entry.Skill, Name: "draw"}})
}

// effect writes what changed since a revision in short.
func (r repository) effect(since string) string {
	r.t.Helper()
	files, err := change.Since(r.t.Context(), r.dir, since)
	if err != nil {
		r.t.Fatal(err)
	}
	e, err := change.Of(files, items(), os.DirFS(r.dir))
	if err != nil {
		r.t.Fatal(err)
	}
	var out []string
	for _, a := range e.Entries {
		out = append(out, a.ID())
	}
	for _, n := range e.Removed {
		out = append(out, "-"+n.ID())
	}
	for _, n := range e.Renamed {
		out = append(out, n.From.ID()+">"+n.To.ID())
	}
	return strings.Join(out, " ")
}

const all = "npx/alpha npx/beta npx/gamma skill/draw"

func TestWhatIsAffected(t *testing.T) {
	t.Parallel()
	write := func(name, text string) func(repository) { return func(r repository) { r.write(name, text) } }
	tests := []struct {
		name string
		edit func(repository)
		want string
	}{
		{"nothing", func(repository) {}, ""},
		{"an entry", write("catalog/npx/beta/entry.cue", entryText("beta", "x")), "npx/beta"},
		{"a lock", write("catalog/npx/beta/package-lock.json", "[]"), "npx/beta"},
		{"a new entry, not tracked", write("catalog/npx/delta/entry.cue", "x"), "npx/delta"},
		{"an entry that breaks", write("catalog/npx/alpha/entry.cue", "}"), "npx/alpha"},
		{"an entry without its entry.cue", func(r repository) { r.remove("catalog/npx/alpha/entry.cue") }, "npx/alpha"},
		{"a note beside an entry", write("catalog/npx/alpha/README.md", "x"), ""},
		{"a skill", write("skills/draw/README.md", "x"), "skill/draw"},
		{"a base", write("catalog/bases/node24/lock.json", "[]"), "npx/alpha npx/beta"},
		{"a base's note", write("catalog/bases/node24/README.md", "x"), ""},
		{"how bases are kept", write("catalog/bases/bases.go", "x"), all},
		{"a scanner", write("catalog/scanners/a.cue", "x"), all},
		{"the definitions", write("schema/entry.cue", "x"), all},
		{"definitions of a private catalog", write("cue.mod/pkg/a.cue", "x"), all},
		{"the settings", write("catalog/catalog.cue", "x"), all},
		{"the builder", write("internal/build/build.go", "x"), all},
		{"evidence", write("internal/attest/attest.go", "x"), all},
		{"a package that nobody listed", write("internal/novelty/novelty.go", "x"), all},
		{"the modules", write("go.mod", "x"), all},
		{"a test of the builder", write("internal/build/build_test.go", "x"), ""},
		{"data of a test", write("internal/build/testdata/a.json", "x"), ""},
		{"progress", write("internal/progress/live.go", "x"), ""},
		{"printing", write("cmd/catalogctl/main.go", "x"), ""},
		{"documents", func(r repository) {
			r.write("README.md", "x")
			r.write("docs/guide.md", "x")
			r.write("catalog/README.md", "x")
		}, ""},
		{"what is generated", write("registries/all/registry.json", "{}"), ""},
		{"what is ignored", write("dist/reports/a.json", "{}"), ""},
		{"a removed entry", func(r repository) { r.remove("catalog/npx/beta") }, "-npx/beta"},
		{"a renamed entry, not added", func(r repository) { r.rename("catalog/npx/beta", "catalog/npx/zeta") }, "npx/zeta -npx/beta"},
		{"a renamed entry", func(r repository) {
			r.rename("catalog/npx/beta", "catalog/npx/zeta")
			r.write("catalog/npx/zeta/entry.cue", entryText("zeta", ""))
			r.git("add", "-A")
		}, "npx/zeta npx/beta>npx/zeta"},
		{"a removed and an unlike entry", func(r repository) {
			r.remove("catalog/npx/beta")
			r.write("catalog/npx/zeta/entry.cue", strings.Repeat("quite another thing\n", 9))
			r.git("add", "-A")
		}, "npx/zeta -npx/beta"},
		{"removed from the index only", func(r repository) { r.git("rm", "-q", "--cached", "-r", "catalog/npx/beta") }, "npx/beta"},
		{"a link in place of a file", func(r repository) {
			r.remove("catalog/npx/beta/entry.cue")
			if err := os.Symlink("../alpha/entry.cue", filepath.Join(r.dir, "catalog/npx/beta/entry.cue")); err != nil {
				r.t.Fatal(err)
			}
		}, "npx/beta"},
		{"names with spaces and line breaks", write("docs/a\n\tb \"c\" é.md", "x"), ""},
		{"two at once", func(r repository) {
			r.write("catalog/npx/gamma/entry.cue", "x")
			r.write("catalog/bases/node24/lock.json", "[]")
		}, "npx/alpha npx/beta npx/gamma"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := newRepository(t)
			tt.edit(r)
			if got := r.effect("main"); got != tt.want {
				t.Errorf("in the working tree: affected are %q, want %q", got, tt.want)
			}
			if strings.Contains(tt.name, "not added") || strings.Contains(tt.name, "index only") {
				return // a commit is what these are without
			}
			r.commitIfChanged()
			if got := r.effect("HEAD"); got != "" {
				t.Errorf("against the commit itself: affected are %q, want none", got)
			}
			if tt.want == "" {
				return
			}
			if got := r.effect("HEAD~1"); got != tt.want {
				t.Errorf("committed: affected are %q, want %q", got, tt.want)
			}
		})
	}
}

func (r repository) commitIfChanged() {
	r.t.Helper()
	r.git("add", "-A")
	if r.git("status", "--porcelain") != "" {
		r.git("commit", "-q", "-m", "a commit")
	}
}

func TestSinceLooksOnlyBelowTheCatalog(t *testing.T) {
	t.Parallel()
	outer := newRepository(t)
	inner := repository{t, filepath.Join(outer.dir, "nested")}
	outer.write("nested/catalog/npx/alpha/entry.cue", "one\n")
	outer.commit()
	outer.write("go.mod", "two\n")
	outer.write("nested/catalog/npx/alpha/entry.cue", "two\n")
	outer.write("nested/catalog/npx/beta/entry.cue", "new\n")
	if got := inner.effect("HEAD"); got != "npx/alpha npx/beta" {
		t.Errorf("affected are %q", got)
	}
}

func TestUsersConfigurationChangesNothing(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	want := r.edited().effect("HEAD")
	for _, config := range [][2]string{
		{"diff.external", "false"}, {"color.ui", "always"}, {"diff.renames", "copies"}, {"diff.noprefix", "true"}, {"diff.relative", "false"}, {"core.quotePath", "true"},
	} {
		r.git("config", config[0], config[1])
	}
	if got := r.effect("HEAD"); got != want || got == "" {
		t.Errorf("affected are %q, without configuration %q", got, want)
	}
}

// edited returns the repository with an entry that changed, one that is new and one that is gone.
func (r repository) edited() repository {
	r.write("catalog/npx/alpha/entry.cue", "x")
	r.write("catalog/npx/delta/entry.cue", "x")
	r.remove("catalog/npx/gamma")
	return r
}

func TestRevisionsThatAreNone(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	for _, rev := range []string{"", "nowhere", "--output=stolen", "-p", "HEAD:go.mod", "main..HEAD", "main\x00", "HEAD^{tree}"} {
		if _, err := change.Since(t.Context(), r.dir, rev); err == nil {
			t.Errorf("%q is taken for a commit", rev)
		}
	}
	if _, err := os.Stat(filepath.Join(r.dir, "stolen")); err == nil {
		t.Error("a revision was taken for an option")
	}
	if _, err := change.Since(t.Context(), t.TempDir(), "HEAD"); err == nil {
		t.Error("a folder outside of any repository has changes")
	}
}

func TestFoldersThatCanBeNoEntryAreNotPassedOver(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"Upper", "a b", "$(id)", "a\nb", "-x", strings.Repeat("a", 65)} {
		files := []change.File{{Path: "catalog/npx/" + name + "/entry.cue", Status: change.Added}}
		if e, err := change.Of(files, nil, os.DirFS(t.TempDir())); err == nil {
			t.Errorf("%q: %+v", name, e)
		}
		files[0].Status = change.Removed
		if _, err := change.Of(files, nil, os.DirFS(t.TempDir())); err != nil {
			t.Errorf("such a folder cannot be removed again: %v", err)
		}
	}
}

func TestShardsAreStableAndUsed(t *testing.T) {
	t.Parallel()
	name := change.Name{Kind: entry.NPX, Name: "context7"}
	if got := name.Shard(16); got != 7 {
		t.Errorf("npx/context7 moved to shard %d: caches that knew it are cold now", got)
	}
	var counts [4]int
	for i := range 1000 {
		counts[change.Name{Kind: entry.NPX, Name: strings.Repeat("a", i%40+1) + strings.Repeat("b", i/40+1)}.Shard(4)]++
	}
	for _, n := range counts {
		if n < 200 || n > 300 {
			t.Errorf("1000 entries fall on 4 shards as %v", counts)
			break
		}
	}
	if name.Shard(0) != 0 || name.Shard(1) != 0 {
		t.Error("without shards all is shard 0")
	}
}

func TestSinceNamesRenamedFiles(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.git("mv", "docs/guide.md", "docs/manual.md")
	files, err := change.Since(t.Context(), r.dir, "HEAD")
	want := []change.File{
		{Path: "docs/guide.md", Status: change.Removed},
		{Path: "docs/manual.md", Status: change.Added, From: "docs/guide.md"},
	}
	if err != nil || !reflect.DeepEqual(files, want) {
		t.Errorf("%+v, %v", files, err)
	}
}
