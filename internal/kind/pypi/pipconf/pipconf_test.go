package pipconf_test

import (
	"context"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/internal/kind/pypi/pipconf"
	"github.com/slipway-dev/slipway/internal/programtest"
)

// folder makes a folder with the files.
func folder(t *testing.T, files map[string]string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for name, content := range files {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func index(t *testing.T, s pipconf.Sources) string {
	t.Helper()
	c, err := pipconf.Load(s)
	if err != nil {
		t.Fatal(err)
	}
	u, err := c.Index(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return u.String()
}

// Each source in turn is taken away, and the next one counts.
func TestTheNearestSourceNamesTheIndex(t *testing.T) {
	t.Parallel()
	home := folder(t, map[string]string{
		".config/uv/uv.toml":   "[[index]]\nurl = \"https://extra.example/x\"\n[[index]]\nurl = \"https://uv.example/simple\"\ndefault = true\n",
		".config/pip/pip.conf": "[global]\ntimeout = 60\nindex-url = https://global.example/simple\n[install]\nindex-url = https://install.example/simple\n",
		".pip/pip.conf":        "[global]\nindex_url: https://old.example/simple\n",
	})
	project := folder(t, map[string]string{"uv.toml": "index-url = \"https://project.example/simple\"\n"})
	system := folder(t, map[string]string{
		"uv/uv.toml": "[pip]\nindex-url = \"https://etc-uv.example/simple\"\n",
		"pip.conf":   "[global]\nindex-url = https://etc-pip.example/simple/\n",
	})
	s := pipconf.Sources{
		Project: project, Home: home, System: system,
		Environ: []string{"PIP_INDEX_URL=https://pip.example/", "UV_INDEX_URL=https://uv-old.example", "UV_DEFAULT_INDEX=own=https://uv-new.example/a"},
		Ask:     func(context.Context) (string, error) { return "https://asked.example/simple", nil },
	}
	for _, step := range []struct {
		want   string
		remove func()
	}{
		{"https://uv-new.example/a/", func() { s.Environ = s.Environ[:2] }},
		{"https://uv-old.example/", func() { s.Environ = s.Environ[:1] }},
		{"https://pip.example/", func() { s.Environ = nil }},
		{"https://project.example/simple/", func() { s.Project = "" }},
		{"https://uv.example/simple/", func() { s.Environ = []string{"UV_NO_CONFIG=1"} }},
		{"https://install.example/simple/", func() { s.Environ = []string{"XDG_CONFIG_HOME=/nowhere", "UV_NO_CONFIG=1"} }},
		{"https://old.example/simple/", func() { s.Home, s.Environ = "", nil }},
		{"https://etc-uv.example/simple/", func() { s.Environ = []string{"UV_CONFIG_FILE=/nowhere/uv.toml"} }},
		{"https://etc-pip.example/simple/", func() { s.System = "" }},
		{"https://asked.example/simple/", func() {}},
	} {
		if got := index(t, s); got != step.want {
			t.Errorf("got %s, want %s", got, step.want)
		}
		step.remove()
	}
}

func TestPipsFilesCanBeTurnedOff(t *testing.T) {
	t.Parallel()
	system := folder(t, map[string]string{"pip.conf": "[global]\nindex-url = https://etc-pip.example/simple/\n"})
	c, err := pipconf.Load(pipconf.Sources{System: system, Environ: []string{"PIP_CONFIG_FILE=" + os.DevNull}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Index(t.Context()); err == nil || !strings.Contains(err.Error(), "PIP_INDEX_URL") {
		t.Errorf("got %v, want advice", err)
	}
}

func TestCredentialsStayWithTheirHost(t *testing.T) {
	t.Parallel()
	c, err := pipconf.Load(pipconf.Sources{Environ: []string{"PIP_INDEX_URL=https://user:p%40ss@index.example/simple"}})
	if err != nil {
		t.Fatal(err)
	}
	u, err := c.Index(t.Context())
	if err != nil || u.String() != "https://index.example/simple/" {
		t.Errorf("%v, %v", u, err)
	}
	for address, want := range map[string]string{
		"https://index.example/files/a.whl": "Basic dXNlcjpwQHNz",
		"https://files.example/a.whl":       "",
		"http://index.example/a.whl":        "",
		"https://index.example:444/a.whl":   "",
	} {
		at, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		header, err := c.Header(t.Context(), at)
		if err != nil || header.Get("Authorization") != want {
			t.Errorf("%s: %v, %v", address, header, err)
		}
	}
	env, err := c.Environment(t.Context())
	if err != nil || len(env) != 1 || env[0] != "UV_DEFAULT_INDEX=https://user:p%40ss@index.example/simple" {
		t.Errorf("%v, %v", env, err)
	}
}

func TestWrongSettings(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"index.example/simple", "file:///simple", "https://", "https://index.example/?x", "https://index.example/#x", "https://a b/"} {
		c, err := pipconf.Load(pipconf.Sources{Environ: []string{"PIP_INDEX_URL=" + address}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Index(t.Context()); err == nil || !strings.Contains(err.Error(), "PIP_INDEX_URL") {
			t.Errorf("%q: %v", address, err)
		}
	}
	for name, text := range map[string]string{"uv.toml": "index-url = [", "pip.conf": strings.Repeat("x", 2<<20)} {
		system := folder(t, map[string]string{name: text, "uv/" + name: text})
		if _, err := pipconf.Load(pipconf.Sources{System: system}); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	c, err := pipconf.Load(pipconf.Sources{Ask: func(context.Context) (string, error) { return "", errors.New("broken pip") }})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Index(t.Context()); err == nil || !strings.Contains(err.Error(), "broken pip") {
		t.Errorf("got %v", err)
	}
}

// The helps are written as pip 25 and uv 0.13 write theirs.
func TestMachine(t *testing.T) {
	for name, help := range map[string]string{
		"pip": "  -i, --index-url <url>       Base URL of the index (default https://default.example/simple). This should point to it.",
		"uv":  "      --default-index <DEFAULT_INDEX>\n          The default package index (by default: <https://default.example/simple>) [env: X=]\n",
	} {
		bin := folder(t, nil)
		programtest.Write(t, filepath.Join(bin, name), "cat <<'END'\n"+help+"\nEND\n")
		t.Setenv("PATH", bin)
		ask := pipconf.Machine(bin, []string{"PATH=/usr/bin:/bin"})
		if ask == nil {
			t.Fatal("nobody to ask")
		}
		if got, err := ask(t.Context()); err != nil || got != "https://default.example/simple" {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	t.Setenv("PATH", t.TempDir())
	if pipconf.Machine("", nil) != nil {
		t.Error("somebody is asked who is not there")
	}
}

func FuzzLoad(f *testing.F) {
	f.Add("[global]\nindex-url = https://a.example\n", "index-url = \"https://b.example\"\n")
	f.Fuzz(func(t *testing.T, pip, uv string) {
		system := folder(t, map[string]string{"pip.conf": pip, "uv/uv.toml": uv})
		c, err := pipconf.Load(pipconf.Sources{System: system})
		if err != nil {
			return
		}
		if u, err := c.Index(t.Context()); err == nil && (u.Host == "" || u.User != nil) {
			t.Errorf("%q, %q became %v", pip, uv, u)
		}
	})
}
