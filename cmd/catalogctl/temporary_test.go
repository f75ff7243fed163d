package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/internal/sandbox"
)

func TestTemporaryFolders(t *testing.T) {
	inMemory := sandbox.RoomInMemory(memoryFolder) > 0
	for name, c := range map[string]struct {
		named  string // TMPDIR
		memory bool
	}{
		"the user's own":   {t.TempDir(), false},
		"those of Linux":   {"", inMemory},
		"none that exists": {filepath.Join(t.TempDir(), "absent"), false},
	} {
		t.Setenv("TMPDIR", c.named)
		memory, remove, err := useTemporary()
		if strings.HasSuffix(c.named, "absent") {
			if err == nil {
				t.Errorf("%s: there is %s", name, os.TempDir())
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if (memory != "") != c.memory || c.memory && !strings.HasPrefix(memory, memoryFolder+"/slipway-") {
			t.Errorf("%s: the folder in memory is %q", name, memory)
		}
		folders := []string{os.TempDir()}
		if memory != "" {
			folders = append(folders, memory)
		}
		for _, dir := range folders {
			if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if err := remove(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, dir := range folders {
			if _, err := os.Stat(dir); !os.IsNotExist(err) {
				t.Errorf("%s: %s is left", name, dir)
			}
		}
	}
}
