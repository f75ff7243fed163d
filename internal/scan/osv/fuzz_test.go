package osv

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/slipway-dev/slipway/internal/kind"
	"github.com/slipway-dev/slipway/internal/scan"
)

// FuzzAnswer wants no answer to bring a package to light that was not asked about, nor a record to get lost.
func FuzzAnswer(f *testing.F) {
	printed, err := os.ReadFile(filepath.Join("testdata", "answer.json"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(printed)
	f.Add([]byte(`{"results":[]}`))
	f.Add([]byte(`{"results":[{"packages":[{"package":{"name":"a","version":"1","ecosystem":"npm"},"groups":[{"ids":["A"],"max_severity":"9.8"}]}]}]}`))
	f.Add([]byte(`{"results":[{"packages":[{"vulnerabilities":[{"id":"A"}]}]}]}`))
	all := ask([]kind.Component{{Name: "a", Version: "1", PURL: "pkg:npm/a@1"}, {Name: "httpx", Version: "0.28.1", PURL: "pkg:pypi/httpx@0.28.1"}})
	f.Fuzz(func(t *testing.T, data []byte) {
		answered, err := parse(data)
		if err != nil {
			return
		}
		r, err := all.result(answered, scan.Subject{File: "catalog/npx/a/tools.json"})
		if err != nil {
			return
		}
		if r.Seen > len(all.queries) {
			t.Errorf("%d packages seen of %d", r.Seen, len(all.queries))
		}
		told := map[string]bool{}
		for _, f := range r.Findings {
			told[f.Rule] = true
			if f.Rule == "" || f.Message == "" || f.Evidence == "" {
				t.Errorf("a finding that says nothing: %+v", f)
			}
		}
		if answered.found() && r.Seen > 0 && len(told) == 0 {
			t.Error("vulnerabilities were found, and none is told")
		}
	})
}
