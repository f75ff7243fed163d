package catalog

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"testing"
)

const settingsSource = `package catalog

import "github.com/slipway-dev/slipway/schema"

schema.#Catalog

namespace: "com.example"
images:    "registry.example.com/catalog"

views: all: {}
`

// generate writes a catalog of n valid npx entries whose names are far apart, in a new folder.
func generate(tb testing.TB, n int) string {
	tb.Helper()
	root := tb.TempDir()
	write(tb, root, SettingsFile, settingsSource)
	for i := range n {
		sum := sha256.Sum256(fmt.Appendf(nil, "entry %d", i))
		name := "n" + hex.EncodeToString(sum[:8])
		write(tb, root, "catalog/npx/"+name+"/entry.cue", fmt.Sprintf(`package entry

import "github.com/slipway-dev/slipway/schema"

schema.#NPX

name:        %[1]q
title:       "Server number %[2]d"
description: "Answers questions about things of the number %[2]d, as the model asks them"
publisher: {
	name: "Example %[2]d"
	url:  "https://example.com/%[2]d"
}
license: "MIT"
repository: {
	url:    "https://git.example.com/owner/%[1]s"
	commit: %[3]q
}
tags: ["search", "documentation", "tag-%[2]d"]

package: {
	name:    "@o%[1]s/server"
	version: "1.%[2]d.0"
}

args: ["--stdio"]
env: [
	{
		name:        "API_KEY"
		description: "Key of the account at example.com"
		required:    true
		secret:      true
	},
	{
		name:        "REGION"
		description: "Where the data lies"
		default:     "eu"
	},
]
permissions: network: outbound: [
	{host: "api.example.com"},
	{host: ".cdn.example.com", ports: [443, 8443]},
]
overrides: [{
	package: "left-pad"
	version: "1.3.0"
	reason:  "1.2.0 has a flaw that lets a caller exhaust memory"
}]
inspect: env: API_KEY: "mock"
`, name, i, hex.EncodeToString(sum[:20])))
	}
	return root
}

func write(tb testing.TB, root, name, content string) {
	tb.Helper()
	file := filepath.Join(root, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		tb.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
		tb.Fatal(err)
	}
}

func benchmarkLoad(b *testing.B, n int) {
	root := generate(b, n)
	defer debug.SetGCPercent(debug.SetGCPercent(400)) // as the command does: evaluating CUE makes much garbage and keeps little
	for b.Loop() {
		c, err := Load(b.Context(), root, Options{})
		if err != nil {
			b.Fatal(err)
		}
		if len(c.Items) != n {
			b.Fatalf("loaded %d entries", len(c.Items))
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/float64(n), "µs/entry")
}

func BenchmarkLoad100(b *testing.B)   { benchmarkLoad(b, 100) }
func BenchmarkLoad1000(b *testing.B)  { benchmarkLoad(b, 1000) }
func BenchmarkLoad10000(b *testing.B) { benchmarkLoad(b, 10_000) }
