package wheel_test

import (
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/kind/pypi/marker"
	"github.com/slipway-dev/slipway/internal/kind/pypi/wheel"
	"github.com/slipway-dev/slipway/internal/kind/pypi/wheeltest"
	"github.com/slipway-dev/slipway/internal/unpack"
)

func open(t testing.TB, made wheeltest.Wheel) (*wheel.Wheel, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "wheel")
	if err := os.WriteFile(file, made.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	name, err := wheel.ParseName(made.File())
	if err != nil {
		t.Fatal(err)
	}
	return wheel.Open(t.Context(), file, name)
}

// install returns what is written, executables with a star.
func install(t testing.TB, w *wheel.Wheel) (map[string]string, error) {
	t.Helper()
	written := map[string]string{}
	err := w.Write(t.Context(), "/app/bin/python", func(string) bool { return false },
		func(name string, mode fs.FileMode, size int64, content io.Reader) error {
			data, err := io.ReadAll(content)
			if err != nil {
				return err
			}
			if int64(len(data)) != size {
				t.Errorf("%s has %d bytes, %d were announced", name, len(data), size)
			}
			if mode&0o111 != 0 {
				name += "*"
			}
			if _, twice := written[name]; twice {
				t.Errorf("%s is written twice", name)
			}
			written[name] = string(data)
			return nil
		})
	return written, err
}

var server = wheeltest.Wheel{
	Name: "my-server", Version: "1.0",
	Metadata: "Summary: Serves\nRequires-Python: >=3.10\nRequires-Dist: left>=1,<2\nRequires-Dist: right[fast,Extra_Two]~=2.0; extra == 'more'\n" +
		"Requires-Dist: old ; python_version < '3.10'\nRequires-Dist: other @ https://files.example/other.whl;a=1 ; extra == 'all'\n" +
		"Project-URL: Source, https://github.com/o/r\nLicense-Expression: MIT\nAuthor-email: Ann <a@example.com>",
	EntryPoints: "[console_scripts]\nmy-server = my_server.main:run\nhelp=my_server:Cli.help [more]\n\n# others\n[pytest11]\nx = ../../x\n",
	Files: map[string]string{
		"my_server/__init__.py":                     "",
		"my_server/main.py":                         "def run(): pass\n",
		"my_server/run.sh":                          "#!/bin/sh\n",
		"my_server-1.0.data/scripts/tool":           "#!python -O\nprint()\n",
		"my_server-1.0.data/scripts/binary":         "\x7fELF",
		"my_server-1.0.data/purelib/pure.py":        "1",
		"my_server-1.0.data/platlib/plat.so":        "2",
		"my_server-1.0.data/data/share/my/text.txt": "3",
		"my_server-1.0.data/headers/my.h":           "4",
	},
	Modes: map[string]fs.FileMode{"my_server/run.sh": 0o755, "my_server/main.py": 0o600},
}

func TestInstall(t *testing.T) {
	t.Parallel()
	w, err := open(t, server)
	if err != nil {
		t.Fatal(err)
	}
	got, err := install(t, w)
	if err != nil {
		t.Fatal(err)
	}
	const site, info = "lib/python3.13/site-packages/", "lib/python3.13/site-packages/my_server-1.0.dist-info/"
	record := got[info+"RECORD"]
	for _, name := range []string{"METADATA", "WHEEL", "entry_points.txt", "RECORD"} {
		delete(got, info+name)
	}
	want := map[string]string{
		site + "my_server/__init__.py": "", site + "my_server/main.py": "def run(): pass\n", site + "my_server/run.sh*": "#!/bin/sh\n",
		site + "pure.py": "1", site + "plat.so": "2", "share/my/text.txt": "3", "include/site/python3.13/my-server/my.h": "4",
		"bin/tool*": "#!/app/bin/python\nprint()\n", "bin/binary*": "\x7fELF",
		"bin/my-server*": "#!/app/bin/python\nimport sys\n\nfrom my_server.main import run\n\nif __name__ == \"__main__\":\n    sys.exit(run())\n",
		"bin/help*":      "#!/app/bin/python\nimport sys\n\nfrom my_server import Cli\n\nif __name__ == \"__main__\":\n    sys.exit(Cli.help())\n",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for _, line := range []string{
		"../../../bin/tool," + wheeltest.Hash(want["bin/tool*"]) + ",26\n", "my_server/run.sh," + wheeltest.Hash("#!/bin/sh\n") + ",10\n",
		"../../../share/my/text.txt,", "../../../bin/my-server,", "my_server-1.0.dist-info/RECORD,,\n", "my_server-1.0.dist-info/METADATA,sha256=",
	} {
		if !strings.Contains(record, line) {
			t.Errorf("the record of what was installed has no %q:\n%s", line, record)
		}
	}
	if n := strings.Count(record, "\n"); n != len(want)+4 {
		t.Errorf("the record has %d lines for %d files", n, len(want)+4)
	}
	places := slices.Sorted(maps.Keys(w.Places()))
	if len(places) != len(want)+3 {
		t.Errorf("%d places: %v", len(places), places)
	}
	if diff := cmp.Diff([]string{"binary", "tool"}, w.Programs()); diff != "" {
		t.Error(diff)
	}
}

func TestContent(t *testing.T) {
	t.Parallel()
	of := func(change func(*wheeltest.Wheel)) string {
		made := server
		change(&made)
		w, err := open(t, made)
		if err != nil {
			t.Fatal(err)
		}
		return w.Content()
	}
	same := of(func(*wheeltest.Wheel) {})
	reordered := of(func(w *wheeltest.Wheel) {
		w.Record = func(record string) string {
			lines := strings.SplitAfter(record, "\n")
			slices.Reverse(lines)
			return strings.Join(lines, "")
		}
	})
	if reordered != same || len(same) != 64 {
		t.Errorf("the content is %s, and with another order in the record %s", same, reordered)
	}
	for name, change := range map[string]func(*wheeltest.Wheel){
		"a file":       func(w *wheeltest.Wheel) { w.Files = maps.Clone(w.Files); w.Files["more.py"] = "" },
		"a permission": func(w *wheeltest.Wheel) { w.Modes = map[string]fs.FileMode{"my_server/__init__.py": 0o755} },
		"the metadata": func(w *wheeltest.Wheel) { w.Metadata += "\nSummary: another" },
		"a command":    func(w *wheeltest.Wheel) { w.EntryPoints = "[console_scripts]\nanother = my_server:run\n" },
	} {
		if of(change) == same {
			t.Errorf("%s does not change the content", name)
		}
	}
}

func TestSkippedFilesAreCheckedAndRecorded(t *testing.T) {
	t.Parallel()
	w, err := open(t, server)
	if err != nil {
		t.Fatal(err)
	}
	record := ""
	err = w.Write(t.Context(), "/app/bin/python", func(target string) bool { return !strings.HasSuffix(target, "/RECORD") },
		func(name string, _ fs.FileMode, _ int64, content io.Reader) error {
			data, err := io.ReadAll(content)
			record += string(data)
			if !strings.HasSuffix(name, "/RECORD") {
				t.Errorf("%s is written", name)
			}
			return err
		})
	if err != nil || !strings.Contains(record, "my_server/main.py,") || !strings.Contains(record, "bin/tool,") {
		t.Errorf("%v\n%s", err, record)
	}
}

func TestMetadata(t *testing.T) {
	t.Parallel()
	w, err := open(t, server)
	if err != nil {
		t.Fatal(err)
	}
	m := w.Metadata
	if m.Summary != "Serves" || m.LicenseExpression != "MIT" || m.AuthorEmail != "Ann <a@example.com>" || m.Description != "# my-server\n\n\n" ||
		!m.RunsOn("3.13.5") || m.RunsOn("3.9") || len(m.URLs) != 1 || m.URLs[0] != (wheel.URL{Label: "Source", Address: "https://github.com/o/r"}) {
		t.Errorf("%+v", m)
	}
	env := marker.Environment{"python_version": "3.13"}
	var got []string
	for _, r := range m.Requires {
		got = append(got, strings.Join([]string{r.Project, strings.Join(r.Extras, " "), r.Specifier, r.Address}, "|"))
		if r.Marker.Holds(env, nil) != (r.Project == "left") || r.Marker.Holds(env, []string{"more"}) != (r.Project == "left" || r.Project == "right") {
			t.Errorf("%s: the condition", r.Project)
		}
	}
	if diff := cmp.Diff([]string{"left||>=1,<2|", "right|fast extra-two|~=2.0|", "old|||", "other|||https://files.example/other.whl;a=1"}, got); diff != "" {
		t.Error(diff)
	}
	if left := m.Requires[0]; !left.Accepts("1.5") || left.Accepts("2.0") || !left.Accepts("1.5rc1") || left.Accepts("x") {
		t.Error("the versions of left")
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	const info = "bad-1.0.dist-info/"
	replace := func(from, to string) func(string) string {
		return func(record string) string { return strings.Replace(record, from, to, 1) }
	}
	files := func(pairs ...string) map[string]string {
		all := map[string]string{"bad.py": "pass"}
		for i := 0; i < len(pairs); i += 2 {
			all[pairs[i]] = pairs[i+1]
		}
		return all
	}
	for name, c := range map[string]struct {
		wheel  wheeltest.Wheel
		reason string
	}{
		"an unlisted file":       {wheeltest.Wheel{Record: replace("bad.py,"+wheeltest.Hash("pass")+",4\n", "")}, `"bad.py", which its RECORD does not name`},
		"a missing file":         {wheeltest.Wheel{Record: replace("bad.py", "worse.py")}, `"worse.py", which is not in it`},
		"a file without a hash":  {wheeltest.Wheel{Record: replace(wheeltest.Hash("pass"), "")}, `no hash of "bad.py"`},
		"a weak hash":            {wheeltest.Wheel{Record: replace(wheeltest.Hash("pass"), "md5=XXX")}, "none of sha256"},
		"a broken hash":          {wheeltest.Wheel{Record: replace(wheeltest.Hash("pass"), "sha256=!")}, "not one of sha256"},
		"another size":           {wheeltest.Wheel{Record: replace(",4\n", ",5\n")}, "has 5 bytes, and it has 4"},
		"a negative size":        {wheeltest.Wheel{Record: replace(",4\n", ",-4\n")}, `"-4" bytes`},
		"twice in the record":    {wheeltest.Wheel{Record: replace("bad.py", "bad.py,"+wheeltest.Hash("pass")+",4\n./bad.py")}, "twice"},
		"a record of two fields": {wheeltest.Wheel{Record: replace(",4\n", "\n")}, "RECORD cannot be read"},
		"another name inside":    {wheeltest.Wheel{Files: files(info+"METADATA", "Name: other\nVersion: 1.0\n")}, "says that it is other 1.0"},
		"another version inside": {wheeltest.Wheel{Files: files(info+"METADATA", "Name: bad\nVersion: 2.0\n")}, "says that it is bad 2.0"},
		"metadata of garbage":    {wheeltest.Wheel{Files: files(info+"METADATA", "\x00\x01")}, "METADATA cannot be read"},
		"no UTF-8":               {wheeltest.Wheel{Files: files(info+"METADATA", "Name: b\xffd\n")}, "UTF-8"},
		"a broken dependency":    {wheeltest.Wheel{Metadata: "Requires-Dist: a ; python == 3"}, "dependency"},
		"another format":         {wheeltest.Wheel{Files: files(info+"WHEEL", "Wheel-Version: 2.0\n")}, "only 1 is known"},
		"a format of garbage":    {wheeltest.Wheel{Files: files(info+"WHEEL", "garbage")}, "WHEEL cannot be read"},
		"two folders":            {wheeltest.Wheel{Files: files("evil-1.0.dist-info/METADATA", "x")}, "two folders of metadata"},
		"other data":             {wheeltest.Wheel{Files: files("evil-1.0.data/scripts/x", "x")}, "its folder of data is bad-1.0.data"},
		"an unknown scheme":      {wheeltest.Wheel{Files: files("bad-1.0.data/stdlib/x", "x")}, "none of the places"},
		"a command in a folder":  {wheeltest.Wheel{Files: files("bad-1.0.data/scripts/a/x", "x")}, "none of the places"},
		"a hidden command":       {wheeltest.Wheel{Files: files("bad-1.0.data/scripts/.x", "x")}, "none of the places"},
		"a command out of it":    {wheeltest.Wheel{EntryPoints: "[console_scripts]\n../../x = bad:run\n"}, `command "../../x"`},
		"an absolute command":    {wheeltest.Wheel{EntryPoints: "[console_scripts]\n/bin/sh = bad:run\n"}, `command "/bin/sh"`},
		"a program as module":    {wheeltest.Wheel{EntryPoints: "[console_scripts]\nx = bad;import os:run\n"}, "want a module and a function"},
		"a program as function":  {wheeltest.Wheel{EntryPoints: "[console_scripts]\nx = bad:run() or exit\n"}, "want a module and a function"},
		"no function":            {wheeltest.Wheel{EntryPoints: "[console_scripts]\nx = bad\n"}, "want a module and a function"},
		"a command twice":        {wheeltest.Wheel{EntryPoints: "[console_scripts]\nx = a:b\nx = c:d\n"}, "twice"},
		"a huge text":            {wheeltest.Wheel{EntryPoints: strings.Repeat("#", 17<<20)}, "larger than"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.wheel.Name, c.wheel.Version = "bad", "1.0"
			if c.wheel.Files == nil {
				c.wheel.Files = files()
			}
			if _, err := open(t, c.wheel); err == nil || !strings.Contains(err.Error(), c.reason) || len(err.Error()) > 1000 {
				t.Errorf("got %v, want an error about %q", err, c.reason)
			}
		})
	}
}

func TestHostileArchives(t *testing.T) {
	t.Parallel()
	for name, made := range map[string]wheeltest.Wheel{
		"climbs":        {Files: map[string]string{"../../x": "x"}},
		"is absolute":   {Files: map[string]string{"/etc/x": "x"}},
		"a link":        {Files: map[string]string{"x": "/etc/passwd"}, Modes: map[string]fs.FileMode{"x": fs.ModeSymlink | 0o777}},
		"case":          {Files: map[string]string{"x.py": "1", "X.py": "2"}},
		"no archive":    {Change: func([]byte) []byte { return []byte("hello") }},
		"cut":           {Change: func(archive []byte) []byte { return archive[:len(archive)-40] }},
		"climbs inside": {Files: map[string]string{"bad-1.0.data/data/../../../x": "x"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			made.Name, made.Version = "bad", "1.0"
			var refused *unpack.Error
			if _, err := open(t, made); !errors.As(err, &refused) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// What is not what the record says is found when it is written, at the latest.
func TestChangedContent(t *testing.T) {
	t.Parallel()
	for name, record := range map[string]func(string) string{
		"another hash": func(r string) string { return strings.Replace(r, wheeltest.Hash("pass"), wheeltest.Hash("fail"), 1) },
		"without a size": func(r string) string {
			return strings.Replace(r, wheeltest.Hash("pass")+",4", wheeltest.Hash("fail")+",", 1)
		},
	} {
		for _, file := range []string{"bad.py", "bad-1.0.data/scripts/bad"} {
			w, err := open(t, wheeltest.Wheel{Name: "bad", Version: "1.0", Files: map[string]string{file: "pass"}, Record: record})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := install(t, w); err == nil || !strings.Contains(err.Error(), file) || !strings.Contains(err.Error(), "RECORD") {
				t.Errorf("%s, %s: got %v", name, file, err)
			}
		}
	}
}

func FuzzOpen(f *testing.F) {
	f.Add(server.Bytes())
	name, err := wheel.ParseName(server.File())
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, archive []byte) {
		file := filepath.Join(t.TempDir(), "wheel")
		if err := os.WriteFile(file, archive, 0o600); err != nil {
			t.Fatal(err)
		}
		w, err := wheel.Open(t.Context(), file, name)
		if err != nil {
			return
		}
		for place := range w.Places() {
			if !fs.ValidPath(place) {
				t.Errorf("installs %q", place)
			}
		}
	})
}
