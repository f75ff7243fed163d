package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"

	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/fetch"
	"github.com/slipway-dev/slipway/internal/kind/npm"
	"github.com/slipway-dev/slipway/internal/kind/npm/npmrc"
	"github.com/slipway-dev/slipway/internal/sign"
)

// ready is a catalog whose base is locked and whose entries have all their files, made once by catalogctl itself, and a key pair: making one
// takes long on purpose.
var ready struct {
	sync.Once
	dir string
	err error
}

// copyReady lays out the ready catalog in dir with some of its entries.
func copyReady(runsc, dir string, names ...string) error {
	ready.Do(func() { ready.dir, ready.err = makeReady(environ(runsc, temp, sharedCache(), temp)) })
	if ready.err != nil {
		return ready.err
	}
	for _, part := range []string{"catalog/catalog.cue", "catalog/bases", "dist/keys"} {
		if err := copyTree(filepath.Join(ready.dir, part), filepath.Join(dir, part)); err != nil {
			return err
		}
	}
	for _, name := range names {
		part := filepath.Join("catalog", "npx", name)
		if err := copyTree(filepath.Join(ready.dir, part), filepath.Join(dir, part)); err != nil {
			return err
		}
	}
	return nil
}

func makeReady(environ []string) (string, error) {
	dir, err := os.MkdirTemp(temp, "ready")
	if err != nil {
		return "", err
	}
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "catalog"))); err != nil {
		return "", err
	}
	if err := world.WriteBase(dir, "tiny"); err != nil {
		return "", err
	}
	for _, args := range [][]string{{"lock", "--base", "tiny"}, {"lock"}, {"inspect", "time", "weather"}} {
		cmd := exec.CommandContext(context.Background(), "catalogctl", args...)
		cmd.Dir, cmd.Env = dir, environ
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("catalogctl %v: %w\n%s", args, err, out)
		}
	}
	_, _, err = sign.Local(filepath.Join(dir, "dist", "keys"), nil)
	return dir, err
}

// copyTree copies a file or a folder.
func copyTree(from, to string) error {
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	if info.IsDir() {
		return os.CopyFS(to, os.DirFS(from))
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, text, 0o644)
}

const entryText = `package entry

import "github.com/slipway-dev/slipway/schema"

schema.#NPX

name:        %[1]q
title:       %[1]q
description: "A server that is made for tests"
publisher: name: "Tiny"
license: "MIT"

package: {
	name:    %[2]q
	version: %[3]q
}
base: "tiny"
`

// addEntry writes an entry with its lock into a catalog.
func addEntry(root, name, pkg, version string) error {
	dir := filepath.Join(root, "catalog", "npx", name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "entry.cue"), fmt.Appendf(nil, entryText, name, pkg, version), 0o644); err != nil {
		return err
	}
	config, err := npmrc.Load(npmrc.Sources{Environ: world.Environ()})
	if err != nil {
		return err
	}
	e := entry.Entry{Kind: entry.NPX, Name: name, Package: &entry.Package{Name: pkg, Version: version}}
	files, err := npm.New(fetch.New(temp, nil), npm.NewArchives(filepath.Join(temp, "archives")), config, world.RunNPM).Lock(context.Background(), e, nil)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, npm.LockFile), files[npm.LockFile], 0o644)
}
