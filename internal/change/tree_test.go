package change_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/slipway-dev/slipway/internal/change"
)

func TestTreeIsTheCatalogAsItWas(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	if err := os.Symlink("entry.cue", filepath.Join(r.dir, "catalog/npx/alpha/link.cue")); err != nil {
		t.Fatal(err)
	}
	r.commit()
	r.write("catalog/npx/alpha/entry.cue", "changed since\n")
	r.write("catalog/npx/delta/entry.cue", "new\n")
	r.remove("catalog/npx/beta")
	to := t.TempDir()
	if err := change.Tree(t.Context(), r.dir, "HEAD", to); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"catalog/npx/alpha/entry.cue": entryText("alpha", ""), "catalog/npx/beta/entry.cue": entryText("beta", ""),
		"skills/draw/entry.cue": "package entry\n", "schema/entry.cue": "one\n",
		"catalog/npx/delta/entry.cue": "", "catalog/npx/alpha/link.cue": "", "README.md": "", "internal/build/build.go": "",
	} {
		text, err := os.ReadFile(filepath.Join(to, name))
		if string(text) != want || (err != nil) != (want == "") {
			t.Errorf("%s: %q, %v", name, text, err)
		}
	}
}

func TestTreeOfANestedCatalog(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.write("nested/catalog/catalog.cue", "nested\n")
	r.commit()
	to := t.TempDir()
	if err := change.Tree(t.Context(), filepath.Join(r.dir, "nested"), "main", to); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(filepath.Join(to, "catalog/catalog.cue")); string(text) != "nested\n" {
		t.Errorf("%q, %v", text, err)
	}
}

func TestTreeRefuses(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.write("docs/only.md", "x")
	r.commit()
	if err := change.Tree(t.Context(), filepath.Join(r.dir, "docs"), "HEAD", t.TempDir()); err == nil {
		t.Error("a folder without a catalog is one")
	}
	if err := change.Tree(t.Context(), r.dir, "nowhere", t.TempDir()); err == nil {
		t.Error("a commit that is not there has a tree")
	}
	if err := os.Symlink("../../../../outside", filepath.Join(r.dir, "catalog/npx/alpha/link.cue")); err != nil {
		t.Fatal(err)
	}
	r.commit()
	to := t.TempDir()
	if err := change.Tree(t.Context(), r.dir, "HEAD", to); err == nil {
		if _, err := os.Lstat(filepath.Join(to, "catalog/npx/alpha/link.cue")); err == nil {
			t.Error("a link out of the catalog was unpacked")
		}
	}
	if all, err := fs.Glob(os.DirFS(filepath.Dir(to)), "outside"); err != nil || len(all) > 0 {
		t.Errorf("something lies outside: %v, %v", all, err)
	}
}
