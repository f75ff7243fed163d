package lockfile_test

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/module"

	"github.com/slipway-dev/slipway/internal/kind/gomod/lockfile"
)

const (
	mod = `module catalog.invalid/go/server

go 1.25.0

toolchain go1.26.8

tool example.com/server/cmd/server

require (
	example.com/left v1.2.0 // indirect
	example.com/server v1.0.0 // indirect
)
`
	hash = "h1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
	sum  = "example.com/left v1.2.0 " + hash + "\nexample.com/left v1.2.0/go.mod " + hash + "\n"
)

func TestParse(t *testing.T) {
	t.Parallel()
	lock, problems := lockfile.Parse([]byte(mod), []byte(sum))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if lock.Module != "catalog.invalid/go/server" || lock.Go != "1.25.0" || lock.Toolchain != "go1.26.8" || lock.Tool != "example.com/server/cmd/server" {
		t.Errorf("%+v", lock)
	}
	left := module.Version{Path: "example.com/left", Version: "v1.2.0"}
	if modules := lock.Modules(); len(modules) != 2 || modules[0] != left {
		t.Errorf("%v", modules)
	}
	if lock.Sums.Module(left) != hash || lock.Sums.GoMod(left) != hash {
		t.Errorf("%v", lock.Sums)
	}
	for pkg, want := range map[string]string{
		"example.com/server": "example.com/server", "example.com/server/a": "example.com/server", "example.com/servers": "", "example.com": "",
	} {
		if m, ok := lock.Holder(pkg); m.Path != want || ok != (want != "") {
			t.Errorf("%s is held by %q", pkg, m.Path)
		}
	}
}

func TestTheLongestPathHolds(t *testing.T) {
	t.Parallel()
	lock, problems := lockfile.Parse([]byte(strings.ReplaceAll(mod, "example.com/left", "example.com/server/cmd")), nil)
	if m, ok := lock.Holder("example.com/server/cmd/server"); len(problems) > 0 || !ok || m.Path != "example.com/server/cmd" {
		t.Errorf("%v, %v", m, problems)
	}
}

func TestTheGoLineAloneMayPinARelease(t *testing.T) {
	t.Parallel()
	lock, problems := lockfile.Parse([]byte(strings.NewReplacer("go 1.25.0", "go 1.26.8", "toolchain go1.26.8\n", "").Replace(mod)), nil)
	if len(problems) > 0 || lock.Toolchain != "go1.26.8" {
		t.Errorf("%q, %v", lock.Toolchain, problems)
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	const modFile, sumFile = lockfile.ModFile, lockfile.SumFile
	for name, test := range map[string]struct {
		old, new string // in go.mod, or if that is not there in go.sum
		want     lockfile.Problem
	}{
		"no module":             {"module catalog.invalid/go/server\n", "", lockfile.Problem{modFile, "module", "missing"}},
		"no go line":            {"go 1.25.0\n", "", lockfile.Problem{modFile, "go", "missing"}},
		"language version":      {"go 1.25.0\n\ntoolchain go1.26.8\n", "go 1.25\n", lockfile.Problem{modFile, "toolchain", `"go1.25"`}},
		"custom toolchain":      {"toolchain go1.26.8", "toolchain go1.26.8-evil", lockfile.Problem{modFile, "toolchain", "go1.26.8-evil"}},
		"default toolchain":     {"toolchain go1.26.8", "toolchain default", lockfile.Problem{modFile, "toolchain", "default"}},
		"release candidate":     {"toolchain go1.26.8", "toolchain go1.26rc1", lockfile.Problem{modFile, "toolchain", "go1.26rc1"}},
		"toolchain with a path": {"toolchain go1.26.8", "toolchain ../go1.26.8", lockfile.Problem{modFile, "", "toolchain"}},
		"old toolchain":         {"toolchain go1.26.8", "toolchain go1.24.9", lockfile.Problem{modFile, "toolchain", "older"}},
		"no tool":               {"tool example.com/server/cmd/server\n", "", lockfile.Problem{modFile, "tool", "0 packages"}},
		"two tools":             {"tool example.com/", "tool example.com/other\ntool example.com/", lockfile.Problem{modFile, "tool", "2 packages"}},
		"replace": {
			"require (", "replace example.com/left => example.com/evil v1.0.0\nrequire (", lockfile.Problem{modFile, "replace", "no place"},
		},
		"replace by a folder": {"require (", "replace example.com/left => ../../..\nrequire (", lockfile.Problem{modFile, "replace", "no place"}},
		"exclude":             {"require (", "exclude example.com/left v1.3.0\nrequire (", lockfile.Problem{modFile, "exclude", "no place"}},
		"retract":             {"require (", "retract v1.3.0\nrequire (", lockfile.Problem{modFile, "retract", "no place"}},
		"ignore":              {"require (", "ignore ./x\nrequire (", lockfile.Problem{modFile, "ignore", "no place"}},
		"godebug":             {"require (", "godebug default=go1.21\nrequire (", lockfile.Problem{modFile, "godebug", "no place"}},
		"unknown directive":   {"require (", "toolexec /bin/sh\nrequire (", lockfile.Problem{modFile, "", "unknown directive"}},
		"twice": {
			"require (", "require (\n\texample.com/left v1.3.0", lockfile.Problem{modFile, "require example.com/left", "twice"},
		},
		"branch":           {"left v1.2.0", "left main", lockfile.Problem{modFile, "", "main"}},
		"major version":    {"left v1.2.0", "left v2.2.0", lockfile.Problem{modFile, "", "v2.2.0"}},
		"sum of old kind":  {"left v1.2.0 h1:", "left v1.2.0 h0:", lockfile.Problem{sumFile, "", "line 1"}},
		"sum too short":    {"AAA=\nexample", "=\nexample", lockfile.Problem{sumFile, "", "line 1"}},
		"sum of no module": {"example.com/left v1.2.0 h1", "left v1.2.0 h1", lockfile.Problem{sumFile, "", "line 1"}},
		"two sums": {
			"example.com/left v1.2.0/go.mod", "example.com/left v1.2.0", lockfile.Problem{sumFile, "", "line 2 is the second one"},
		},
		"four fields":   {"example.com/left v1.2.0 h1", "example.com/left v1.2.0 x h1", lockfile.Problem{sumFile, "", "line 1"}},
		"an empty line": {"\nexample.com/left v1.2.0/", "\n\nexample.com/left v1.2.0/", lockfile.Problem{sumFile, "", "line 2"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			changedMod, changedSum := strings.Replace(mod, test.old, test.new, 1), sum
			if test.want.File == sumFile {
				changedMod, changedSum = mod, strings.Replace(sum, test.old, test.new, 1)
			}
			if changedMod+changedSum == mod+sum {
				t.Fatal("the test changes nothing")
			}
			_, problems := lockfile.Parse([]byte(changedMod), []byte(changedSum))
			if !slices.ContainsFunc(problems, func(p lockfile.Problem) bool {
				return p.File == test.want.File && (test.want.Field == "" || p.Field == test.want.Field) && strings.Contains(p.Reason, test.want.Reason)
			}) {
				t.Errorf("got %v", problems)
			}
		})
	}
}

func TestParseIsBounded(t *testing.T) {
	t.Parallel()
	large := []byte(strings.Repeat("\n", lockfile.MaxBytes+1))
	if _, problems := lockfile.Parse(large, large); len(problems) != 2 {
		t.Errorf("got %v", problems)
	}
	var many, sums strings.Builder
	many.WriteString(mod)
	for range 5001 {
		many.WriteString("require example.com/left v1.2.0\n")
	}
	for range 20001 {
		sums.WriteString(sum[:strings.IndexByte(sum, '\n')+1])
	}
	if _, problems := lockfile.Parse([]byte(many.String()), []byte(sums.String())); len(problems) != 2 {
		t.Errorf("got %v", problems)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(mod), []byte(sum))
	f.Add([]byte("module x\ngo 1.26.8\ntool x\n"), []byte("a.b/c v1.0.0 "+hash))
	f.Fuzz(func(t *testing.T, mod, sum []byte) {
		lock, problems := lockfile.Parse(mod, sum)
		if len(problems) > 0 {
			return
		}
		if !lockfile.IsRelease(lock.Toolchain) || lock.Module == "" || lock.Tool == "" {
			t.Errorf("%+v is complete", lock)
		}
		for m, hash := range lock.Sums {
			if data, err := lockfile.DecodeSum(hash); err != nil || len(data) != 32 || strings.ContainsAny(m.Path+m.Version, " \n") {
				t.Errorf("%v has %q", m, hash)
			}
		}
		for _, m := range lock.Modules() {
			if module.Check(m.Path, m.Version) != nil {
				t.Errorf("%v is no module", m)
			}
		}
	})
}
