package bytecode_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/kind/pypi/bytecode"
	"github.com/slipway-dev/slipway/internal/kind/pypi/cpython"
	"github.com/slipway-dev/slipway/internal/kind/pypi/wheeltest"
)

// unit has sources whose text is their path and more.
func unit(name, more string, sources ...string) bytecode.Unit {
	return bytecode.Unit{
		Name: name, Content: name + more, Sources: sources,
		Write: func(_ context.Context, write func(string, io.Reader) error) error {
			for _, source := range append([]string{"lib/data.txt"}, sources...) {
				if err := write(source, strings.NewReader(source+more)); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

func compiler(dir string, sandbox cpython.Sandbox) *bytecode.Compiler {
	return bytecode.NewCompiler(dir, sandbox, "/usr/bin/python3.13", "/app")
}

// contents returns what was compiled, by path.
func contents(t *testing.T, c *bytecode.Compiled) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := c.Each(func(source, name string, size int64, content io.Reader) error {
		data, err := io.ReadAll(content)
		if int64(len(data)) != size {
			t.Errorf("%s has %d bytes instead of %d", source, len(data), size)
		}
		all[name] = string(data)
		return err
	})
	if err != nil {
		t.Error(err)
	}
	return all
}

func TestCompile(t *testing.T) {
	t.Parallel()
	python := &wheeltest.CPython{}
	dir := t.TempDir()
	units := []bytecode.Unit{
		unit("a 1", "", "lib/a.py"),
		unit("b 2", " syntax error", "lib/b.py"),
		unit("c 3", "", "lib/c/__init__.py", "lib/c/d.py", "lib/c/e.f.py"),
		unit("empty 0", ""),
	}
	for range 2 {
		all, err := compiler(dir, python).Compile(t.Context(), units)
		if err != nil {
			t.Fatal(err)
		}
		var got []map[string]string
		for _, c := range all {
			got = append(got, contents(t, c))
		}
		pyc := func(source string) string { return wheeltest.Pyc("/app/"+source, source) }
		want := []map[string]string{
			{"lib/__pycache__/a.cpython-313.pyc": pyc("lib/a.py")},
			{},
			{
				"lib/c/__pycache__/__init__.cpython-313.pyc": pyc("lib/c/__init__.py"),
				"lib/c/__pycache__/d.cpython-313.pyc":        pyc("lib/c/d.py"),
				"lib/c/__pycache__/e.f.cpython-313.pyc":      pyc("lib/c/e.f.py"),
			},
			{},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if n := len(python.Compiled()); n != 5 {
			t.Errorf("%d sources were compiled, want each once", n)
		}
	}
	// A source that has changed is another one.
	if _, err := compiler(dir, python).Compile(t.Context(), []bytecode.Unit{unit("a 1", "x", "lib/a.py")}); err != nil || len(python.Compiled()) != 6 {
		t.Error(err, python.Compiled())
	}
}

// Platforms and entries have wheels in common.
func TestCompileManyAtOnceCompilesEachOnce(t *testing.T) {
	t.Parallel()
	python := &wheeltest.CPython{}
	c := compiler(t.TempDir(), python)
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			own := fmt.Sprintf("lib/own%d.py", i)
			all, err := c.Compile(t.Context(), []bytecode.Unit{unit("own", own, own), unit("common", "", "lib/common.py")})
			if err != nil || len(contents(t, all[0])) != 1 || len(contents(t, all[1])) != 1 {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if n := len(python.Compiled()); n != 9 {
		t.Errorf("%d sources were compiled, want 9", n)
	}
}

// Whoever changes the cache may make a build fail, and no more.
func TestCompiledThatIsNotWhatWasKept(t *testing.T) {
	t.Parallel()
	dir, python := t.TempDir(), &wheeltest.CPython{}
	units := []bytecode.Unit{unit("a", "", "lib/a.py")}
	if _, err := compiler(dir, python).Compile(t.Context(), units); err != nil {
		t.Fatal(err)
	}
	records, err := filepath.Glob(filepath.Join(dir, "keys", "*"))
	if err != nil || len(records) != 1 {
		t.Fatal(records, err)
	}
	record, err := os.ReadFile(records[0])
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.Replace(string(record), "[40]", "[]", 1)
	if changed == string(record) {
		t.Fatalf("the record is %s", record)
	}
	if err := errors.Join(os.Chmod(records[0], 0o600), os.WriteFile(records[0], []byte(changed), 0o600)); err != nil {
		t.Fatal(err)
	}
	all, err := compiler(dir, python).Compile(t.Context(), units)
	if err != nil {
		t.Fatal(err)
	}
	err = all[0].Each(func(string, string, int64, io.Reader) error { return nil })
	if err == nil || !strings.Contains(err.Error(), "of 1 sources") {
		t.Errorf("got %v", err)
	}
}

// writes is a sandbox that writes a text, and ends with an error.
type writes struct {
	text string
	err  error
}

func (writes) Key(context.Context) (string, error) { return "", nil }

func (w writes) Run(_ context.Context, _ string, _, _ []string, out io.Writer) error {
	if _, err := io.WriteString(out, w.text); err != nil {
		return fmt.Errorf("killed: %w", err)
	}
	return w.err
}

// Whatever runs in the sandbox may write what it likes.
func TestCompileRefusesWhatIsNotCompiled(t *testing.T) {
	t.Parallel()
	sized := func(size uint32, text string) string { return string(binary.BigEndian.AppendUint32(nil, size)) + text }
	good := sized(40, wheeltest.Pyc("", ""))
	broken := errors.New("the program was killed by SIGSEGV")
	for name, c := range map[string]struct {
		writes writes
		says   string
	}{
		"nothing":          {writes{}, "b 1: lib/b.py: the compiler ended before it"},
		"too little":       {writes{text: good}, "c.py: the compiler ended before it"},
		"a torn one":       {writes{text: good + good[:20]}, "c.py: the compiler ended within it"},
		"a torn header":    {writes{text: good[:7]}, "b.py: the compiler ended within it"},
		"a torn size":      {writes{text: good[:3]}, "b.py: the compiler ended before it"},
		"too much":         {writes{text: good + good + "more"}, "4 bytes more"},
		"another Python's": {writes{text: sized(40, "\xa7"+good[5:])}, "which is no compiled Python of cpython-313"},
		"checked by time":  {writes{text: sized(40, good[4:8]+"\x00"+good[9:])}, "which is no compiled Python"},
		"shorter":          {writes{text: sized(7, good[4:])}, "which is no compiled Python"},
		"endless":          {writes{text: sized(1<<31, good[4:])}, "2147483648 bytes"},
		"a crash":          {writes{text: good, err: broken}, "c.py: the compiler ended before it: the program was killed by SIGSEGV"},
		"a late crash":     {writes{text: good + good, err: broken}, "SIGSEGV"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			units := []bytecode.Unit{unit("b 1", "", "lib/b.py", "lib/c.py")}
			_, err := compiler(dir, c.writes).Compile(t.Context(), units)
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("want an error that says %q, got %v", c.says, err)
			}
			if strings.Contains(c.says, "SIGSEGV") && !errors.Is(err, broken) {
				t.Error("the cause is not in the error")
			}
			if name == "too much" || name == "a late crash" {
				return // the unit itself was whole
			}
			python := &wheeltest.CPython{}
			if _, err := compiler(dir, &keyless{python}).Compile(t.Context(), units); err != nil || len(python.Compiled()) != 2 {
				t.Errorf("it was kept: %v", err)
			}
		})
	}
}

// keyless has the key of writes.
type keyless struct{ *wheeltest.CPython }

func (*keyless) Key(context.Context) (string, error) { return "", nil }

func TestCompileEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := compiler(t.TempDir(), waits{}).Compile(ctx, []bytecode.Unit{unit("a", "", "lib/a.py")}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// waits is a sandbox that runs until it is told to end.
type waits struct{}

func (waits) Key(context.Context) (string, error) { return "", nil }

func (waits) Run(ctx context.Context, _ string, _, _ []string, _ io.Writer) error {
	<-ctx.Done()
	return ctx.Err()
}

// overtaken is a sandbox that is slower than another process.
type overtaken struct {
	*wheeltest.CPython

	before func()
}

func (o *overtaken) Run(ctx context.Context, dir string, args, env []string, out io.Writer) error {
	o.before()
	return o.CPython.Run(ctx, dir, args, env, out)
}

func TestCompileWhatAnotherProcessCompiles(t *testing.T) {
	t.Parallel()
	dir, python := t.TempDir(), &wheeltest.CPython{}
	first, second := unit("a", "", "lib/a.py", "lib/b.py"), unit("c", "", "lib/c.py")
	slow := &overtaken{python, func() {
		if _, err := compiler(dir, python).Compile(t.Context(), []bytecode.Unit{first}); err != nil {
			t.Error(err)
		}
	}}
	all, err := compiler(dir, slow).Compile(t.Context(), []bytecode.Unit{first, second})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []int{2, 1} {
		if got := len(contents(t, all[i])); got != want {
			t.Errorf("unit %d has %d compiled sources, want %d", i, got, want)
		}
	}
}
