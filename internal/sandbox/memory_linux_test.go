package sandbox_test

import (
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
	if room := sandbox.RoomInMemory("/dev/shm"); room < 0 || room > 1<<50 {
		t.Errorf("/dev/shm has room for %d bytes", room)
	}
}
