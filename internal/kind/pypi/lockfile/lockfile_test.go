package lockfile

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/slipway-dev/slipway/internal/kind/pypi/sdist"
	"github.com/slipway-dev/slipway/internal/kind/pypi/wheel"
)

func pinned(t testing.TB, name, version, machine string, tags ...string) Package {
	t.Helper()
	p := Package{Name: name, Version: version, Machine: machine}
	for i, tag := range tags {
		n, err := wheel.ParseName(strings.ReplaceAll(name, "-", "_") + "-" + version + "-" + tag + ".whl")
		if err != nil {
			t.Fatal(err)
		}
		p.Wheels = append(p.Wheels, Wheel{n, strings.Repeat(string(rune('a'+i)), 64)})
	}
	return p
}

func example(t testing.TB) *Lock {
	return &Lock{Packages: []Package{
		pinned(t, "server", "1.0rc1", "", "py3-none-any"),
		pinned(t, "compiled-part", "2.0", "", "cp313-cp313-manylinux_2_17_x86_64", "cp313-cp313-manylinux_2_17_aarch64"),
		pinned(t, "only", "3", "x86_64", "cp313-cp313-manylinux_2_17_x86_64"),
		pinned(t, "only", "2", "aarch64", "cp313-cp313-manylinux_2_17_aarch64"),
	}}
}

const want = `# Every wheel of every package, for CPython 3.13 on Linux. Written by catalogctl lock: change the entry, not this file.
# compiled_part-2.0-cp313-cp313-manylinux_2_17_aarch64.whl
# compiled_part-2.0-cp313-cp313-manylinux_2_17_x86_64.whl
compiled-part==2.0 \
    --hash=sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb \
    --hash=sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
# only-2-cp313-cp313-manylinux_2_17_aarch64.whl
only==2 ; platform_machine == "aarch64" \
    --hash=sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
# only-3-cp313-cp313-manylinux_2_17_x86_64.whl
only==3 ; platform_machine == "x86_64" \
    --hash=sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
# server-1.0rc1-py3-none-any.whl
server==1.0rc1 \
    --hash=sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
`

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	l := example(t)
	if diff := cmp.Diff(want, string(l.Marshal())); diff != "" {
		t.Error(diff)
	}
	got, problems := Parse([]byte(want))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if diff := cmp.Diff(l, got, cmpopts.IgnoreUnexported(wheel.Name{})); diff != "" {
		t.Error(diff)
	}
	for machine, names := range map[string]string{"x86_64": "compiled-part 2.0, only 3, server 1.0rc1", "aarch64": "compiled-part 2.0, only 2, server 1.0rc1"} {
		var on []string
		for _, p := range got.On(machine) {
			on = append(on, p.Name+" "+p.Version)
		}
		if diff := cmp.Diff(names, strings.Join(on, ", ")); diff != "" {
			t.Error(diff)
		}
	}
}

// wantSdist is a lock with a package that has only an sdist.
var wantSdist = header + "# old_server-1.0.tar.gz builds old_server-1.0-py3-none-any.whl with content sha256:" + strings.Repeat("c", 64) +
	"\nold-server==1.0 \\\n    --hash=sha256:" + strings.Repeat("a", 64) + "\n"

func TestSdist(t *testing.T) {
	t.Parallel()
	source, err := sdist.ParseName("old_server-1.0.tar.gz")
	if err != nil {
		t.Fatal(err)
	}
	p := pinned(t, "old-server", "1.0", "", "py3-none-any")
	p.Sdist = &Sdist{Name: source, SHA256: p.Wheels[0].SHA256, Wheel: p.Wheels[0].Name, Content: strings.Repeat("c", 64)}
	p.Wheels = nil
	if diff := cmp.Diff(wantSdist, string((&Lock{Packages: []Package{p}}).Marshal())); diff != "" {
		t.Error(diff)
	}
	got, problems := Parse([]byte(wantSdist))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if diff := cmp.Diff([]Package{p}, got.Packages, cmpopts.IgnoreUnexported(wheel.Name{})); diff != "" {
		t.Error(diff)
	}
	hash := " \\\n    --hash=sha256:" + strings.Repeat("a", 64)
	for name, c := range map[string]struct{ from, to, reason string }{
		"another's sdist":     {"# old_server-1.0.tar", "# new_server-1.0.tar", "no sdist of old-server 1.0"},
		"another version":     {"# old_server-1.0.tar", "# old_server-1.1.tar", "no sdist of old-server 1.0"},
		"another's wheel":     {"builds old_server", "builds new_server", "no wheel of old-server 1.0"},
		"a compiled wheel":    {"py3-none-any", "cp313-cp313-manylinux_2_17_x86_64", "for every platform"},
		"a zip":               {".tar.gz", ".zip", "not the name of an sdist"},
		"no wheel":            {"-py3-none-any.whl", "", "not the name of a wheel"},
		"no content":          {"with content sha256:c", "with content sha256:C", "does not say what is built"},
		"two sdists":          {"# old", wantSdist[len(header):len(header)+1] + " old_server-1.0.tar.gz builds old_server-1.0-py3-none-any.whl with content sha256:" + strings.Repeat("d", 64) + "\n# old", "a second sdist"},
		"two hashes":          {hash, hash + hash, "a second hash"},
		"no hash":             {hash, "", "by no hash"},
		"a wheel besides":     {"old-server==", "# old_server-1.0-py3-none-any.whl\nold-server==", "fewer hashes"},
		"an sdist of nothing": {"\nold-server==1.0" + hash, "", "not written as lock writes it"},
	} {
		text := strings.Replace(wantSdist, c.from, c.to, 1)
		lock, problems := Parse([]byte(text))
		if text == wantSdist || lock != nil || !slices.ContainsFunc(problems, func(p Problem) bool { return strings.Contains(p.Reason, c.reason) }) {
			t.Errorf("%s: got %v, want a problem about %q", name, problems, c.reason)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		from, to, reason string
		line             int
	}{
		"another header":      {"# Every wheel", "# Each wheel", "does not begin as a lock", 1},
		"an index":            {"# server", "--index-url https://index.example/simple\n# server", "each user's own configuration", 13},
		"an extra index":      {"# server", "  --extra-index-url x\n# server", "option", 13},
		"an editable":         {"# server", "-e .\n# server", "option", 13},
		"an included file":    {"# server", "-r other.txt\n# server", "option", 13},
		"an address":          {"server==1.0rc1 \\", "server @ https://files.example/s.whl \\", "names an address", 14},
		"a git address":       {"server==1.0rc1 \\", "git+https://files.example/s \\", "names an address", 14},
		"a range":             {"server==1.0rc1", "server>=1.0rc1", "one exact version", 14},
		"a wildcard":          {"server==1.0rc1", "server==1.*", "one exact version", 14},
		"two bounds":          {"server==1.0rc1", "server==1.0rc1,<2", "one exact version", 14},
		"extras":              {"server==1.0rc1", "server[cli]==1.0rc1", "one exact version", 14},
		"no normal name":      {"server==1.0rc1", "Server==1.0rc1", "one exact version", 14},
		"another condition":   {`"aarch64"`, `"mips"`, "condition", 8},
		"a longer condition":  {`"aarch64" \`, `"aarch64" or 1 \`, "condition", 8},
		"another hash":        {"sha256:b", "sha256:B", "no SHA-256", 5},
		"a weak hash":         {"--hash=sha256:b", "--hash=md5:b", "option", 5},
		"no hash":             {"server==1.0rc1 \\\n    --hash=sha256:" + strings.Repeat("a", 64) + "\n", "server==1.0rc1\n", "no hash", 14},
		"a hash less":         {strings.Repeat("b", 64) + " \\\n    --hash=sha256:" + strings.Repeat("a", 64), strings.Repeat("b", 64), "fewer hashes", 4},
		"a hash more":         {strings.Repeat("b", 64), strings.Repeat("b", 64) + " \\\n    --hash=sha256:" + strings.Repeat("c", 64), "no comment", 7},
		"another's wheel":     {"# server-1.0rc1", "# sewer-1.0rc1", "no wheel of server", 15},
		"another version":     {"# server-1.0rc1", "# server-1.0rc2", "no wheel of server", 15},
		"a source":            {"# server-1.0rc1-py3-none-any.whl", "# server-1.0rc1.tar.gz", "not the name of a wheel", 13},
		"a comment":           {"# server", "# note\n# server", "not the name of a wheel", 13},
		"twice":               {"# server", "# only-3-cp313-cp313-manylinux_2_17_x86_64.whl\nonly==3 \\\n    --hash=sha256:" + strings.Repeat("a", 64) + "\n# server", "twice", 14},
		"out of order":        {"compiled-part==2.0", "zompiled-part==2.0", "no wheel of zompiled-part", 5},
		"an empty line":       {"# server", "\n# server", "one exact version", 13},
		"a line without end":  {"aaa\n# server", "aaa \\\n# server", "not written as lock writes it", 0},
		"Windows' line ends":  {"\n", "\r\n", "does not begin", 1},
		"a hash of nothing":   {"# server", "    --hash=sha256:" + strings.Repeat("a", 64) + "\n# server", "no comment", 13},
		"nothing at its end":  {"sha256:" + strings.Repeat("a", 64) + "\n# server", "sha256:" + strings.Repeat("a", 64) + "\n\n# server", "one exact version", 13},
		"a very long version": {"server==1.0rc1", "server==" + strings.Repeat("1", 200), "one exact version", 14},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := strings.Replace(want, c.from, c.to, 1)
			if text == want {
				t.Fatal("nothing was changed")
			}
			lock, problems := Parse([]byte(text))
			if lock != nil || len(problems) == 0 {
				t.Fatal("was read")
			}
			if len(problems) > 4 {
				t.Errorf("%d problems are too many", len(problems))
			}
			for _, p := range problems {
				if p.Line == c.line && strings.Contains(p.Reason, c.reason) {
					return
				}
			}
			t.Errorf("got %v, want line %d about %q", problems, c.line, c.reason)
		})
	}
	if _, problems := Parse(bytes.Repeat([]byte("x"), MaxBytes+1)); len(problems) != 1 {
		t.Errorf("got %v", problems)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(want))
	f.Add([]byte(wantSdist))
	f.Add([]byte(header + "-r x\na @ b\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		lock, problems := Parse(data)
		if (lock == nil) == (len(problems) == 0) {
			t.Fatal("neither a lock nor problems")
		}
		if lock != nil && (!bytes.Equal(lock.Marshal(), data) || bytes.Contains(data, []byte("://"))) {
			t.Errorf("%q became %q", data, lock.Marshal())
		}
	})
}
