package registry

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path"

	"golang.org/x/sys/unix"
)

// session is the folder of files that one process is writing. Its lock ends with the process, however that ends, and tells the folders
// of the living from those of the dead.
type session struct {
	folder string
	lock   *os.File
}

// openSession removes the sessions of dead processes and starts a new one.
func openSession(root *os.Root) (*session, error) {
	// Held while sessions come and go, so that a new one is not taken for a dead one before it is locked.
	all, err := root.Open(uploadFolder)
	if err != nil {
		return nil, err
	}
	defer all.Close()
	if err := flock(all, unix.LOCK_EX); err != nil {
		return nil, err
	}
	entries, err := all.ReadDir(-1)
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		if err := removeDead(root, path.Join(uploadFolder, entry.Name())); err != nil {
			return nil, fmt.Errorf("clean up after a killed process: %w", err)
		}
	}
	folder := path.Join(uploadFolder, rand.Text())
	if err := root.Mkdir(folder, 0o755); err != nil {
		return nil, err
	}
	lock, err := root.Open(folder)
	if err != nil {
		return nil, err
	}
	if err := flock(lock, unix.LOCK_EX|unix.LOCK_NB); err != nil {
		lock.Close()
		return nil, err
	}
	return &session{folder: folder, lock: lock}, nil
}

func removeDead(root *os.Root, folder string) error {
	f, err := root.Open(folder)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	err = flock(f, unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil
	}
	if err != nil {
		return err
	}
	return root.RemoveAll(folder)
}

func flock(f *os.File, how int) error {
	for {
		err := unix.Flock(int(f.Fd()), how)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return fmt.Errorf("lock %s: %w", f.Name(), err)
		}
		return nil
	}
}
