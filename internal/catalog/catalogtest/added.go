package catalogtest

import (
	"strings"

	"github.com/slipway-dev/slipway/internal/entry"
)

var (
	long   = strings.Repeat("x", 101)
	longer = strings.Repeat("x", 1001)
	commit = strings.Repeat("0a", 20)
)

// added are cases of text that follows an entry that is accepted by itself.
var added = []struct {
	name     string
	kind     entry.Kind
	text     string
	accepted bool
}{
	{"licence", entry.NPX, `license: "(MIT OR Apache-2.0) AND LicenseRef-Ours"`, true},
	{"licence in words", entry.NPX, `license: "see the file"`, false},
	{"licence that is none", entry.NPX, `license: "UNLICENSED"`, false},
	{"repository", entry.NPX, `repository: {url: "https://git.example.com/a/b", commit: "` + commit + `", path: "packages/mcp"}`, true},
	{"short commit", entry.NPX, `repository: {url: "https://git.example.com/a/b", commit: "abc1234"}`, false},
	{"branch for a commit", entry.NPX, `repository: {url: "https://git.example.com/a/b", commit: "main"}`, false},
	{"path that escapes", entry.NPX, `repository: {url: "https://git.example.com/a/b", path: "../c"}`, false},
	{"absolute path", entry.NPX, `repository: {url: "https://git.example.com/a/b", path: "/c"}`, false},
	{"field of repository", entry.NPX, `repository: {url: "https://git.example.com/a/b", branch: "main"}`, false},
	{"plain http", entry.NPX, `homepage: "http://example.com"`, false},
	{"user in URL", entry.NPX, `homepage: "https://me:secret@example.com"`, false},
	{"local URL", entry.NPX, `homepage: "https://localhost/x"`, false},
	{"long URL", entry.NPX, `homepage: "https://example.com/` + longer + `"`, false},
	{"tags", entry.NPX, `tags: ["search", "web_2"]`, true},
	{"tag twice", entry.NPX, `tags: ["search", "search"]`, false},
	{"tag in capitals", entry.NPX, `tags: ["Search"]`, false},
	{"too many tags", entry.NPX, `tags: [` + manyTags() + `]`, false},
	{"deprecated", entry.NPX, "status: \"deprecated\"\nstatusReason: \"Nobody keeps it\"", true},
	{"revoked without reason", entry.NPX, `status: "revoked"`, false},
	{"reason while active", entry.NPX, `statusReason: "Why not"`, false},
	{"successor while active", entry.NPX, `successor: "other"`, false},
	{"field of publisher", entry.NPX, `publisher: mail: "a@example.com"`, false},
	{"field of package", entry.NPX, `package: range: "^1.2.3"`, false},
	{"field of network", entry.NPX, `permissions: network: inbound: []`, false},
	{"field of inspect", entry.NPX, `inspect: timeout: 60`, false},
	{"field of transport", entry.NPX, `transport: host: "0.0.0.0"`, false},
	{"field of provenance", entry.NPX, `provenance: {issuer: "https://token.example.com", repository: "https://git.example.com/a/b", ref: "main"}`, false},
	{"upstream workflow", entry.Container, upstream(`repository: "https://git.example.com/a/b", workflow: ".github/workflows/r.yml", runner: "github-hosted"`), true},
	{"upstream identity", entry.Container, upstream(`identity: "release@example.com"`), true},
	{"upstream as anybody", entry.Container, upstream(``), false},
	{"upstream workflow of no repository", entry.Container, upstream(`identity: "https://example.com/x", workflow: ".github/workflows/r.yml"`), false},
	{
		"upstream workflow twice", entry.Container,
		upstream(`repository: "https://git.example.com/a/b", workflow: "r.yml", identity: "https://git.example.com/a/b/r.yml@refs/heads/main"`), false,
	},
	{"upstream on a strange runner", entry.Container, upstream(`repository: "https://git.example.com/a/b", runner: "my-laptop"`), false},
	{"field of upstream", entry.Container, upstream(`repository: "https://git.example.com/a/b", ref: "main"`), false},
	{"field of image", entry.Container, `image: platform: "linux/amd64"`, false},
	{"field of remote", entry.Remote, `remote: token: "x"`, false},
	{"field of OAuth", entry.Remote, `remote: oauth: secret: "x"`, false},
	{"port of remote", entry.Remote, `transport: port: 80`, false},
	{"field of source", entry.Skill, `source: {url: "https://git.example.com/a/b", ref: "v1", commit: "` + commit + `", path: ".", branch: "x"}`, false},
	{"unknown status", entry.NPX, `status: "archived"`, false},
	{"revision", entry.NPX, `revision: 3`, true},
	{"revision 0", entry.NPX, `revision: 0`, false},
	{"other base", entry.NPX, `base: "node22"`, true},
	{"HTTP", entry.NPX, `transport: {type: "streamable-http", port: 8080, path: "/mcp"}`, true},
	{"HTTP without port", entry.NPX, `transport: type: "streamable-http"`, false},
	{"port too high", entry.NPX, `transport: {type: "sse", port: 70000}`, false},
	{"port with stdio", entry.NPX, `transport: {type: "stdio", port: 80}`, false},
	{"args", entry.NPX, `args: ["--stdio", "a b"]`, true},
	{"arg with newline", entry.NPX, `args: ["a\nb"]`, false},
	{"long arg", entry.NPX, `args: ["` + longer + `"]`, false},
	{"env", entry.NPX, `env: [{name: "API_KEY", description: "A key", required: true, secret: true}, {name: "_x1", description: "b", default: "c"}]`, true},
	{"env name", entry.NPX, `env: [{name: "API-KEY", description: "A key"}]`, false},
	{"env without description", entry.NPX, `env: [{name: "API_KEY"}]`, false},
	{"default of a secret", entry.NPX, `env: [{name: "API_KEY", description: "A key", secret: true, default: "x"}]`, false},
	{"field of env", entry.NPX, `env: [{name: "API_KEY", description: "A key", choices: ["a"]}]`, false},
	{"network", entry.NPX, `permissions: network: outbound: [{host: "api.example.com"}, {host: ".example.org", ports: [80, 443]}]`, true},
	{"any host", entry.NPX, `permissions: network: anyHost: "A browser visits what it is told to"`, true},
	{"blank reason", entry.NPX, `permissions: network: anyHost: " "`, false},
	{"glob", entry.NPX, `permissions: network: outbound: [{host: "*.example.com"}]`, false},
	{"localhost", entry.NPX, `permissions: network: outbound: [{host: "localhost"}]`, false},
	{"address", entry.NPX, `permissions: network: outbound: [{host: "169.254.169.254"}]`, false},
	{"host with port", entry.NPX, `permissions: network: outbound: [{host: "example.com:80"}]`, false},
	{"no ports", entry.NPX, `permissions: network: outbound: [{host: "example.com", ports: []}]`, false},
	{"file permission", entry.NPX, `permissions: files: ["/etc"]`, false},
	{"override", entry.NPX, `overrides: [{package: "zod", version: "3.25.0", reason: "4.0.0 lost a module"}]`, true},
	{"override without reason", entry.NPX, `overrides: [{package: "zod", version: "3.25.0"}]`, false},
	{"override with range", entry.NPX, `overrides: [{package: "zod", version: "^3", reason: "x"}]`, false},
	{"install script", entry.NPX, `installScripts: [{package: "esbuild", reason: "Only builds"}]`, true},
	{"install script of uvx", entry.UVX, `installScripts: [{package: "esbuild", reason: "Only builds"}]`, false},
	{"constraint", entry.UVX, `constraints: [{package: "mcp", versions: ">=1.2, <2", reason: "2 renamed a module"}]`, true},
	{"constraint of a wildcard", entry.UVX, `constraints: [{package: "mcp", versions: "!=1.3.*", reason: "1.3 was withdrawn"}]`, true},
	{"constraint without reason", entry.UVX, `constraints: [{package: "mcp", versions: "<2"}]`, false},
	{"constraint without bounds", entry.UVX, `constraints: [{package: "mcp", versions: "2", reason: "x"}]`, false},
	{"constraint with address", entry.UVX, `constraints: [{package: "mcp", versions: "<2 @ https://x.example/y", reason: "x"}]`, false},
	{"sdist", entry.UVX, `sdists: [{package: "docopt", reason: "Has no wheel"}]`, true},
	{"sdist without reason", entry.UVX, `sdists: [{package: "docopt"}]`, false},
	{"sdist with address", entry.UVX, `sdists: [{package: "docopt @ https://x.example/y", reason: "x"}]`, false},
	{"sdist with version", entry.UVX, `sdists: [{package: "docopt", version: "0.6.2", reason: "Has no wheel"}]`, false},
	{"sdist of npx", entry.NPX, `sdists: [{package: "zod", reason: "x"}]`, false},
	{"constraint of npx", entry.NPX, `constraints: [{package: "zod", versions: "<2", reason: "x"}]`, false},
	{"provenance", entry.NPX, `provenance: {issuer: "https://token.example.com", repository: "https://git.example.com/a/b", workflow: ".github/workflows/r.yml"}`, true},
	{"provenance of nobody", entry.NPX, `provenance: {}`, false},
	{"inspect", entry.NPX, `inspect: {env: API_KEY: "mock", args: ["--offline"], noTools: "Lists them after login"}`, true},
	{"inspect env", entry.NPX, `inspect: env: "API-KEY": "mock"`, false},
	{"waiver", entry.NPX, waiver("2027-01-31", strings.Repeat("0", 32)), true},
	{"waiver until no day", entry.NPX, waiver("2027-02-30", strings.Repeat("0", 32)), false},
	{"waiver for ever", entry.NPX, waiver("never", strings.Repeat("0", 32)), false},
	{"waiver of nothing", entry.NPX, waiver("2027-01-31", "all"), false},
	{"headers", entry.Remote, `remote: headers: [{name: "X-API-Key", description: "A key", secret: true}]`, true},
	{"header name", entry.Remote, `remote: headers: [{name: "X API Key", description: "A key"}]`, false},
	{"OAuth", entry.Remote, `remote: oauth: {issuer: "https://login.example.com", clientId: "us", scopes: ["read"]}`, true},
	{"OAuth that clients find", entry.Remote, `remote: oauth: {}`, true},
	{"OAuth endpoints", entry.Remote, `remote: oauth: {authorizationEndpoint: "https://login.example.com/a", tokenEndpoint: "https://login.example.com/t"}`, true},
	{"half of the OAuth endpoints", entry.Remote, `remote: oauth: tokenEndpoint: "https://login.example.com/t"`, false},
	{"other half of the OAuth endpoints", entry.Remote, `remote: oauth: authorizationEndpoint: "https://login.example.com/a"`, false},
	{"OAuth endpoint without TLS", entry.Remote, `remote: oauth: {authorizationEndpoint: "http://login.example.com/a", tokenEndpoint: "https://login.example.com/t"}`, false},
	{"stdio from afar", entry.Remote, `transport: type: "stdio"`, false},
	{"source", entry.Skill, `source: {url: "https://git.example.com/a/b", ref: "v1.0.0", commit: "` + commit + `", path: "skills/x"}`, true},
	{"source without commit", entry.Skill, `source: {url: "https://git.example.com/a/b", ref: "main", path: "skills/x"}`, false},
	{"source with a path that escapes", entry.Skill, `source: {url: "https://git.example.com/a/b", ref: "v1", commit: "` + commit + `", path: "../x"}`, false},
	{"revision of a skill", entry.Skill, `revision: 2`, true},
	{"dot-files", entry.Skill, `dotFiles: [".mcp.json", "assets/.config/a b.json"]`, true},
	{"dot-file without a dot", entry.Skill, `dotFiles: ["mcp.json"]`, false},
	{"dot-file that is Git's", entry.Skill, `dotFiles: [".git/config"]`, false},
	{"dot-file that escapes", entry.Skill, `dotFiles: ["../.x"]`, false},
	{"env of a skill", entry.Skill, `env: []`, false},
}

func manyTags() string {
	tags := make([]string, 21)
	for i := range tags {
		tags[i] = `"t` + strings.Repeat("x", i+1) + `"`
	}
	return strings.Join(tags, ", ")
}

func upstream(fields string) string {
	return `provenance: {issuer: "https://token.example.com", ` + fields + `}`
}

func waiver(expires, fingerprint string) string {
	return `waivers: [{fingerprint: "` + fingerprint + `", rule: "hidden-unicode", owner: "ada", reason: "An emoji", expires: "` + expires + `"}]`
}

// replaced are cases of one text in place of another.
var replaced = []struct {
	name     string
	kind     entry.Kind
	from, to string
	accepted bool
}{
	{"other definition", entry.NPX, "#NPX", "#Skill", false},
	{"name in capitals", entry.NPX, `"server"`, `"Server"`, false},
	{"name of one letter", entry.NPX, `"server"`, `"s"`, false},
	{"name with two hyphens", entry.NPX, `"server"`, `"my--server"`, false},
	{"name with homoglyph", entry.NPX, `"server"`, `"sеrver"`, false},
	{"long title", entry.NPX, "A server", long, false},
	{"title in two lines", entry.NPX, "A server", `A\nserver`, false},
	{"title with tag characters", entry.NPX, "A server", `A\U000e0041server`, false},
	{"title with accents", entry.NPX, "A server", "Ein schönes 日本語", true},
	{"blank title", entry.NPX, "A server", "", false},
	{"bidirectional description", entry.NPX, "Serves", `\u202eServes`, false},
	{"zero-width description", entry.NPX, "Serves", `Ser\u200bves`, false},
	{"publisher without name", entry.NPX, "publisher: name: ", "publisher: url: ", false},
	{"number for a title", entry.NPX, `"A server"`, `1`, false},
	{"latest", entry.NPX, "1.2.3", "latest", false},
	{"range", entry.NPX, "1.2.3", "^1.2.3", false},
	{"wildcard", entry.NPX, "1.2.3", "1.2.x", false},
	{"two versions", entry.NPX, "1.2.3", "1.2.3 || 2.0.0", false},
	{"short version", entry.NPX, "1.2.3", "1.2", false},
	{"prerelease", entry.NPX, "1.2.3", "1.2.3-rc.1", true},
	{"leading v", entry.NPX, "1.2.3", "v1.2.3", false},
	{"package of another kind", entry.NPX, "@scope/server", "git+https://example.com/x", false},
	{"package with version", entry.NPX, "@scope/server", "@scope/server@1.0.0", false},
	{"package that escapes", entry.NPX, "@scope/server", "../server", false},
	{"PEP 440 prerelease", entry.UVX, "1.2.3", "1!2.0rc1.post2.dev3", true},
	{"PEP 440 specifier", entry.UVX, "1.2.3", ">=1.2", false},
	{"PEP 440 wildcard", entry.UVX, "1.2.3", "1.*", false},
	{"PyPI name as written", entry.UVX, "mcp-server", "MCP_Server", false},
	{"pseudo-version", entry.Go, "v1.2.3", "v0.0.0-20260727054525-2946ae4a6141", true},
	{"Go version without v", entry.Go, "v1.2.3", "1.2.3", false},
	{"Go branch", entry.Go, "v1.2.3", "main", false},
	{"Go path without host", entry.Go, "example.com/server/cmd/server", "server", false},
	{"moving tag", entry.Container, "1.2.3", "latest", false},
	{"short digest", entry.Container, "0a0a", "0a", false},
	{"image without digest", entry.Container, "digest:", "// digest:", true},
	{"image with tag", entry.Container, "owner/server", "owner/server:1", false},
	{"image without registry", entry.Container, "registry.example.com/owner/server", "server", false},
	{"remote without TLS", entry.Remote, "https://", "http://", false},
	{"skill without version", entry.Skill, "version:", "// version:", false},
	{"version of a skill that can move", entry.Skill, "1.2.3", "1.x", false},
	{"remote with query", entry.Remote, "/mcp\"", "/mcp?key=1\"", false},
}
