package npm_test

import (
	"encoding/json"
	"io/fs"
	"testing"
	"testing/fstest"

	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/kind/npm"
)

// The server that most tests install: it has a nested version of a dependency, a bundled one, commands, and native code for two platforms.
func serverReleases() []release {
	native := func(cpu string) release {
		return release{manifest: object{"name": "native-" + cpu, "version": "1.0.0", "os": []string{"linux"}, "cpu": []string{cpu}, "license": "MIT"}}
	}
	return []release{
		{
			manifest: object{
				"name": "@corp/server", "version": "2.0.0", "license": object{"type": "Apache-2.0"}, "bin": "./dist/main.js",
				"dependencies":         object{"left": "^1.0.0", "shared": "^2.0.0", "bundler": "1.0.0"},
				"optionalDependencies": object{"native": "1.0.0", "windows": "1.0.0"},
			},
			files: []file{
				{name: "package/dist/main.js", content: "#!/usr/bin/env node\n"},
				{name: "package/.gitignore", content: "x\n"},
				{name: "package/script.sh", content: "echo\n", mode: 0o755},
				{name: "package/private.txt", content: "p\n", mode: 0o600},
				{name: "package/docs", kind: '5', mode: 0o755},
				{name: "package/link", kind: '2', link: "script.sh"},
			},
		},
		{
			manifest: object{
				"name": "left", "version": "1.5.0", "license": "(MIT OR Apache-2.0)", "dependencies": object{"shared": "~1.0.0"},
				"bin": object{"left": "cli.js", "gone": "missing.js"},
			},
			files: []file{{name: "package/cli.js", content: "//\n"}},
		},
		{manifest: object{"name": "shared", "version": "1.0.3", "license": "SEE LICENSE IN LICENSE"}},
		{manifest: object{"name": "shared", "version": "2.1.0", "license": "ISC"}},
		{
			manifest: object{
				"name": "bundler", "version": "1.0.0", "dependencies": object{"inner": "^3.0.0"}, "bundleDependencies": []string{"inner"},
				"licenses": []object{{"type": "MIT"}, {"type": "Apache-2.0"}},
			},
			files: []file{
				{name: "package/node_modules/inner/package.json", content: `{"name":"inner","version":"3.0.1","bin":{"inner":"run"},"license":"MIT"}`},
				{name: "package/node_modules/inner/run", content: "//\n"},
				{name: "package/node_modules/.bin/inner", kind: '2', link: "../inner/run"},
			},
		},
		{manifest: object{"name": "native", "version": "1.0.0", "optionalDependencies": object{"native-x64": "1.0.0", "native-arm64": "1.0.0"}}},
		native("x64"), native("arm64"),
		{manifest: object{"name": "windows", "version": "1.0.0", "os": []string{"win32"}, "dependencies": object{"only-windows": "1.0.0"}}},
		{manifest: object{"name": "only-windows", "version": "1.0.0"}},
	}
}

func serverEntry() entry.Entry {
	return entry.Entry{Kind: entry.NPX, Name: "server", Package: &entry.Package{Name: "@corp/server", Version: "2.0.0"}}
}

// serverLock returns the lock of the server as npm writes it.
func serverLock(t testing.TB) object {
	t.Helper()
	return lockOf(t, "@corp/server", "2.0.0", map[string]release{
		"@corp/server":             serverReleases()[0],
		"left":                     serverReleases()[1],
		"shared":                   serverReleases()[3],
		"bundler":                  serverReleases()[4],
		"native":                   serverReleases()[5],
		"native-x64":               serverReleases()[6],
		"native-arm64":             serverReleases()[7],
		"windows":                  serverReleases()[8],
		"only-windows":             serverReleases()[9],
		"left/node_modules/shared": serverReleases()[2],
		"bundler/node_modules/inner": {manifest: object{
			"name": "inner", "version": "3.0.1", "inBundle": true, "bin": object{"inner": "run"},
		}},
	})
}

// lockOf returns a lock of releases by their places in node_modules.
func lockOf(t testing.TB, name, version string, releases map[string]release) object {
	t.Helper()
	packages := object{"": object{"name": "server", "version": "0.0.0", "dependencies": object{name: version}}}
	for place, r := range releases {
		p := object{"version": r.manifest["version"]}
		for _, field := range []string{
			"dependencies", "optionalDependencies", "peerDependencies", "peerDependenciesMeta", "os", "cpu", "libc", "inBundle", "bin",
			"bundleDependencies", "hasInstallScript",
		} {
			if value, ok := r.manifest[field]; ok {
				p[field] = value
			}
		}
		if p["inBundle"] != true {
			p["integrity"] = integrity(r.tarball(t))
		}
		packages["node_modules/"+place] = p
	}
	return object{"name": "server", "version": "0.0.0", "lockfileVersion": 3, "requires": true, "packages": packages}
}

// folder returns an entry's folder with a lock.
func folder(t testing.TB, lock object) fs.FS {
	t.Helper()
	data, err := json.MarshalIndent(lock, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return fstest.MapFS{npm.LockFile: {Data: data}}
}
