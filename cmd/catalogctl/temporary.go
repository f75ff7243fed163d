package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/slipway-dev/slipway/internal/sandbox"
	"github.com/slipway-dev/slipway/internal/scratch"
)

// memoryFolder is where Linux has a file system in memory.
const memoryFolder = "/dev/shm"

// useTemporary makes TMPDIR a folder of this process alone and returns what removes it. A killed process's folder, with whole root file
// systems in it, is removed by the next one of the same user. Memory is another such folder, in memory; it is empty if there is none, or if the user
// has named a TMPDIR.
func useTemporary() (memory string, remove func() error, err error) {
	named := os.Getenv("TMPDIR") != ""
	dir, onDisk, err := ownFolder(os.TempDir())
	if err != nil {
		return "", nil, err
	}
	if err := os.Setenv("TMPDIR", dir); err != nil {
		return "", nil, errors.Join(err, onDisk())
	}
	if named || sandbox.RoomInMemory(memoryFolder) == 0 {
		return "", onDisk, nil
	}
	memory, inMemory, err := ownFolder(memoryFolder)
	if err != nil {
		return "", onDisk, nil //nolint:nilerr // it would only have saved time
	}
	return memory, func() error { return errors.Join(inMemory(), onDisk()) }, nil
}

// ownFolder makes a folder of this process alone inside parent and returns what removes it.
func ownFolder(parent string) (dir string, remove func() error, err error) {
	if parent, err = filepath.Abs(parent); err != nil {
		return "", nil, err
	}
	root, err := os.OpenRoot(parent)
	if err != nil {
		return "", nil, err
	}
	name := "slipway-" + strconv.Itoa(os.Getuid())
	if err := root.Mkdir(name, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", nil, errors.Join(err, root.Close())
	}
	if err := own(root, name); err != nil {
		return "", nil, errors.Join(fmt.Errorf("%s %w; remove it, or set TMPDIR to another folder", filepath.Join(parent, name), err), root.Close())
	}
	folder, err := scratch.Open(root, name)
	if err != nil {
		return "", nil, errors.Join(err, root.Close())
	}
	return filepath.Join(parent, folder.Path), func() error { return errors.Join(folder.Close(), root.Close()) }, nil
}

// own reports why a folder may be another user's, who could have put it there.
func own(root *os.Root, name string) error {
	info, err := root.Lstat(name)
	if err != nil {
		return fmt.Errorf("cannot be used: %w", err)
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !info.IsDir() || !ok || int(stat.Uid) != os.Getuid() || info.Mode().Perm()&0o077 != 0 {
		return errors.New("is no folder of this user alone")
	}
	return nil
}
