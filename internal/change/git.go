package change

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/bounded"
)

// Bounds on what git may answer, in bytes, and how long it may take.
const (
	maxListing = 64 << 20
	maxMessage = 4 << 10
	gitTime    = 2 * time.Minute
)

// commitPattern is an object name of SHA-1 or SHA-256.
var commitPattern = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)

// Commit returns the full name of the commit that rev stands for in the repository that dir lies in.
func Commit(ctx context.Context, dir, rev string) (string, error) {
	if rev == "" {
		return "", errors.New("an empty revision names no commit; give a branch, a tag or a commit")
	}
	out, err := git(ctx, dir, maxMessage, "rev-parse", "--verify", "--quiet", "--end-of-options", rev+"^{commit}")
	if err != nil {
		return "", fmt.Errorf("%q is no commit of the repository in %s; a shallow clone may lack it, then fetch it first: %w", rev, dir, err)
	}
	commit := strings.TrimSuffix(string(out), "\n")
	if !commitPattern.MatchString(commit) {
		return "", fmt.Errorf("git calls %q the commit of %q, which is no object name", commit, rev)
	}
	return commit, nil
}

// git runs the git command in dir and returns what it writes, at most limit bytes.
func git(ctx context.Context, dir string, limit int64, args ...string) ([]byte, error) {
	var out []byte
	err := stream(ctx, dir, func(stdout io.Reader) (err error) {
		out, err = bounded.Read(stdout, limit)
		return err
	}, args...)
	return out, err
}

// stream runs the git command in dir, and read on what it writes. When read returns, git is ended.
func stream(ctx context.Context, dir string, read func(io.Reader) error, args ...string) error {
	ctx, cancel := context.WithTimeout(ctx, gitTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, "git", append([]string{"-c", "core.fsmonitor=false", "-c", "core.quotePath=false"}, args...)...) //nolint:gosec // the arguments are this package's own and a checked commit
	cmd.Dir = dir
	cmd.WaitDelay = time.Second
	// A hook's own repository is not the one that is asked about, and nothing here needs to write to the index.
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return slices.Contains([]string{"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"}, name)
	})
	cmd.Env = append(cmd.Env, "GIT_OPTIONAL_LOCKS=0", "LC_ALL=C")
	message := &head{}
	cmd.Stderr = message
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("git is needed to tell what changed: %w", err)
	}
	readErr := read(stdout)
	if readErr != nil {
		cancel()
	} else if _, err := io.Copy(io.Discard, stdout); err != nil {
		readErr = err
	}
	waitErr := cmd.Wait()
	switch {
	case readErr != nil:
		return fmt.Errorf("git %s: %w", args[0], readErr)
	case waitErr != nil && len(message.text) > 0:
		return fmt.Errorf("git %s: %w: %s", args[0], waitErr, strings.TrimSpace(string(message.text)))
	case waitErr != nil:
		return fmt.Errorf("git %s: %w", args[0], waitErr)
	}
	return nil
}

// head keeps the first bytes written to it.
type head struct{ text []byte }

func (h *head) Write(p []byte) (int, error) {
	h.text = append(h.text, p[:min(len(p), maxMessage-len(h.text))]...)
	return len(p), nil
}
