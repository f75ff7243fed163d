package sdist_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/internal/kind/pypi/sdist"
	"github.com/slipway-dev/slipway/internal/kind/pypi/wheeltest"
)

// backend is a sandbox in which a backend answers.
type backend func(dir string, args, env []string, out io.Writer) error

func (backend) Key(context.Context) (string, error) { return "", nil }

func (b backend) Run(_ context.Context, dir string, args, env []string, out io.Writer) error {
	return b(dir, args, env, out)
}

func build(t *testing.T, answers backend) (string, []string, []byte, error) {
	t.Helper()
	s := wheeltest.Sdist{Name: "my-server", Version: "1.0", Files: map[string]string{"setup.py": ""}}
	opened, err := open(t, s, s.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	w, err := sdist.NewWorkshop(t.TempDir(), answers)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	name, requires, err := w.Build(t.Context(), opened, &out)
	return name.File, requires, out.Bytes(), err
}

func says(text string) backend {
	return func(_ string, _, _ []string, out io.Writer) error {
		for part := range slices.Chunk([]byte(text), 7) { // as a pipe may cut it
			if _, err := out.Write(part); err != nil {
				return err
			}
		}
		return nil
	}
}

func TestBuild(t *testing.T) {
	t.Parallel()
	name, requires, built, err := build(t, func(dir string, args, env []string, out io.Writer) error {
		for _, file := range []string{"build.py", "my_server-1.0.tar.gz"} {
			if _, err := os.Stat(filepath.Join(dir, file)); err != nil {
				t.Error(err)
			}
		}
		if args[0] != sdist.Interpreter || !slices.Contains(env, "PYTHONHASHSEED=0") || !slices.Contains(env, "SOURCE_DATE_EPOCH=315532800") {
			t.Errorf("runs %q with %q", args, env)
		}
		return says("{\"requires\": [\"wheel\"], \"wheel\": \"my_server-1.0-py3-none-any.whl\"}\nPK\n\nrest")("", nil, nil, out)
	})
	if err != nil || name != "my_server-1.0-py3-none-any.whl" || !slices.Equal(requires, []string{"wheel"}) || string(built) != "PK\n\nrest" {
		t.Errorf("%q, %q, %q, %v", name, requires, built, err)
	}
}

func TestBuildRefuses(t *testing.T) {
	t.Parallel()
	wheel := func(name string) backend { return says(`{"requires": [], "wheel": "` + name + "\"}\nPK") }
	for name, c := range map[string]struct {
		answers backend
		reason  string
	}{
		"a failure": {func(string, []string, []string, io.Writer) error {
			return errors.New("exited with code 1: No module named x")
		}, "No module named x"},
		"nothing":              {says(""), "without an answer"},
		"half a line":          {says(`{"requires": [], "wheel": "x`), "without an answer"},
		"no JSON":              {says("hello\nPK"), "cannot be read"},
		"an unknown field":     {says(`{"requires": [], "files": []}` + "\nPK"), "cannot be read"},
		"an endless line":      {says(strings.Repeat("x", 2<<20)), "endless line"},
		"an address":           {says(`{"requires": ["x @ https://x.example"], "wheel": ""}` + "\n"), "from an address"},
		"no wheel":             {wheel(""), "has built no wheel"},
		"a path":               {wheel("../my_server-1.0-py3-none-any.whl"), "has built no wheel"},
		"another package":      {wheel("other-1.0-py3-none-any.whl"), "another package or version"},
		"another version":      {wheel("my_server-1.1-py3-none-any.whl"), "another package or version"},
		"a compiled wheel":     {wheel("my_server-1.0-cp313-cp313-linux_x86_64.whl"), "base has no compiler"},
		"a wheel for one ABI":  {wheel("my_server-1.0-cp313-cp313-any.whl"), "base has no compiler"},
		"a wheel for two ABIs": {wheel("my_server-1.0-py3-none.abi3-any.whl"), "base has no compiler"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if file, _, _, err := build(t, c.answers); err == nil || !strings.Contains(err.Error(), c.reason) {
				t.Errorf("got %q and %v, want an error about %q", file, err, c.reason)
			}
		})
	}
}
