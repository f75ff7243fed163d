package npmrc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Machine returns how to ask the npm on the PATH for a setting in a folder, and the prefix that it is installed under. Without an npm both
// are zero.
func Machine(dir string, environ []string) (ask func(ctx context.Context, setting string) (string, error), prefix string) {
	if node, err := exec.LookPath("node"); err == nil {
		if resolved, err := filepath.EvalSymlinks(node); err == nil {
			prefix = filepath.Dir(filepath.Dir(resolved))
		}
	}
	npm, err := exec.LookPath("npm")
	if err != nil {
		return nil, prefix
	}
	return func(ctx context.Context, setting string) (string, error) {
		ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
		defer cancel()
		command := exec.CommandContext(ctx, npm, "config", "get", setting) //nolint:gosec // the npm on the user's PATH
		command.Dir, command.Env, command.WaitDelay = dir, environ, time.Second
		var stdout, stderr output
		command.Stdout, command.Stderr = &stdout, &stderr
		if err := command.Run(); err != nil {
			return "", fmt.Errorf("npm config get %s: %w: %s", setting, err, strings.TrimSpace(stderr.text.String()))
		}
		return strings.TrimSpace(stdout.text.String()), nil
	}, prefix
}

// output keeps what a process prints, up to a limit that no honest answer reaches. The buffer is not embedded, for its ReadFrom would pass the
// limit by.
type output struct{ text bytes.Buffer }

func (o *output) Write(p []byte) (int, error) {
	if o.text.Len()+len(p) > 64<<10 {
		return 0, errors.New("npm printed too much")
	}
	return o.text.Write(p)
}
