package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// run serves until standard input ends.
func (s script) run() error {
	if s.Needs != "" && os.Getenv(s.Needs) == "" {
		return fmt.Errorf("error: %s is not set", s.Needs)
	}
	switch s.Does {
	case "hang":
		_, err := io.Copy(io.Discard, os.Stdin)
		return err
	case "flood":
		line := strings.Repeat("not a message ", 10) + "\n"
		for {
			if _, err := io.WriteString(os.Stdout, line); err != nil {
				return err
			}
		}
	}
	server := mcp.NewServer(&mcp.Implementation{Name: s.Name, Version: s.Version}, &mcp.ServerOptions{Instructions: s.Instructions})
	for _, t := range s.Tools {
		mcp.AddTool(server, &mcp.Tool{Name: t.Name, Description: t.Description},
			func(context.Context, *mcp.CallToolRequest, struct{}) (*mcp.CallToolResult, any, error) {
				return nil, nil, nil
			})
	}
	fmt.Fprintln(os.Stderr, "listening on standard input")
	return server.Run(context.Background(), &mcp.StdioTransport{})
}
