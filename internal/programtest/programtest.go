// Package programtest writes programs that stand in for others in tests.
package programtest

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// Write writes a shell script as an executable file, in a folder that it makes if need be.
//
// No program is started by this process meanwhile: until it is another one, it would have the file open for writing as well, and a file that
// somebody writes cannot be started (execve(2), ETXTBSY).
func Write(t testing.TB, file, script string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	if err := os.WriteFile(file, []byte("#!/bin/sh\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
}
