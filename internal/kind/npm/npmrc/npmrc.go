// Package npmrc finds out which npm registry the user has configured, and which credentials belong to it.
//
// It reads what npm itself reads: environment variables npm_config_*, the .npmrc files of the project, the user and the machine, in this
// order of precedence (npm documentation, "npmrc" and "config"). It knows no registry of its own: where none of these names one, npm is
// asked.
package npmrc

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
)

// Sources are the places where a user's configuration is found.
type Sources struct {
	// Project is the folder whose .npmrc counts for everything inside it; empty means that there is none.
	Project string
	// Home is the user's home folder, whose .npmrc counts unless the environment names another file; empty means that there is none.
	Home string
	// Prefix is where npm is installed: its configuration for the whole machine is etc/npmrc below it. Empty means unknown.
	Prefix string
	// Environ is the environment as NAME=value, as os.Environ returns it.
	Environ []string
	// Ask returns npm's own answer for a setting; it is called at most once, and only where no file and no variable names a registry. Nil
	// means that there is no npm to ask.
	Ask func(ctx context.Context, setting string) (string, error)
}

// Config is one user's registries and credentials. It may be used by many goroutines at once.
type Config struct {
	settings map[string]string // by npm's name of the setting
	ask      func(ctx context.Context, setting string) (string, error)

	mutex sync.Mutex
	asked *url.URL
}

// Registry returns the address of the registry that serves a package, ending in a slash: that of the package's scope if one is set for it,
// else the one for everything.
func (c *Config) Registry(ctx context.Context, packageName string) (*url.URL, error) {
	if scope, _, ok := strings.Cut(packageName, "/"); ok && strings.HasPrefix(scope, "@") {
		if address := c.settings[scope+":registry"]; address != "" {
			return parseRegistry(scope+":registry", address)
		}
	}
	if address := c.settings["registry"]; address != "" {
		return parseRegistry("registry", address)
	}
	return c.askRegistry(ctx)
}

// Environment returns the configuration as variables for an npm process that sees none of the user's files. It holds credentials.
func (c *Config) Environment(ctx context.Context) ([]string, error) {
	registry, err := c.Registry(ctx, "")
	if err != nil {
		return nil, err
	}
	environment := []string{"npm_config_registry=" + registry.String()}
	for setting, value := range c.settings {
		if strings.HasPrefix(setting, "//") || strings.HasPrefix(setting, "@") && strings.HasSuffix(setting, ":registry") {
			environment = append(environment, "npm_config_"+setting+"="+value)
		}
	}
	slices.Sort(environment)
	return environment, nil
}

func (c *Config) askRegistry(ctx context.Context) (*url.URL, error) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.asked != nil {
		return c.asked, nil
	}
	const advice = `write "registry=" and its address into ~/.npmrc, or set the environment variable npm_config_registry`
	if c.ask == nil {
		return nil, fmt.Errorf("no npm registry is configured, and there is no npm that could name its own: %s", advice)
	}
	address, err := c.ask(ctx, "registry")
	if err != nil {
		return nil, fmt.Errorf("no npm registry is configured, and npm could not name its own (%w): %s", err, advice)
	}
	registry, err := parseRegistry("registry", strings.TrimSpace(address))
	if err != nil {
		return nil, err
	}
	c.asked = registry
	return registry, nil
}

func parseRegistry(setting, address string) (*url.URL, error) {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return nil, fmt.Errorf("the npm setting %s is not an http or https address: correct it in .npmrc or in the environment", setting)
	case u.User != nil:
		return nil, fmt.Errorf("the npm setting %s holds a user name: write the credentials as //%s/:_authToken or _auth instead", setting, u.Host)
	case u.RawQuery != "" || u.Fragment != "":
		return nil, fmt.Errorf("the npm setting %s holds a query or a fragment: a registry's address ends with its path", setting)
	}
	if !strings.HasSuffix(u.Path, "/") {
		u.Path += "/"
	}
	return u, nil
}
