package sdist_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/kind/pypi/sdist"
	"github.com/slipway-dev/slipway/internal/kind/pypi/wheeltest"
)

func TestParseName(t *testing.T) {
	t.Parallel()
	for file, want := range map[string]sdist.Name{
		"docopt-0.6.2.tar.gz":            {Project: "docopt", Version: "0.6.2"},
		"my_server-1.0rc1.tar.gz":        {Project: "my-server", Version: "1.0rc1"},
		"My.Old-Server-1.0.post1.tar.gz": {Project: "my-old-server", Version: "1.0.post1"},
	} {
		want.File = file
		if got, err := sdist.ParseName(file); err != nil || got != want {
			t.Errorf("%s is %+v, %v", file, got, err)
		}
	}
	for _, file := range []string{"", "x.tar.gz", "-1.tar.gz", "x-1.zip", "x-1.tar.bz2", "../x-1.tar.gz", "x-1/2.tar.gz", "x-1 .tar.gz", "x-1.tar.gz\n", "x-1-py3-none-any.whl"} {
		if n, err := sdist.ParseName(file); err == nil {
			t.Errorf("%q is %+v", file, n)
		}
	}
}

// open reads an archive that is in no index.
func open(t testing.TB, s wheeltest.Sdist, archive []byte) (*sdist.Sdist, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "archive")
	if err := os.WriteFile(file, archive, 0o600); err != nil {
		t.Fatal(err)
	}
	name, err := sdist.ParseName(s.File())
	if err != nil {
		t.Fatal(err)
	}
	return sdist.Open(t.Context(), file, name)
}

func TestOpen(t *testing.T) {
	t.Parallel()
	legacy := sdist.System{Requires: []string{"setuptools"}, Backend: "setuptools.build_meta:__legacy__"}
	for name, c := range map[string]struct {
		files map[string]string
		want  sdist.System
	}{
		"setup.py alone":       {map[string]string{"setup.py": ""}, legacy},
		"no build-system":      {map[string]string{"pyproject.toml": "[project]\nname = 'x'"}, legacy},
		"a backend":            {map[string]string{"pyproject.toml": "[build-system]\nrequires = ['hatchling>=1', 'x[y]; os_name == \"nt\"']\nbuild-backend = 'hatchling.build'"}, sdist.System{Requires: []string{"hatchling>=1", `x[y]; os_name == "nt"`}, Backend: "hatchling.build"}},
		"no backend":           {map[string]string{"pyproject.toml": "[build-system]\nrequires = ['setuptools>=40']"}, sdist.System{Requires: []string{"setuptools>=40"}, Backend: legacy.Backend}},
		"a backend of its own": {map[string]string{"pyproject.toml": "[build-system]\nrequires = []\nbuild-backend = 'own:Hooks.all'\nbackend-path = ['.', 'build/hooks']"}, sdist.System{Requires: []string{}, Backend: "own:Hooks.all", Path: []string{".", "build/hooks"}}},
		"another's pyproject":  {map[string]string{"setup.py": "", "vendor/pyproject.toml": "[["}, legacy},
	} {
		s := wheeltest.Sdist{Name: "x", Version: "1", Files: c.files}
		got, err := open(t, s, s.Bytes())
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(c.want, got.System); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	system := func(text string) map[string]string {
		return map[string]string{"pyproject.toml": "[build-system]\n" + text}
	}
	with := func(h tar.Header) wheeltest.Sdist {
		return wheeltest.Sdist{Name: "x", Version: "1", Files: map[string]string{"setup.py": ""}, Entries: []tar.Header{h}}
	}
	for name, c := range map[string]struct {
		sdist  wheeltest.Sdist
		reason string
	}{
		"nothing to build":        {wheeltest.Sdist{Files: map[string]string{"x.py": ""}}, "neither a pyproject.toml nor a setup.py"},
		"no TOML":                 {wheeltest.Sdist{Files: system("requires")}, "cannot be read"},
		"no text":                 {wheeltest.Sdist{Files: system("# \xff")}, "UTF-8"},
		"endless pyproject":       {wheeltest.Sdist{Files: system(strings.Repeat("#", 2<<20))}, "larger than"},
		"no requires":             {wheeltest.Sdist{Files: system("build-backend = 'x'")}, "without requires"},
		"an address":              {wheeltest.Sdist{Files: system("requires = ['x @ https://x.example/x.whl']")}, "from an address of its own"},
		"a file":                  {wheeltest.Sdist{Files: system("requires = ['x @ file:///etc/passwd']")}, "from an address of its own"},
		"an option":               {wheeltest.Sdist{Files: system("requires = ['-r other']")}, "no dependency"},
		"two lines":               {wheeltest.Sdist{Files: system("requires = [\"x\\ny\"]")}, "no dependency"},
		"many requires":           {wheeltest.Sdist{Files: system("requires = ['x'" + strings.Repeat(",'x'", 200) + "]")}, "more than 100"},
		"code as backend":         {wheeltest.Sdist{Files: system("requires = []\nbuild-backend = 'os;system'")}, "want MODULE or MODULE:OBJECT"},
		"a backend from outside":  {wheeltest.Sdist{Files: system("requires = []\nbackend-path = ['../x']")}, "not in its tree"},
		"a backend from anywhere": {wheeltest.Sdist{Files: system("requires = []\nbackend-path = ['/usr']")}, "not in its tree"},
		"two folders":             {with(tar.Header{Name: "y-1/setup.py", Typeflag: tar.TypeReg}), "beside its folder"},
		"a file beside":           {with(tar.Header{Name: "y.py", Typeflag: tar.TypeReg}), "beside its folder"},
		"a path upwards":          {with(tar.Header{Name: "x-1/../../y", Typeflag: tar.TypeReg}), `".."`},
		"an absolute path":        {with(tar.Header{Name: "/etc/passwd", Typeflag: tar.TypeReg}), "absolute"},
		"a link upwards":          {with(tar.Header{Name: "x-1/y", Typeflag: tar.TypeSymlink, Linkname: "../../etc"}), "out of the tree"},
		"a link to nothing":       {with(tar.Header{Name: "x-1/y", Typeflag: tar.TypeLink, Linkname: "x-1/z"}), "no earlier file"},
		"a device":                {with(tar.Header{Name: "x-1/y", Typeflag: tar.TypeBlock}), "neither a file"},
		"one path twice":          {with(tar.Header{Name: "x-1/setup.py", Typeflag: tar.TypeReg}), "twice"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.sdist.Name, c.sdist.Version = "x", "1"
			if _, err := open(t, c.sdist, c.sdist.Bytes()); err == nil || !strings.Contains(err.Error(), c.reason) {
				t.Errorf("got %v, want an error about %q", err, c.reason)
			}
		})
	}
}

// A few kilobytes become a gigabyte.
func TestOpenRefusesBombs(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	compressed := gzip.NewWriter(&b)
	archive := tar.NewWriter(compressed)
	if err := archive.WriteHeader(&tar.Header{Name: "x-1/zeros", Size: 1 << 30}); err != nil {
		t.Fatal(err)
	}
	if err := compressed.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := open(t, wheeltest.Sdist{Name: "x", Version: "1"}, b.Bytes()); err == nil || !strings.Contains(err.Error(), "are allowed in a file") {
		t.Error(err)
	}
}
