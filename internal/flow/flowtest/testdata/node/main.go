// Command node stands in for Node.js in hermetic tests. It is one static executable that reads a script and does what that says, in JSON
// instead of JavaScript: it is an MCP server, honest or not. Asked to run npm, it resolves packages as far as the tests' own need it.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// script is the content of a package's command.
type script struct {
	Name         string `json:"name"`
	Version      string `json:"version"`
	Instructions string `json:"instructions"`
	Tools        []tool `json:"tools"`
	// Needs names an environment variable without which the server ends.
	Needs string `json:"needs"`
	// Does is what the server does instead of serving: hang or flood.
	Does string `json:"does"`
}

type tool struct {
	Name        string `json:"name"`
	Description string `json:"description"`
}

func main() {
	if len(os.Args) < 2 {
		fail("want a script")
	}
	if filepath.Base(os.Args[1]) == "npm-cli.js" {
		if err := resolve("package.json", "package-lock.json"); err != nil {
			fail("npm error: %v", err)
		}
		return
	}
	text, err := os.ReadFile(os.Args[1])
	if err != nil {
		fail("%v", err)
	}
	var s script
	if err := json.Unmarshal(text, &s); err != nil {
		fail("%s: %v", os.Args[1], err)
	}
	if err := s.run(); err != nil {
		fail("%v", err)
	}
}

func fail(format string, args ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", args...)
	os.Exit(3)
}
