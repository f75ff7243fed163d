package npmrc

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"gopkg.in/ini.v1"

	"github.com/slipway-dev/slipway/internal/bounded"
)

// maxFile bounds one .npmrc; real ones have some hundred bytes.
const maxFile = 1 << 20

// Load reads the configuration. A file that is not there is no error; one that cannot be read is.
func Load(s Sources) (*Config, error) {
	env := make(map[string]string, len(s.Environ))
	for _, variable := range s.Environ {
		name, value, _ := strings.Cut(variable, "=")
		env[name] = value
	}
	c := &Config{settings: fromEnvironment(env), ask: s.Ask}

	// Each file may say where the next one lies, so their order is that of npm.
	var project, user string
	if s.Project != "" {
		project = filepath.Join(s.Project, ".npmrc")
		if err := c.readFile(project, env); err != nil {
			return nil, err
		}
	}
	if user = c.path("userconfig", s.Home); user == "" && s.Home != "" {
		user = filepath.Join(s.Home, ".npmrc")
	}
	if user != "" && user != project {
		if err := c.readFile(user, env); err != nil {
			return nil, err
		}
	}
	if global := c.globalFile(s, env); global != "" {
		if err := c.readFile(global, env); err != nil {
			return nil, err
		}
	}
	return c, c.checkCredentials()
}

func (c *Config) globalFile(s Sources, env map[string]string) string {
	if file := c.path("globalconfig", s.Home); file != "" {
		return file
	}
	for _, set := range []string{c.path("prefix", s.Home), env["PREFIX"], s.Prefix} {
		if set != "" {
			return filepath.Join(set, "etc", "npmrc")
		}
	}
	return ""
}

// path returns a setting that is a path, which may begin with the home folder's tilde.
func (c *Config) path(setting, home string) string {
	value := c.settings[setting]
	if rest, ok := strings.CutPrefix(value, "~/"); ok && home != "" {
		return filepath.Join(home, rest)
	}
	return value
}

// readFile adds the settings of one file that nothing before it has set.
func (c *Config) readFile(name string, env map[string]string) error {
	data, err := readBounded(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("cannot read the npm configuration: %w", err)
	}
	settings, err := parse(data, env)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	for setting, value := range settings {
		if _, set := c.settings[setting]; !set {
			c.settings[setting] = value
		}
	}
	return nil
}

func readBounded(name string) ([]byte, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() && name != os.DevNull {
		return nil, fmt.Errorf("%s is not a regular file", name)
	}
	data, err := bounded.Read(file, maxFile)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return data, nil
}

// parse reads one .npmrc. Sections and settings that are no text, such as lists, are left out: none of them concerns a registry.
func parse(data []byte, env map[string]string) (map[string]string, error) {
	file, err := ini.LoadSources(ini.LoadOptions{
		KeyValueDelimiters:          "=", // a colon is part of npm's names
		AllowBooleanKeys:            true,
		AllowShadows:                true, // a repeated setting is none of our errors
		IgnoreContinuation:          true,
		SkipUnrecognizableLines:     true,
		UnescapeValueDoubleQuotes:   true,
		UnescapeValueCommentSymbols: true,
	}, data)
	if err != nil {
		return nil, fmt.Errorf("is not an npmrc file: %w", err)
	}
	settings := map[string]string{}
	for _, key := range file.Section(ini.DefaultSection).Keys() {
		values := key.ValueWithShadows()
		if len(values) == 0 {
			continue
		}
		settings[expand(key.Name(), env)] = expand(values[len(values)-1], env)
	}
	return settings, nil
}

// fromEnvironment reads npm_config_ variables. Their names are those of the settings in any case, with _ for -, save in those that begin
// with the address of a registry.
func fromEnvironment(env map[string]string) map[string]string {
	settings := map[string]string{}
	for name, value := range env {
		const prefix = "npm_config_"
		if len(name) <= len(prefix) || !strings.EqualFold(name[:len(prefix)], prefix) || value == "" {
			continue
		}
		setting := name[len(prefix):]
		if !strings.HasPrefix(setting, "//") {
			setting = strings.ToLower(setting[:1] + strings.ReplaceAll(setting[1:], "_", "-"))
		}
		// Where both cases are set, the lower one wins whatever the order of the environment.
		if _, set := settings[setting]; !set || strings.HasPrefix(name, prefix) {
			settings[setting] = expand(value, env)
		}
	}
	return settings
}

var reference = regexp.MustCompile(`(\\*)\$\{([^${}?]+)(\??)\}`)

// expand replaces ${NAME} by the variable's value, and ${NAME?} by nothing where it is not set. A backslash before it keeps it as it is; a
// reference to what is not set stays, too, so that npm and we fail alike.
func expand(value string, env map[string]string) string {
	return reference.ReplaceAllStringFunc(value, func(found string) string {
		part := reference.FindStringSubmatch(found)
		slashes, name, optional := part[1], part[2], part[3] != ""
		if len(slashes)%2 == 1 {
			return found[(len(slashes)+1)/2:]
		}
		replacement, set := env[name]
		if !set && !optional {
			replacement = "${" + name + "}"
		}
		return slashes[len(slashes)/2:] + replacement
	})
}
