package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
)

// manifest is a package.json, or what the registry says of a version.
type manifest struct {
	Name         string            `json:"name"`
	Version      string            `json:"version"`
	License      string            `json:"license"`
	Dependencies map[string]string `json:"dependencies"`
	Overrides    map[string]string `json:"overrides"`
	Bin          map[string]string `json:"bin"`
	Scripts      map[string]string `json:"scripts"`
	Dist         struct {
		Integrity string `json:"integrity"`
	} `json:"dist"`
}

// locked is a package in a lock of format 3.
type locked struct {
	Name             string            `json:"name,omitempty"`
	Version          string            `json:"version"`
	Integrity        string            `json:"integrity,omitempty"`
	License          string            `json:"license,omitempty"`
	HasInstallScript bool              `json:"hasInstallScript,omitempty"`
	Dependencies     map[string]string `json:"dependencies,omitempty"`
	Bin              map[string]string `json:"bin,omitempty"`
}

// resolver places packages, all of them wanted at exact versions.
type resolver struct {
	registry  string
	overrides map[string]string
	packages  map[string]*locked // by path
}

// resolve writes the lock for a project.
func resolve(project, lock string) error {
	text, err := os.ReadFile(project)
	if err != nil {
		return err
	}
	var top manifest
	if err := json.Unmarshal(text, &top); err != nil {
		return fmt.Errorf("%s: %w", project, err)
	}
	r := &resolver{registry: os.Getenv("npm_config_registry"), overrides: top.Overrides, packages: map[string]*locked{
		"": {Name: top.Name, Version: top.Version, Dependencies: top.Dependencies},
	}}
	if err := r.place("", top.Dependencies); err != nil {
		return err
	}
	out, err := json.MarshalIndent(map[string]any{
		"name": top.Name, "version": top.Version, "lockfileVersion": 3, "requires": true, "packages": r.packages,
	}, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(lock, append(out, '\n'), 0o644)
}

// place puts what the package at path depends on as high as it can go, before what depends on that in turn.
func (r *resolver) place(path string, wanted map[string]string) error {
	var placed []string
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		version := wanted[name]
		if forced := r.overrides[name]; forced != "" {
			version = forced
		}
		at := "node_modules/" + name
		if there := r.packages[at]; there != nil && there.Version != version {
			at = strings.TrimPrefix(path+"/"+at, "/")
		}
		if r.packages[at] != nil {
			continue
		}
		m, err := r.ask(name, version)
		if err != nil {
			return err
		}
		r.packages[at] = &locked{
			Version: m.Version, Integrity: m.Dist.Integrity, License: m.License, Dependencies: m.Dependencies, Bin: m.Bin,
			HasInstallScript: m.Scripts["install"] != "" || m.Scripts["postinstall"] != "",
		}
		placed = append(placed, at)
	}
	for _, at := range placed {
		if err := r.place(at, r.packages[at].Dependencies); err != nil {
			return err
		}
	}
	return nil
}

func (r *resolver) ask(name, version string) (m manifest, err error) {
	response, err := http.Get(strings.TrimSuffix(r.registry, "/") + "/" + url.PathEscape(name) + "/" + version)
	if err != nil {
		return m, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return m, fmt.Errorf("%s@%s: %s", name, version, response.Status)
	}
	return m, json.NewDecoder(response.Body).Decode(&m)
}
