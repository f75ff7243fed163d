package pipconf

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"gopkg.in/ini.v1"

	"github.com/slipway-dev/slipway/internal/bounded"
)

// maxFile bounds one file of configuration; real ones have some hundred bytes.
const maxFile = 1 << 20

// Load reads the configuration. A file that is not there is no error; one that cannot be read is.
func Load(s Sources) (*Config, error) {
	env := make(map[string]string, len(s.Environ))
	for _, variable := range s.Environ {
		name, value, _ := strings.Cut(variable, "=")
		env[name] = value
	}
	c := &Config{ask: s.Ask}
	for _, name := range []string{"UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL"} {
		if value := strings.TrimSpace(env[name]); value != "" {
			if before, after, named := strings.Cut(value, "="); named && !strings.Contains(before, "/") {
				value = after // uv lets an index have a name
			}
			c.setting, c.address = "the environment variable "+name, value
			return c, nil
		}
	}
	for _, file := range s.files(env) {
		address, err := file.read(file.name)
		if err != nil {
			return nil, err
		}
		if address != "" {
			c.setting, c.address = "the index in "+file.name, address
			return c, nil
		}
	}
	return c, nil
}

// file is a file of configuration and the way to read the index from it.
type file struct {
	name string
	read func(name string) (address string, err error)
}

// files returns the files that may name the index, the most important first.
func (s Sources) files(env map[string]string) []file {
	var all []file
	add := func(read func(string) (string, error), parts ...string) {
		if parts[0] != "" {
			all = append(all, file{filepath.Join(parts...), read})
		}
	}
	config := env["XDG_CONFIG_HOME"]
	if config == "" && s.Home != "" {
		config = filepath.Join(s.Home, ".config")
	}
	switch {
	case env["UV_CONFIG_FILE"] != "":
		add(fromUV, env["UV_CONFIG_FILE"])
	case env["UV_NO_CONFIG"] == "":
		add(fromUV, s.Project, "uv.toml")
		add(fromUV, config, "uv", "uv.toml")
		add(fromUV, s.System, "xdg", "uv", "uv.toml")
		add(fromUV, s.System, "uv", "uv.toml")
	}
	if env["PIP_CONFIG_FILE"] == os.DevNull {
		return all
	}
	add(fromPip, env["PIP_CONFIG_FILE"])
	add(fromPip, env["VIRTUAL_ENV"], "pip.conf")
	add(fromPip, config, "pip", "pip.conf")
	add(fromPip, s.Home, ".pip", "pip.conf")
	add(fromPip, s.System, "pip.conf")
	add(fromPip, s.System, "xdg", "pip", "pip.conf")
	return all
}

// fromUV reads a uv.toml: the index that is the default, index-url, or that of the table pip.
func fromUV(name string) (string, error) {
	data, err := read(name)
	if err != nil || data == nil {
		return "", err
	}
	var settings struct {
		Index []struct {
			URL     string `toml:"url"`
			Default bool   `toml:"default"`
		} `toml:"index"`
		IndexURL string `toml:"index-url"`
		Pip      struct {
			IndexURL string `toml:"index-url"`
		} `toml:"pip"`
	}
	if err := toml.Unmarshal(data, &settings); err != nil {
		return "", fmt.Errorf("%s is not a configuration of uv: %w", name, err)
	}
	for _, index := range settings.Index {
		if index.Default {
			return index.URL, nil
		}
	}
	if settings.IndexURL != "" {
		return settings.IndexURL, nil
	}
	return settings.Pip.IndexURL, nil
}

// fromPip reads a pip.conf. The section of a command counts more than the one for all.
func fromPip(name string) (string, error) {
	data, err := read(name)
	if err != nil || data == nil {
		return "", err
	}
	file, err := ini.LoadSources(ini.LoadOptions{
		AllowPythonMultilineValues: true, IgnoreInlineComment: true, SkipUnrecognizableLines: true, AllowShadows: true,
	}, data)
	if err != nil {
		return "", fmt.Errorf("%s is not a configuration of pip: %w", name, err)
	}
	for _, section := range []string{"install", "global"} {
		for _, key := range []string{"index-url", "index_url", "i"} {
			if value := strings.TrimSpace(file.Section(section).Key(key).String()); value != "" {
				return value, nil
			}
		}
	}
	return "", nil
}

// read returns the content of a file, and nothing if there is none of that name.
func read(name string) ([]byte, error) {
	data, err := bounded.File(os.DirFS(filepath.Dir(name)), filepath.Base(name), maxFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the configuration of the Python package index: %w", err)
	}
	return data, nil
}
