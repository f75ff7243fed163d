package staging_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/staging"
)

func TestReplacedFilesAreWhole(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "tools.json")
	var all sync.WaitGroup
	for i := range 10 {
		all.Go(func() {
			if err := staging.Replace(file, slices.Repeat([]byte{'a' + byte(i)}, 100_000)); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if len(data) != 100_000 || len(slices.Compact(data)) != 1 {
		t.Errorf("%d bytes of more than one content", len(data))
	}
	if found := names(t, dir); len(found) != 1 {
		t.Errorf("there are %v", found)
	}
	if err := staging.Replace(filepath.Join(dir, "absent", "x"), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

func TestReplaceClearsAwayLeftovers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	past := time.Now().Add(-2 * time.Hour)
	for name, old := range map[string]bool{
		".tools.json7520163": true, ".tools.json1234567890": false, ".tools.json": true, ".release.json7520163": true, "tools.json7520163": true,
	} {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if old {
			if err := os.Chtimes(file, past, past); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := staging.Replace(filepath.Join(dir, "tools.json"), []byte("content")); err != nil {
		t.Fatal(err)
	}
	want := []string{".release.json7520163", ".tools.json", ".tools.json1234567890", "tools.json", "tools.json7520163"}
	if found := names(t, dir); !slices.Equal(found, want) {
		t.Errorf("there are %v", found)
	}
	if !staging.Leftover(".tools.json1234567890", "entry.cue", "tools.json") || staging.Leftover(".tools.json1234567890", "entry.cue") ||
		staging.Leftover("tools.json1234567890", "tools.json") || staging.Leftover(".tools.json", "tools.json") {
		t.Error("leftovers are not told from other files")
	}
}
