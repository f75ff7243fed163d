package inspect

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/random"

	"github.com/slipway-dev/slipway/internal/sandbox"
)

// memory returns a folder in memory, and false if this machine has none with room.
func memory(t *testing.T) (string, bool) {
	t.Helper()
	if sandbox.RoomInMemory("/dev/shm") < 1<<20 {
		return t.TempDir(), false
	}
	dir, err := os.MkdirTemp("/dev/shm", "slipway-test-") //nolint:usetesting // the point is where it is
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir, true
}

// sized says that the layers of an image have another size than they have.
type sized struct {
	v1.Image

	size int64
}

func (s sized) Manifest() (*v1.Manifest, error) {
	m, err := s.Image.Manifest()
	if err != nil {
		return nil, err
	}
	m = m.DeepCopy()
	for i := range m.Layers {
		m.Layers[i].Size = s.size
	}
	return m, nil
}

// filling is an image that fills the file system when it is unpacked for the first time.
type filling struct {
	v1.Image

	full *bool
}

func (f filling) Layers() ([]v1.Layer, error) {
	if !*f.full {
		*f.full = true
		return nil, syscall.ENOSPC
	}
	return f.Image.Layers()
}

func TestUnpackInMemoryIfThereIsRoom(t *testing.T) {
	dir, room := memory(t)
	disk := t.TempDir()
	roomy := dir
	if !room {
		roomy = disk
	}
	t.Setenv("TMPDIR", disk)
	image, err := random.Image(1000, 3)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		in    Input
		below string
	}{
		"small":           {Input{Image: image, Memory: dir}, roomy},
		"none named":      {Input{Image: image}, disk},
		"not in memory":   {Input{Image: image, Memory: t.TempDir()}, disk},
		"large":           {Input{Image: sized{image, 1 << 40}, Memory: dir}, disk},
		"an endless size": {Input{Image: sized{image, 1<<63 - 1}, Memory: dir}, disk},
		"no size":         {Input{Image: sized{image, -1}, Memory: dir}, disk},
		"too large":       {Input{Image: filling{image, new(!room)}, Memory: dir}, disk},
	} {
		root, err := unpack(t.Context(), c.in)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		files, err := os.ReadDir(root)
		if err != nil || len(files) != 3 {
			t.Errorf("%s: %d files, %v", name, len(files), err)
		}
		if !strings.HasPrefix(root, c.below+string(filepath.Separator)) {
			t.Errorf("%s: unpacked to %s, want below %s", name, root, c.below)
		}
	}
}
