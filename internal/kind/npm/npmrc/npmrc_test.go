package npmrc_test

import (
	"context"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/kind/npm/npmrc"
	"github.com/slipway-dev/slipway/internal/programtest"
)

// write makes a folder with one file.
func write(t *testing.T, name, content string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	file := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func load(t *testing.T, s npmrc.Sources) *npmrc.Config {
	t.Helper()
	c, err := npmrc.Load(s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func registry(t *testing.T, c *npmrc.Config, name string) string {
	t.Helper()
	u, err := c.Registry(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return u.String()
}

func TestTheNearestSourceNamesTheRegistry(t *testing.T) {
	t.Parallel()
	project := write(t, ".npmrc", "registry=https://project.test/npm\n")
	user := write(t, ".npmrc", "registry = \"https://user.test/\" ; a comment\n@corp:registry=https://corp.test\n")
	global := write(t, "etc/npmrc", "registry=https://global.test/\n")
	for _, test := range []struct {
		name    string
		sources npmrc.Sources
		want    string
	}{
		{"environment", npmrc.Sources{Project: project, Home: user, Environ: []string{"NPM_CONFIG_REGISTRY=https://env.test/a/"}}, "https://env.test/a/"},
		{"project", npmrc.Sources{Project: project, Home: user, Prefix: global}, "https://project.test/npm/"},
		{"user", npmrc.Sources{Project: t.TempDir(), Home: user, Prefix: global}, "https://user.test/"},
		{"another file for the user", npmrc.Sources{Home: t.TempDir(), Environ: []string{"npm_config_userconfig=" + user + "/.npmrc"}}, "https://user.test/"},
		{"machine", npmrc.Sources{Home: t.TempDir(), Prefix: global}, "https://global.test/"},
		{"prefix in the user's file", npmrc.Sources{Home: write(t, ".npmrc", "prefix="+global+"\n")}, "https://global.test/"},
		{"no file", npmrc.Sources{Environ: []string{"npm_config_userconfig=" + os.DevNull, "npm_config_registry=https://env.test"}}, "https://env.test/"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := registry(t, load(t, test.sources), "zod"); got != test.want {
				t.Errorf("registry %s, want %s", got, test.want)
			}
		})
	}
	c := load(t, npmrc.Sources{Project: project, Home: user})
	if got := registry(t, c, "@corp/tool"); got != "https://corp.test/" {
		t.Errorf("the scope's registry is %s", got)
	}
	if got := registry(t, c, "@corpse/tool"); got != "https://project.test/npm/" {
		t.Errorf("another scope's registry is %s", got)
	}
}

func TestNPMIsAskedWhereNothingIsConfigured(t *testing.T) {
	t.Parallel()
	asked := 0
	c := load(t, npmrc.Sources{Ask: func(_ context.Context, setting string) (string, error) {
		asked++
		return "https://" + setting + ".test/\n", nil
	}})
	for range 2 {
		if got := registry(t, c, "zod"); got != "https://registry.test/" {
			t.Errorf("registry %s", got)
		}
	}
	if asked != 1 {
		t.Errorf("npm was asked %d times", asked)
	}
	for name, ask := range map[string]func(context.Context, string) (string, error){
		"no npm":      nil,
		"failing npm": func(context.Context, string) (string, error) { return "", errors.New("broken") },
		"silent npm":  func(context.Context, string) (string, error) { return "undefined", nil },
	} {
		if _, err := load(t, npmrc.Sources{Ask: ask}).Registry(t.Context(), "zod"); err == nil || !strings.Contains(err.Error(), "registry") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCredentialsGoOnlyWhereTheyBelong(t *testing.T) {
	t.Parallel()
	c := load(t, npmrc.Sources{Home: write(t, ".npmrc", strings.Join([]string{
		"//a.test/:_authToken=${TOKEN}",
		"//a.test/inner/:_auth=aW5uZXI=",
		"//b.test:8443/npm/:username=me",
		"//b.test:8443/npm/:_password=c2VjcmV0",
		"//c.test/:_authToken=${MISSING}",
		"//d.test/:_authToken=${MISSING?}",
	}, "\n")), Environ: []string{"TOKEN=t0ken", "npm_config_//e.test/x/:_authToken=FromEnv"}})
	for address, want := range map[string]string{
		"https://a.test/":                  "Bearer t0ken",
		"https://a.test/zod/-/zod.tgz":     "Bearer t0ken",
		"https://a.test/inner/zod":         "Basic aW5uZXI=",
		"https://a.test/innermost":         "Bearer t0ken",
		"https://a.test.evil.test/zod":     "",
		"https://evil.test//a.test/zod":    "",
		"https://a.test:444/zod":           "",
		"https://b.test:8443/npm/zod":      "Basic bWU6c2VjcmV0",
		"https://b.test:8443/npmother/zod": "",
		"https://b.test:8443/":             "",
		"https://d.test/":                  "",
		"https://e.test/x/zod":             "Bearer FromEnv",
		"https://E.test/x/zod":             "",
	} {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		header, err := c.Header(u)
		if got := header.Get("Authorization"); got != want || err != nil {
			t.Errorf("%s: %q (%v), want %q", address, got, err, want)
		}
	}
	if _, err := c.Header(&url.URL{Scheme: "https", Host: "c.test", Path: "/"}); err == nil || !strings.Contains(err.Error(), "//c.test/:_authToken") {
		t.Errorf("a token from a variable that is not set gives %v", err)
	}
}

func TestTheEnvironmentForNPMHoldsOnlyRegistriesAndCredentials(t *testing.T) {
	t.Parallel()
	c := load(t, npmrc.Sources{
		Home:    write(t, ".npmrc", "registry=https://a.test\n@corp:registry=https://b.test\n//b.test/:_authToken=x\ninit-author-name=Me\n"),
		Environ: []string{"HOME=/home/me", "npm_config_loglevel=silly"},
	})
	got, err := c.Environment(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"npm_config_//b.test/:_authToken=x", "npm_config_@corp:registry=https://b.test", "npm_config_registry=https://a.test/"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestBadConfigurationIsRefused(t *testing.T) {
	t.Parallel()
	for _, content := range []string{
		"_authToken=abc", "_auth=abc", "registry=file:///x", "registry=ftp://a.test", "registry=https://me:pw@a.test/", "registry=https://a.test/?q=1",
		"registry=//a.test/", "x=" + strings.Repeat("y", 2<<20),
	} {
		c, err := npmrc.Load(npmrc.Sources{Home: write(t, ".npmrc", content)})
		if err == nil {
			_, err = c.Registry(t.Context(), "zod")
		}
		if err == nil {
			t.Errorf("%.40q is accepted", content)
		} else if strings.Contains(err.Error(), "pw") {
			t.Errorf("%.40q: the error tells the password: %v", content, err)
		}
	}
}

func FuzzLoad(f *testing.F) {
	f.Add("registry=https://a.test/\n//a.test/:_authToken=${T}\n")
	f.Add("[section]\nx=1\n; comment\n# another\nca[]=\"x\"\nca[]=y\n")
	f.Add("a\\=b=c\\\n`x`=\"\"\"y\n")
	f.Fuzz(func(t *testing.T, content string) {
		home := write(t, ".npmrc", content)
		c, err := npmrc.Load(npmrc.Sources{Home: home, Environ: []string{"T=x"}})
		if err != nil {
			return
		}
		if u, err := c.Registry(t.Context(), "@a/b"); err == nil && (u.Host == "" || !strings.HasSuffix(u.Path, "/")) {
			t.Errorf("registry %q from %q", u, content)
		}
	})
}

func TestAnNpmThatPrintsWithoutEndIsStopped(t *testing.T) {
	dir := t.TempDir()
	programtest.Write(t, filepath.Join(dir, "npm"), "while :; do echo 0123456789012345678901234567890123456789; done\n")
	t.Setenv("PATH", dir)
	ask, _ := npmrc.Machine(dir, nil)
	if answer, err := ask(t.Context(), "registry"); err == nil {
		t.Errorf("%d bytes, %v", len(answer), err)
	}
}
