package change

import (
	"io/fs"
	"testing"
	"testing/fstest"
)

func TestParseStatusRefuses(t *testing.T) {
	t.Parallel()
	for name, out := range map[string]string{
		"no end":         "M\x00a",
		"no path":        "M\x00",
		"no new path":    "R100\x00a\x00",
		"empty path":     "M\x00\x00",
		"absolute path":  "M\x00/etc/passwd\x00",
		"escape":         "M\x00../a\x00",
		"escape inside":  "M\x00a/../../b\x00",
		"escape to":      "R100\x00a\x00../b\x00",
		"not UTF-8":      "M\x00a\xff\x00",
		"unknown status": "X\x00a\x00",
		"a copy":         "C100\x00a\x00b\x00",
		"conflict":       "U\x00a\x00",
		"path for state": "a/b\x00M\x00",
	} {
		if files, err := parseStatus([]byte(out)); err == nil {
			t.Errorf("%s: read as %+v", name, files)
		}
	}
}

func FuzzParseStatus(f *testing.F) {
	f.Add([]byte("M\x00catalog/npx/a/entry.cue\x00R090\x00catalog/npx/b/entry.cue\x00catalog/npx/c/entry.cue\x00D\x00go.mod\x00"))
	f.Add([]byte("A\x00skills/x/y\x00T\x00catalog/bases/b/c\x00"))
	f.Add([]byte("R\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, out []byte) {
		files, err := parseStatus(out)
		if err != nil {
			return
		}
		for _, file := range files {
			if !fs.ValidPath(file.Path) || file.From != "" && !fs.ValidPath(file.From) {
				t.Fatalf("a path outside of the catalog: %+v", file)
			}
		}
		effect, err := Of(files, nil, fstest.MapFS{"catalog/npx/a/entry.cue": {}})
		if err != nil {
			return
		}
		for _, a := range effect.Entries {
			if !namePattern.MatchString(a.Name.Name) {
				t.Fatalf("%q is no name", a.Name.Name)
			}
		}
	})
}
