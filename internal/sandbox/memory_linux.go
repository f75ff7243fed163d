package sandbox

import (
	"bufio"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// RoomInMemory returns how many bytes a folder may be filled with if it is on a file system in memory (tmpfs) from which programs can be started, and
// else 0. It leaves half of the memory that is available to others.
func RoomInMemory(dir string) int64 {
	var s unix.Statfs_t
	if unix.Statfs(dir, &s) != nil || s.Type != unix.TMPFS_MAGIC || s.Flags&unix.ST_NOEXEC != 0 {
		return 0
	}
	return min(int64(s.Bavail)*s.Bsize, availableMemory()/2) //nolint:gosec // no file system in memory has an exabyte
}

// availableMemory returns the bytes that programs can get without swapping, and 0 if the kernel does not say (proc_meminfo(5)).
func availableMemory() int64 {
	f, err := os.Open("/proc/meminfo")
	if err != nil {
		return 0
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if text, ok := strings.CutPrefix(lines.Text(), "MemAvailable:"); ok {
			var kib int64
			if _, err := fmt.Sscanf(text, "%d kB", &kib); err != nil {
				return 0
			}
			return kib << 10
		}
	}
	return 0
}
