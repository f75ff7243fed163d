//go:build e2e

package e2e

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/catalog"
	"github.com/slipway-dev/slipway/internal/publication"
	"github.com/slipway-dev/slipway/internal/record"
)

// TestToolHiveReadsTheCatalog lets thv list, search and describe the servers of a generated registry.json. Nothing is asked of the network,
// nor of a container runtime.
func TestToolHiveReadsTheCatalog(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	put(t, root, "catalog/catalog.cue", `package catalog

import "github.com/slipway-dev/slipway/schema"

schema.#Catalog
namespace: "com.example"
images:    "registry.example.com/catalog"
views: all: {}
`)
	for _, name := range []string{"almanac", "barometer", "unreleased"} {
		put(t, root, "catalog/npx/"+name+"/entry.cue", `package entry

import "github.com/slipway-dev/slipway/schema"

schema.#NPX
name:        "`+name+`"
title:       "The `+name+`"
description: "Tells what the `+name+` says"
publisher: name: "Example"
license: "MIT"
tags: ["weather"]
package: {name: "`+name+`-server", version: "1.2.3"}
env: [{name: "API_KEY", description: "Key of the station", required: true, secret: true}]
permissions: network: outbound: [{host: "api.example.com"}]
`)
	}
	digest := "sha256:" + strings.Repeat("a", 64)
	released := record.Record{
		Version: "1.2.3", Tag: "1.2.3", Digest: digest, Released: time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC),
		Platforms: []record.Platform{{Platform: "linux/amd64", Digest: digest, Size: 1}},
	}
	text, err := released.Encode()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"almanac", "barometer"} {
		put(t, root, "catalog/npx/"+name+"/"+record.File, string(text))
		put(t, root, "catalog/npx/"+name+"/tools.json", `{"server":{"name":"`+name+`","version":"1"},"protocolVersions":["2025-11-25"],
"tools":[{"name":"read-`+name+`","description":"Reads it","inputSchema":{"type":"object"}}]}`)
	}
	c, err := catalog.Load(t.Context(), root, catalog.Options{})
	if err != nil {
		t.Fatal(err)
	}
	published, err := publication.Collect(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	tree, err := publication.Generate(c.Settings, published)
	if err != nil {
		t.Fatal(err)
	}
	registries := t.TempDir()
	if _, err := tree.Write(registries); err != nil {
		t.Fatal(err)
	}

	thv := newClient(t, "thv")
	thv.env = []string{"TOOLHIVE_SKIP_UPDATE_CHECK=true", "XDG_CONFIG_HOME=" + thv.home, "XDG_DATA_HOME=" + thv.home, "XDG_CACHE_HOME=" + thv.home, "XDG_STATE_HOME=" + thv.home}
	put(t, thv.home, "toolhive/config.yaml", "local_registry_path: "+filepath.Join(registries, "all", "registry.json")+"\n")

	if out := thv.run(t, "registry", "list"); !strings.Contains(out, "almanac") || !strings.Contains(out, "barometer") || strings.Contains(out, "unreleased") {
		t.Errorf("list:\n%s", out)
	}
	var servers []struct {
		Name, Image, Status, Tier string
		Tools                     []string
		Permissions               struct {
			Network struct {
				Outbound struct {
					AllowHost []string `json:"allow_host"`
					AllowPort []int    `json:"allow_port"`
				}
			}
		}
	}
	out := thv.run(t, "registry", "list", "--format", "json")
	if err := json.Unmarshal([]byte(out), &servers); err != nil || len(servers) != 2 {
		t.Fatalf("list as JSON: %v\n%s", err, out)
	}
	first := servers[0]
	if want := "registry.example.com/catalog/npx/almanac:1.2.3@" + digest; first.Name != "com.example/almanac" || first.Image != want {
		t.Errorf("%s is %s, want %s", first.Name, first.Image, want)
	}
	if first.Status != "Active" || first.Tier != "Community" || len(first.Tools) != 1 || first.Tools[0] != "read-almanac" {
		t.Errorf("not as generated: %+v", first)
	}
	if network := first.Permissions.Network.Outbound; len(network.AllowHost) != 1 || network.AllowHost[0] != "api.example.com" || network.AllowPort[0] != 443 {
		t.Errorf("permissions: %+v", network)
	}
	if out := thv.run(t, "registry", "info", "almanac"); !strings.Contains(out, digest) || !strings.Contains(out, "API_KEY") {
		t.Errorf("info:\n%s", out)
	}
	if out := thv.run(t, "search", "barometer"); !strings.Contains(out, "com.example/barometer") || strings.Contains(out, "almanac") {
		t.Errorf("search:\n%s", out)
	}
	if out, err := thv.try(t, "registry", "info", "unreleased"); err == nil {
		t.Errorf("it knows an entry that was never released:\n%s", out)
	}
}
