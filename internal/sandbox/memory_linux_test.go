package sandbox_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/internal/sandbox"
)

func TestRoomInMemory(t *testing.T) {
	t.Parallel()
	for _, dir := range []string{"/proc", "/sys", "/absent", ""} {
		if room := sandbox.RoomInMemory(dir); room != 0 {
			t.Errorf("%q has room for %d bytes", dir, room)
		}
	}
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	want := false // as the last mount there has it (proc_pid_mounts(5))
	for line := range strings.Lines(string(mounts)) {
		if f := strings.Fields(line); f[1] == "/dev/shm" {
			want = f[2] == "tmpfs" && !slices.Contains(strings.Split(f[3], ","), "noexec")
		}
	}
	if room := sandbox.RoomInMemory("/dev/shm"); (room > 0) != want || room > 1<<50 {
		t.Errorf("/dev/shm has room for %d bytes", room)
	}
}
