// The server is what the tests boot: an honest MCP server, or a hostile one, by its first argument.
package main

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/slipway-dev/slipway/internal/sandbox"
)

func main() {
	sandbox.ServeDial()
	switch os.Args[1] {
	case "stdio":
		_ = honest().Run(context.Background(), &mcp.StdioTransport{})
	case "http":
		handler := mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return honest() }, nil)
		mux := http.NewServeMux()
		mux.Handle("/mcp", handler)
		fmt.Println(http.ListenAndServe("127.0.0.1:8000", mux))
	case "none":
		_ = mcp.NewServer(&mcp.Implementation{Name: "none", Version: "1"}, nil).Run(context.Background(), &mcp.StdioTransport{})
	case "fork-bomb", "child":
		for {
			if exec.Command("/proc/self/exe", "child").Start() != nil {
				time.Sleep(10 * time.Millisecond)
			}
		}
	case "memory-bomb":
		var all [][]byte
		for {
			block := make([]byte, 16<<20)
			for i := 0; i < len(block); i += 4096 {
				block[i] = 1
			}
			all = append(all, block)
		}
	case "dies":
		fmt.Fprintln(os.Stderr, "error: ACME_API_KEY is not set")
		os.Exit(3)
	case "dies-late", "dies-at-discover":
		lines := bufio.NewScanner(os.Stdin)
		for lines.Scan() {
			if os.Args[1] == "dies-late" || strings.Contains(lines.Text(), "server/discover") {
				os.Exit(4)
			}
			answer(lines.Text())
		}
	case "floods":
		line := strings.Repeat("x", 100) + "\n"
		for {
			fmt.Print(line)
		}
	}
}

// answer is that of a small server of the older era.
func answer(request string) {
	id, _, _ := strings.Cut(request[strings.Index(request, `"id":`)+5:], ",")
	switch {
	case strings.Contains(request, `"initialize"`):
		fmt.Printf(`{"jsonrpc":"2.0","id":%s,"result":{"protocolVersion":"2025-06-18","capabilities":{"tools":{}},"serverInfo":{"name":"old","version":"1"}}}`+"\n", id)
	case strings.Contains(request, `"tools/list"`):
		fmt.Printf(`{"jsonrpc":"2.0","id":%s,"result":{"tools":[{"name":"one","inputSchema":{"type":"object"}}]}}`+"\n", id)
	}
}

// honest has a tool that shows which environment it was started with.
func honest() *mcp.Server {
	s := mcp.NewServer(&mcp.Implementation{Name: "honest", Version: "1"}, nil)
	tool := &mcp.Tool{Name: "env", Description: strings.Join(os.Environ(), " ")}
	mcp.AddTool(s, tool, func(context.Context, *mcp.CallToolRequest, struct{}) (*mcp.CallToolResult, any, error) {
		return nil, nil, nil
	})
	fmt.Fprintln(os.Stderr, "started")
	return s
}
