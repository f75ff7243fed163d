//go:build e2e && dagger

package e2e

import (
	"encoding/json"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	ggcr "github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// TestDaggerTakesEveryKind takes one entry of each kind that is built to the gate, and wants the digest that was published.
func TestDaggerTakesEveryKind(t *testing.T) {
	p := newPipelines(t, "")
	for entry, folder := range map[string]string{
		"npx/memory": "catalog/npx/memory", "uvx/time": "catalog/uvx/time", "go/go-sdk-memory": "catalog/go/go-sdk-memory", "skill/write-a-waiver": "skills/write-a-waiver",
	} {
		t.Run(entry, func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join("..", filepath.FromSlash(folder), "release.json"))
			if err != nil {
				t.Fatal(err)
			}
			var record struct{ Digest string }
			if err := json.Unmarshal(text, &record); err != nil {
				t.Fatal(err)
			}
			if digest, _ := p.run(t, p.step(entry, "digest")...); digest != record.Digest {
				t.Errorf("an engine builds %s, release.json says %s", digest, record.Digest)
			}
			if verdict, _ := p.run(t, p.step(entry, "gate")...); !strings.Contains(verdict, entry+"  pass") || !strings.Contains(verdict, record.Digest) {
				t.Errorf("the gate says %s", verdict)
			}
		})
	}
}

// imageOfOthers drafts an entry, container/memory, for an image in a registry that only this machine reaches, and returns catalogctl for the catalog
// with it. The registry's name has no address: this machine reaches it as it would through a proxy.
func imageOfOthers(t *testing.T, root string) (catalogctl client, host, address string) {
	t.Helper()
	catalogctl = newCommand(t, "..")
	built := t.TempDir()
	catalogctl.run(t, "-q", "--out", built, "build", "npx/memory")

	upstream := httptest.NewServer(ggcr.New(ggcr.WithReferrersSupport(true), ggcr.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(upstream.Close)
	address = upstream.Listener.Addr().String()
	ref, err := name.NewTag(address + "/owner/memory:1.0.0")
	if err != nil {
		t.Fatal(err)
	}
	index, err := layout.ImageIndexFromPath(filepath.Join(built, "npx", "memory"))
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	if index, err = index.ImageIndex(manifest.Manifests[0].Digest); err != nil {
		t.Fatal(err)
	}
	if err := remote.WriteIndex(ref, index); err != nil {
		t.Fatal(err)
	}
	host = "registry.localhost:" + address[strings.LastIndexByte(address, ':')+1:]
	catalogctl.dir, catalogctl.env = root, append(catalogctl.env, "HTTP_PROXY=http://"+address)
	catalogctl.run(t, "-q", "new", "container", host+"/owner/memory:1.0.0")
	return catalogctl, host, address
}

// TestDaggerLooksIntoImagesOfOthers takes an image in a registry that only the caller reaches to the gate.
func TestDaggerLooksIntoImagesOfOthers(t *testing.T) {
	root := t.TempDir()
	put(t, root, "catalog/catalog.cue", settings)
	catalogctl, host, address := imageOfOthers(t, root)
	here := parse(t, catalogctl.run(t, "-q", "--json", "release", "--dry-run", "memory"))
	p := newPipelines(t, root)
	p.given = append(p.given, "--image-host", host, "--images", "tcp://"+address)
	there, _ := p.run(t, p.step("container/memory", "gate")...)
	if here.Verdict != "pass" || !strings.Contains(there, "container/memory  pass") || !strings.Contains(there, here.Digest) {
		t.Errorf("here: %+v\nthere: %s", here, there)
	}
	sbom, _ := p.run(t, p.step("container/memory", "sbom", "entries")...)
	if !strings.Contains(sbom, "sbom-linux-amd64.spdx.json") {
		t.Errorf("SBOMs: %s", sbom)
	}
}

// TestDaggerEnginesReleaseEveryKind releases an entry of each kind that is published, on an engine and here, and wants the same of both.
func TestDaggerEnginesReleaseEveryKind(t *testing.T) {
	module, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	root := scratch(t, "npx/sequential-thinking", "uvx/time", "go/go-sdk-memory")
	if err := os.CopyFS(filepath.Join(root, "skills", "write-a-waiver"), os.DirFS("../skills/write-a-waiver")); err != nil {
		t.Fatal(err)
	}
	catalogctl, _, _ := imageOfOthers(t, root)
	release := func(args ...string) map[string]released {
		t.Helper()
		all := map[string]released{}
		for line := range strings.Lines(catalogctl.run(t, append([]string{"-q", "--json", "release", "--all"}, args...)...)) {
			r := parse(t, line)
			r.Seconds = 0
			all[r.Kind+"/"+r.Name] = r
		}
		return all
	}
	there := release("--engine", os.Getenv("_EXPERIMENTAL_DAGGER_RUNNER_HOST"), "--module", module)
	here := release("--out", t.TempDir())
	if diff := cmp.Diff(here, there); diff != "" || len(there) != 5 {
		t.Errorf("%d released; here (-) and there (+):\n%s", len(there), diff)
	}
	for id, r := range there {
		if r.Verdict != "pass" {
			t.Errorf("%s: %+v", id, r)
		}
		if out := catalogctl.run(t, "verify", "localhost:7547/"+id+"@"+r.Digest); !strings.Contains(out, "as "+id) {
			t.Errorf("verify says %s", out)
		}
	}
}

// TestDaggerSaysWhyAServerCannotBeAsked names a server where none may be asked, and wants the engine to say what this machine says.
func TestDaggerSaysWhyAServerCannotBeAsked(t *testing.T) {
	root := t.TempDir()
	put(t, root, "catalog/catalog.cue", settings)
	put(t, root, "catalog/remote/inside/entry.cue", `package entry

import "github.com/slipway-dev/slipway/schema"

schema.#Remote

name:        "inside"
title:       "Inside"
description: "Answers from inside the network."
publisher: {
	name: "Example"
	url:  "https://example.com"
}
remote: url:     "https://inside.localhost/mcp"
transport: type: "streamable-http"
`)
	out, err := newCommand(t, root).try(t, "-q", "release", "--dry-run", "inside")
	if err == nil || !strings.Contains(out, "inside.localhost") {
		t.Fatalf("%v\n%s", err, out)
	}
	p := newPipelines(t, root)
	for _, step := range []string{"gate", "inspect", "scan"} {
		_, progress, err := p.call(t, p.step("remote/inside", step)...)
		if err == nil || !strings.Contains(progress, strings.TrimSpace(out)) {
			t.Errorf("here: %s\nthere, %s: %v\n%s", out, step, err, progress)
		}
	}
	module, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	there, err := newCommand(t, root).try(t, "-q", "release", "inside", "--engine", os.Getenv("_EXPERIMENTAL_DAGGER_RUNNER_HOST"), "--module", module)
	if err == nil || there != out {
		t.Errorf("here: %s\nreleased there: %v\n%s", out, err, there)
	}
}

// TestDaggerScansApartFromTheKey releases an entry of a catalog that requires osv-scanner. The stage that holds the key has no such command, so what it
// signs was found out before.
func TestDaggerScansApartFromTheKey(t *testing.T) {
	const entry = "npx/sequential-thinking"
	root := scratch(t, entry)
	put(t, root, "catalog/catalog.cue", settings+"scanners: [\"slipway\", \"osv-scanner\"]\n")
	pipelines := func(known map[string]string) pipelines {
		p := newPipelines(t, root)
		p.given = append(p.given, "--osv-scanner", newClient(t, "osv-scanner").path, "--vulnerabilities", advisories(t, known))
		return p
	}
	known := map[string]string{"npm": "@modelcontextprotocol/sdk", "Debian:13": "glibc"}
	p := pipelines(known)
	if _, progress, err := p.call(t, p.step(entry, "gate")...); err == nil || !strings.Contains(progress, "EXAMPLE-Debian") {
		t.Errorf("the gate opens: %v\n%s", err, progress)
	}
	exported := t.TempDir()
	known = map[string]string{"npm": "another", "Debian:13": "another"}
	p = pipelines(known)
	p.run(t, p.step(entry, "release", "export", "--path", exported)...)
	verdict, err := os.ReadFile(filepath.Join(exported, "dist", "reports", entry, "verdict.json"))
	if err != nil || !strings.Contains(string(verdict), `"scanner": "osv-scanner"`) || !strings.Contains(string(verdict), `"version": "2.5.1"`) {
		t.Errorf("%v: %s", err, verdict)
	}
}
