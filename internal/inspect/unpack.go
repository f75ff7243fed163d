package inspect

import (
	"context"
	"errors"
	"os"
	"syscall"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/slipway-dev/slipway/internal/sandbox"
)

// unpack returns a fresh folder with the image's files, in memory if there is room.
func unpack(ctx context.Context, in Input) (string, error) {
	if in.Memory != "" && roomFor(in.Image, in.Memory) {
		root, err := unpackTo(ctx, in.Image, in.Memory)
		if !errors.Is(err, syscall.ENOSPC) {
			return root, err
		}
	}
	return unpackTo(ctx, in.Image, "")
}

// roomFor reports whether an image is likely to fit into a folder in memory, with room for others.
func roomFor(image v1.Image, dir string) bool {
	// Layers are a quarter of what is in them, mostly.
	const times = 10
	manifest, err := image.Manifest()
	if err != nil {
		return false // reading the layers says why
	}
	room := sandbox.RoomInMemory(dir)
	for _, l := range manifest.Layers {
		if l.Size < 0 || l.Size > room/times {
			return false
		}
		room -= l.Size * times
	}
	return true
}

// unpackTo unpacks an image below a folder, the one of TMPDIR if it is empty.
func unpackTo(ctx context.Context, image v1.Image, parent string) (string, error) {
	root, err := os.MkdirTemp(parent, "slipway-root-")
	if err != nil {
		return "", err
	}
	// The program inside is another user than this one.
	err = os.Chmod(root, 0o755)
	if err == nil {
		err = sandbox.ExtractRootFS(ctx, image, root)
	}
	if err != nil {
		return "", errors.Join(err, os.RemoveAll(root))
	}
	return root, nil
}
