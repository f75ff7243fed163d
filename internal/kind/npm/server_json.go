package npm

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/slipway-dev/slipway/internal/unpack"
)

// serverJSON is what is read of a server.json, the description of a server in the MCP registry's format (schema 2025-12-11, and those before
// it as far as they agree).
type serverJSON struct {
	Title       string          `json:"title"`
	Description string          `json:"description"`
	Packages    []serverPackage `json:"packages"`
}

type serverPackage struct {
	RegistryType string `json:"registryType"`
	Identifier   string `json:"identifier"`
	Transport    struct {
		Type string `json:"type"`
	} `json:"transport"`
	Environment []struct {
		Name        string `json:"name"`
		Description string `json:"description"`
		IsRequired  bool   `json:"isRequired"`
		IsSecret    bool   `json:"isSecret"`
		Default     string `json:"default"`
	} `json:"environmentVariables"`
	Arguments []struct {
		Name       string `json:"name"`
		ValueHint  string `json:"valueHint"`
		IsRequired bool   `json:"isRequired"`
	} `json:"packageArguments"`
}

// packageOf returns the description of the server as this npm package: the one that speaks over stdio, where there are several.
func (s *serverJSON) packageOf(name string) *serverPackage {
	var found *serverPackage
	for i := range s.Packages {
		p := &s.Packages[i]
		if p.RegistryType == "npm" && p.Identifier == name && (found == nil || p.Transport.Type == "stdio") {
			found = p
		}
	}
	return found
}

// readSaid reads package.json and, if there is one that can be read, server.json.
func readSaid(ctx context.Context, a *archive, name string) (*said, error) {
	s := &said{license: a.parts[""].Manifest.License}
	err := walk(ctx, a.file, func(f unpack.File, r io.Reader) error {
		if f.Path != "package.json" && f.Path != "server.json" {
			return nil
		}
		data, err := io.ReadAll(io.LimitReader(r, maxManifest))
		if err != nil {
			return err
		}
		if f.Path == "package.json" {
			s.pkg, err = parseFields(data)
			return err
		}
		var server serverJSON
		if json.Unmarshal(data, &server) == nil && server.packageOf(name) != nil {
			s.server = &server
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("cannot read what it says of itself: %w", err)
	}
	return s, nil
}
