//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/internal/catalog/catalogtest"
	"github.com/slipway-dev/slipway/schema"
)

// TestCueVet gives the stock cue command the entries whose verdict the loader's own test knows, in Slipway's repository and in a private
// catalog that keeps the definitions under cue.mod/pkg.
func TestCueVet(t *testing.T) {
	t.Parallel()
	cue := newClient(t, "cue")
	for name, layout := range map[string]struct{ module, schema string }{
		"slipway": {"github.com/slipway-dev/slipway@v0", "schema"},
		"private": {"example.com/catalog@v0", "cue.mod/pkg/" + schema.ImportPath},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cue := cue
			cue.dir = t.TempDir()
			root := cue.dir
			put(t, root, "cue.mod/module.cue", "module: \""+layout.module+"\"\nlanguage: version: \"v0.17.0\"\n")
			definitions, err := schema.Files.ReadDir(".")
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range definitions {
				text, err := schema.Files.ReadFile(d.Name())
				if err != nil {
					t.Fatal(err)
				}
				put(t, root, layout.schema+"/"+d.Name(), string(text))
			}
			for _, v := range catalogtest.Verdicts() {
				t.Run(v.Name, func(t *testing.T) {
					t.Parallel()
					dir := filepath.Join("catalog", string(v.Kind), strings.NewReplacer(" ", "-", "440", "pep").Replace(v.Name))
					put(t, root, filepath.Join(dir, "entry.cue"), v.Source)
					out, err := cue.try(t, "vet", "-c", "./"+filepath.ToSlash(dir))
					if accepted := err == nil; accepted != v.Accepted {
						t.Errorf("cue vet accepts it: %v\n%s", accepted, out)
					}
				})
			}
		})
	}
}

// put writes a file below root.
func put(t *testing.T, root, name, content string) {
	t.Helper()
	file := filepath.Join(root, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}
