package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"time"

	"github.com/slipway-dev/slipway/internal/sandbox"
)

// parent runs on the host: it starts a sandbox, says so once its program runs, and waits to be killed.
func parent() {
	rt, err := sandbox.Find(context.Background())
	fail(err)
	p, err := rt.Start(context.Background(), sandbox.Spec{Root: os.Args[2], Args: []string{"/program", "sleep"}})
	fail(err)
	line, err := bufio.NewReader(p.Stdout).ReadString('\n')
	fail(err)
	fmt.Print(line)
	time.Sleep(time.Minute)
}
