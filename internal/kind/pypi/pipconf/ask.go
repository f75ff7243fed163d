package pipconf

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"time"
)

// asked are the commands whose help says which index they go by, in the order in which they are asked.
var asked = [][]string{{"pip", "install", "--help"}, {"pip3", "install", "--help"}, {"uv", "pip", "compile", "--help"}}

// named finds the address in such a help.
var named = regexp.MustCompile(`--(?:index-url|default-index) <[^>]+>\s[^()]*\((?:by )?default:? <?(https?://[^\s<>)]+)`)

// Machine returns how to ask the pip or the uv on the PATH which index it goes by; nil if there is neither.
func Machine(dir string, environ []string) func(ctx context.Context) (string, error) {
	for _, command := range asked {
		program, err := exec.LookPath(command[0])
		if err != nil {
			continue
		}
		return func(ctx context.Context) (string, error) {
			ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
			defer cancel()
			help := exec.CommandContext(ctx, program, command[1:]...) //nolint:gosec // the pip or uv on the user's PATH
			help.Dir, help.WaitDelay = dir, time.Second
			help.Env = slices.Concat(environ, []string{"COLUMNS=10000"}) // so that no address is broken in two lines
			var stdout, stderr output
			help.Stdout, help.Stderr = &stdout, &stderr
			if err := help.Run(); err != nil {
				return "", fmt.Errorf("%s: %w: %s", strings.Join(command, " "), err, strings.TrimSpace(stderr.String()))
			}
			match := named.FindSubmatch(stdout.Bytes())
			if match == nil {
				return "", fmt.Errorf("%s names no index", strings.Join(command, " "))
			}
			return string(match[1]), nil
		}
	}
	return nil
}

// output keeps what a process prints, up to a limit that no honest answer reaches.
type output struct{ bytes.Buffer }

func (o *output) Write(p []byte) (int, error) {
	if o.Len()+len(p) > 1<<20 {
		return 0, errors.New("too much was printed")
	}
	return o.Buffer.Write(p)
}
