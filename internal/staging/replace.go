package staging

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"github.com/google/renameio/v2"
)

// Replace makes data the content of the file called name, whole or not at all, even if the power fails. It writes beside the file, so that
// the file system is the same, and removes what killed processes left there an hour ago or longer.
func Replace(name string, data []byte) error {
	dir, base := filepath.Split(filepath.Clean(name))
	if dir == "" {
		dir = "."
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	for _, entry := range entries {
		if info, err := entry.Info(); err == nil && Leftover(entry.Name(), base) && info.ModTime().Before(time.Now().Add(-time.Hour)) {
			_ = os.Remove(filepath.Join(dir, entry.Name())) // what stays does no harm
		}
	}
	return renameio.WriteFile(name, data, 0o644, renameio.WithTempDir(dir))
}

var temporary = regexp.MustCompile(`^\.(.+?)\d{6,}$`)

// Leftover reports whether a file's name is the one under which Replace writes one of files before it takes the place of that.
func Leftover(name string, files ...string) bool {
	match := temporary.FindStringSubmatch(name)
	return match != nil && slices.Contains(files, match[1])
}
