// Package staging lets files appear in a folder whole or not at all, whoever is killed while writing one. It forces nothing to the disk: it
// is for files whose content is checked whenever they are used. (For others there is github.com/google/renameio.)
package staging

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// leftover is the age at which a temporary file counts as left by a killed process.
const leftover = 24 * time.Hour

// Area is a folder of files that are being written. It may be used by many goroutines and many processes at once.
type Area struct {
	dir   string
	sweep sync.Once
}

// New returns an area in dir, which must be on one file system with the places of its files. It is created with the first file.
func New(dir string) *Area { return &Area{dir: dir} }

// Create returns a new empty file, which must be discarded at the end. The first call removes what killed processes left.
func (a *Area) Create() (*File, error) {
	if err := os.MkdirAll(a.dir, 0o755); err != nil {
		return nil, err
	}
	a.sweep.Do(func() { removeBefore(a.dir, time.Now().Add(-leftover)) })
	file, err := os.CreateTemp(a.dir, "")
	if err != nil {
		return nil, err
	}
	return &File{File: file}, nil
}

// removeBefore removes old files. An error only means that one stays longer.
func removeBefore(dir string, before time.Time) {
	entries, _ := os.ReadDir(dir)
	for _, entry := range entries {
		if info, err := entry.Info(); err == nil && info.ModTime().Before(before) {
			_ = os.Remove(filepath.Join(dir, entry.Name()))
		}
	}
}

// File is a file that nobody else sees yet.
type File struct{ *os.File }

// Install closes the file and moves it to path, read-only. It makes the folders above and replaces what was there.
func (f *File) Install(path string) error {
	if err := errors.Join(f.Chmod(0o444), f.Close(), os.MkdirAll(filepath.Dir(path), 0o755)); err != nil {
		return fmt.Errorf("install %s: %w", path, err)
	}
	return os.Rename(f.Name(), path)
}

// Discard closes and removes the file, if it was not installed. Its errors are of no interest: what stays is a leftover.
func (f *File) Discard() {
	_ = f.Close()
	_ = os.Remove(f.Name())
}
