package gocmd

import (
	"strings"
	"testing"
)

// The limits are set on a process that runs already, so the scripts wait for them.
func TestMemoryAndFilesAreBounded(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"memory": "until [ $(ulimit -d) != unlimited ]; do :; done; PATH=/usr/bin:/bin\n" +
			"dd if=/dev/zero of=/dev/null bs=64M count=1 && exit 1; dd if=/dev/zero of=/dev/null bs=64K count=1 && exit 7",
		"files": "until [ $(ulimit -f) != unlimited ]; do :; done; PATH=/usr/bin:/bin\n" +
			"head -c 100000 /dev/zero > large && exit 1; head -c 1000 /dev/zero > small && exit 7",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			golang := script(t, text)
			golang.command.Limits.Memory, golang.command.Limits.File = 16<<20, 10_000
			_, err := golang.Run(t.Context(), Task{Args: []string{"build"}, Dir: t.TempDir()})
			if err == nil || !strings.Contains(err.Error(), "exit status 7") {
				t.Errorf("got %v", err)
			}
		})
	}
}
