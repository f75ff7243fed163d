// Package scratch gives a process a folder for files that must not outlive it. Its lock ends with the process, however that ends, and tells
// the folders of the living from those of the dead, which the next process to come removes.
package scratch

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path"

	"golang.org/x/sys/unix"
)

// Folder is one process's own.
type Folder struct {
	Path string // relative to the root

	root *os.Root
	lock *os.File
}

// Open makes a folder inside parent, which must hold nothing else than such folders, after it has removed those of dead processes.
func Open(root *os.Root, parent string) (*Folder, error) {
	// Held while folders come and go, so that a new one is not taken for a dead one before it is locked.
	all, err := root.Open(parent)
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
		if err := removeDead(root, path.Join(parent, entry.Name())); err != nil {
			return nil, fmt.Errorf("clean up after a killed process: %w", err)
		}
	}
	name := path.Join(parent, rand.Text()[:8]) // short, for names of sockets are bounded
	if err := root.Mkdir(name, 0o755); err != nil {
		return nil, err
	}
	lock, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	if err := flock(lock, unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return &Folder{Path: name, root: root, lock: lock}, nil
}

// Close removes the folder with all that is in it.
func (f *Folder) Close() error {
	return errors.Join(f.root.RemoveAll(f.Path), f.lock.Close())
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
