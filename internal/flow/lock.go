package flow

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/slipway-dev/slipway/internal/catalog"
	"github.com/slipway-dev/slipway/internal/kind"
	"github.com/slipway-dev/slipway/internal/staging"
)

// Locked says what Lock did.
type Locked struct {
	Files   []string // the lock files that there are now, relative to the catalog's root
	Changed bool
}

// Lock resolves an item's dependencies anew and writes its lock files.
func (l *Line) Lock(ctx context.Context, item catalog.Item) (*Locked, error) {
	locked := &Locked{}
	err := l.step(item, "lock", func() (string, bool, error) {
		ecosystem, err := l.ecosystem(item.Entry)
		if err != nil {
			return "", false, err
		}
		files, err := ecosystem.Lock(ctx, item.Entry, l.files(item))
		if err != nil {
			return "", false, fmt.Errorf("lock %s: %w", item.Entry.ID(), err)
		}
		for _, name := range ecosystem.LockFiles() {
			target := filepath.Join(l.folder(item), name)
			if files[name] == nil {
				removed, err := remove(target)
				if err != nil {
					return "", false, err
				}
				locked.Changed = locked.Changed || removed
				continue
			}
			locked.Files = append(locked.Files, filepath.ToSlash(filepath.Join(item.Dir, name)))
			if old, err := os.ReadFile(target); err == nil && bytes.Equal(old, files[name]) {
				continue
			}
			locked.Changed = true
			if err := staging.Replace(target, files[name]); err != nil {
				return "", false, err
			}
		}
		return "", !locked.Changed, nil
	})
	if err != nil {
		return nil, err
	}
	return locked, nil
}

// remove removes a lock file that is not needed any more, and reports whether it was there.
func remove(name string) (bool, error) {
	err := os.Remove(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// CheckLock returns why the lock of an item no longer pins what its entry says, one problem each.
func (l *Line) CheckLock(ctx context.Context, item catalog.Item) catalog.Problems {
	var problems catalog.Problems
	for _, err := range l.checkLock(ctx, item, l.files(item)) {
		var problem *catalog.Problem
		if !errors.As(err, &problem) {
			problem = &catalog.Problem{Message: err.Error()}
		}
		problem.File = filepath.ToSlash(filepath.Join(item.Dir, problem.File))
		problems = append(problems, problem)
	}
	return problems
}

// checkLock asks the item's ecosystem and base, and names the place of each reason.
func (l *Line) checkLock(_ context.Context, item catalog.Item, dir fs.FS) []error {
	ecosystem, ok := l.ecosystems(item.Entry.Base)[item.Entry.Kind]
	if !ok {
		return nil // this kind has no lock yet
	}
	return problems(ecosystem.CheckLock(item.Entry, dir))
}

// problems splits joined errors, and makes problems of those that name a place in a lock file.
func problems(err error) []error {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []error
		for _, e := range joined.Unwrap() {
			all = append(all, problems(e)...)
		}
		return all
	}
	var lock *kind.LockError
	if errors.As(err, &lock) {
		return []error{&catalog.Problem{File: lock.File, Field: lock.Field, Message: lock.Reason}}
	}
	return []error{err}
}
