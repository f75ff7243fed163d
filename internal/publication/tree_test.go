package publication

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/catalog"
	"github.com/slipway-dev/slipway/internal/entry"
)

func TestTreeWriteAndCheck(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "registries")
	tree, err := Generate(settings, all())
	if err != nil {
		t.Fatal(err)
	}
	var stale *StaleError
	if err := tree.Check(dir); !errors.As(err, &stale) || !cmp.Equal(stale.Missing, []string{"all/registry.json", "current/registry.json"}) {
		t.Errorf("before the first write: %v", err)
	}
	if written, err := tree.Write(dir); err != nil || len(written) != 2 {
		t.Fatalf("first write: %v, %v", written, err)
	}
	if err := tree.Check(dir); err != nil {
		t.Errorf("after the first write: %v", err)
	}
	if written, err := tree.Write(dir); err != nil || written != nil {
		t.Errorf("second write: %v, %v", written, err)
	}
	if text, err := os.ReadFile(filepath.Join(dir, "current/registry.json")); err != nil || strings.Contains(string(text), "com.example/old") {
		t.Errorf("the view of active entries holds a deprecated one: %v", err)
	}
	for _, name := range []string{"gone/registry.json", "all/notes.txt", "README.md"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "all/registry.json"), []byte("{}"), 0o644); err != nil {
		t.Fatal(err)
	}
	err = tree.Check(dir)
	if !errors.As(err, &stale) {
		t.Fatalf("after changes by hand: %v", err)
	}
	want := &StaleError{Changed: []string{"all/registry.json"}, Unknown: []string{"all/notes.txt", "gone/registry.json"}}
	if diff := cmp.Diff(want, stale); diff != "" {
		t.Error(diff)
	}
}

func TestCollect(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	write := func(name, content string) {
		t.Helper()
		file := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	released := published("released", 1)
	text, err := released.Record.Encode()
	if err != nil {
		t.Fatal(err)
	}
	write("catalog/npx/released/release.json", string(text))
	write("catalog/npx/released/tools.json", `{"server":{"name":"s","version":"1"},"protocolVersions":null,"tools":[]}`)
	write("catalog/npx/fresh/entry.cue", "x")
	fresh := published("fresh", 1)
	c := &catalog.Catalog{Root: root, Items: []catalog.Item{fresh.Item, released.Item}}
	all, err := Collect(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if all[0].Record != nil || all[0].Observation != nil || all[1].Observation == nil || !cmp.Equal(all[1].Record, released.Record) {
		t.Errorf("got %+v", all)
	}
	write("catalog/npx/fresh/release.json", "{")
	write("catalog/npx/released/tools.json", "{")
	if _, err = Collect(t.Context(), c); err == nil || !strings.Contains(err.Error(), "npx/fresh/release.json") || !strings.Contains(err.Error(), "npx/released/tools.json") {
		t.Errorf("got %v", err)
	}
	c.Items = append(c.Items, catalog.Item{Dir: "catalog/npx/absent", Entry: entry.Entry{Name: "absent"}})
	if _, err = Collect(t.Context(), c); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}
