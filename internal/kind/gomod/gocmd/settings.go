package gocmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/slipway-dev/slipway/internal/kind/gomod/lockfile"
)

// settings are those of the user's go command that count here: where Go is, and whom it asks for modules.
type settings struct {
	GoRoot    string `json:"GOROOT"`
	GoVersion string `json:"GOVERSION"`

	Proxy      string `json:"GOPROXY"`
	NoProxy    string `json:"GONOPROXY"`
	Private    string `json:"GOPRIVATE"`
	SumDB      string `json:"GOSUMDB"`
	NoSumDB    string `json:"GONOSUMDB"`
	Insecure   string `json:"GOINSECURE"`
	Credential string `json:"GOAUTH"`
}

// readSettings asks the user's go command, which also reads the user's go env file. Like all settings of this machine they hold for as long as
// this process runs.
func (c *Command) readSettings() (*settings, error) {
	program, err := c.find()
	if err != nil {
		return nil, err
	}
	env := append(append([]string{}, c.environ...), "GOWORK=off", "GOFLAGS=", "GOTOOLCHAIN=local", "GO111MODULE=on")
	args := []string{"env", "-json", "GOROOT", "GOVERSION", "GOPROXY", "GONOPROXY", "GOPRIVATE", "GOSUMDB", "GONOSUMDB", "GOINSECURE", "GOAUTH"}
	out, err := c.execute(context.Background(), execution{program: program, args: args, dir: os.TempDir(), env: env, limit: c.Limits.Offline})
	if err != nil {
		return nil, fmt.Errorf("cannot ask the go command for its settings: %w", err)
	}
	s := &settings{}
	if err := json.Unmarshal(out, s); err != nil {
		return nil, fmt.Errorf("cannot read the settings of the go command %s: %w", program, err)
	}
	if !lockfile.IsRelease(s.GoVersion) {
		return nil, fmt.Errorf("the go command %s is of version %q, which is no release: builds are pinned to releases, so install one", program, s.GoVersion)
	}
	return s, nil
}

// environment returns the whole environment of a run.
func (c *Command) environment(task Task) ([]string, error) {
	env := []string{
		"GOPATH=" + filepath.Join(c.dir, "path"),
		"GOMODCACHE=" + filepath.Join(c.dir, "modules"),
		"GOCACHE=" + filepath.Join(c.dir, "build"),
		// What a user's environment or go env file could set, and what is downloaded can be removed again.
		"GOENV=off", "GOFLAGS=-modcacherw", "GOWORK=off", "GO111MODULE=on", "GOTELEMETRY=off", "LC_ALL=C",
		// No program but Go's own is run, so nothing can be fetched by a version control system, and no C is compiled.
		"CGO_ENABLED=0", "GOVCS=*:off",
		// The instruction sets that every processor of a platform has.
		"GOOS=linux", "GOAMD64=v1", "GOARM64=v8.0",
	}
	if !task.Network {
		return append(env, "GOPROXY=off", "GOSUMDB=off", "HOME="+c.dir), nil
	}
	s, err := c.settings()
	if err != nil {
		return nil, err
	}
	proxy, err := proxies(s.Proxy)
	if err != nil {
		return nil, err
	}
	env = append(env, "GOPROXY="+proxy, "GONOPROXY="+s.NoProxy, "GOPRIVATE="+s.Private, "GOSUMDB="+s.SumDB, "GONOSUMDB="+s.NoSumDB,
		"GOINSECURE="+s.Insecure, "GOAUTH="+s.Credential)
	for _, name := range []string{
		"HOME", "PATH", "NETRC", "SSL_CERT_FILE", "SSL_CERT_DIR", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
	} {
		if value := c.variable(name); value != "" {
			env = append(env, name+"="+value)
		}
	}
	return env, nil
}

// proxies returns the module proxies of a GOPROXY list. Fetching a module from its own repository is left out: that would ask whichever host a
// module's path names.
func proxies(list string) (string, error) {
	var kept strings.Builder
	separator := ""
	for rest := list; rest != ""; {
		end := strings.IndexAny(rest, ",|")
		one, next, tail := rest, "", ""
		if end >= 0 {
			one, next, tail = rest[:end], rest[end:end+1], rest[end+1:]
		}
		rest = tail
		if one = strings.TrimSpace(one); one == "direct" || one == "" {
			continue
		}
		if one == "off" {
			break
		}
		kept.WriteString(separator + one)
		separator = next
	}
	if kept.Len() == 0 {
		return "", errors.New("modules are fetched from a module proxy only, and GOPROXY names none: set one with go env -w GOPROXY=URL")
	}
	return kept.String(), nil
}
