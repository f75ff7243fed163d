package flowtest

import (
	_ "embed"

	"github.com/slipway-dev/slipway/internal/kind/gomod/gomodtest"
)

//go:embed testdata/module/server.go.txt
var moduleServer string

// modules are those of the world's Go module proxy: a server as a command in a module, and a module that it needs.
func modules() gomodtest.Proxy {
	return gomodtest.Proxy{
		{Path: "example.com/tiny/servers", Version: "v1.0.0", Files: map[string]string{
			"go.mod": "module example.com/tiny/servers\n\ngo 1.24\n\nrequire example.com/tiny/text v1.0.0\n", "cmd/count-mcp/main.go": moduleServer,
		}},
		{Path: "example.com/tiny/text", Version: "v1.0.0", Files: map[string]string{
			"go.mod": "module example.com/tiny/text\n",
			"text.go": "package text\n\n// Description says what the arguments make of a tool.\nfunc Description(args []string) string {\n" +
				"\tif len(args) > 1 {\n\t\treturn \"Counts \" + args[1] + \".\"\n\t}\n\treturn \"Counts.\"\n}\n",
		}},
	}
}
