package skill

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"

	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/kind"
)

// Lock reads the skill, checks it, and pins every file. If other files were released under the entry's version, it is an error that names
// the version to set.
func (s *Ecosystem) Lock(ctx context.Context, e entry.Entry, dir fs.FS) (map[string][]byte, error) {
	files, tree, err := s.read(ctx, e, dir)
	if err != nil {
		return nil, err
	}
	if _, err := check(e, files); err != nil {
		return nil, err
	}
	now, err := newLock(e, files, tree)
	if err != nil {
		return nil, err
	}
	before, err := readLock(dir, e.Name)
	var unreadable *kind.LockError
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.As(err, &unreadable) {
		return nil, err
	}
	if before != nil {
		if err := checkBump(e, before, now, dir); err != nil {
			return nil, err
		}
	}
	if e.Source != nil {
		if err := s.keep(e, now, files); err != nil {
			return nil, err
		}
	}
	text, err := now.encode()
	return map[string][]byte{LockFile: text}, err
}

// read returns the files where they are kept, and Git's name of them.
func (s *Ecosystem) read(ctx context.Context, e entry.Entry, dir fs.FS) ([]file, string, error) {
	if e.Source == nil {
		files, err := readBeside(dir)
		return files, "", err
	}
	if err := checkFolder(e); err != nil {
		return nil, "", err
	}
	return s.readGit(ctx, *e.Source)
}

// CheckLock reports why the lock in dir does not pin what the entry says; see kind.Ecosystem. Of a skill beside its entry, it checks the files
// too.
func (*Ecosystem) CheckLock(e entry.Entry, dir fs.FS) error {
	var errs []error
	l, err := readLock(dir, e.Name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		errs = append(errs, problem(LockFile, "", "is missing: run catalogctl lock %s", e.Name))
	case err != nil:
		errs = append(errs, err)
	default:
		errs = append(errs, l.check(e)...)
	}
	if e.Source != nil {
		return errors.Join(append(errs, checkFolder(e))...)
	}
	files, err := readBeside(dir)
	if err != nil {
		return errors.Join(append(errs, err)...)
	}
	if _, err := check(e, files); err != nil {
		errs = append(errs, err)
	} else if l != nil {
		errs = append(errs, l.checkFiles(e, files, dir))
	}
	return errors.Join(errs...)
}

// check compares what the lock says with the entry.
func (l *lock) check(e entry.Entry) []error {
	var errs []error
	refuse := func(field, format string, args ...any) {
		errs = append(errs, problem(LockFile, field, format+": run catalogctl lock %s", append(args, e.Name)...))
	}
	if l.Version != e.Version {
		refuse("version", "is %s, and the entry's %s", l.Version, e.Version)
	}
	switch s := e.Source; {
	case s == nil && l.Source != nil:
		refuse("source", "is there, but the skill lies beside its entry")
	case s != nil && l.Source == nil:
		refuse("source", "is missing, but the entry names one")
	case s != nil && (l.Source.Ref != s.Ref || l.Source.Commit != s.Commit || l.Source.Path != s.Path):
		refuse("source", "is %s of %s at %s, and the entry's %s of %s at %s", l.Source.Path, l.Source.Ref, l.Source.Commit, s.Path, s.Ref, s.Commit)
	}
	return errs
}

// checkFiles compares the lock with the files that are there.
func (l *lock) checkFiles(e entry.Entry, files []file, dir fs.FS) error {
	now, err := newLock(e, files, "")
	if err != nil {
		return err
	}
	difference := l.differs(now)
	if difference == "" {
		return nil
	}
	if err := checkBump(e, l, now, dir); err != nil {
		return err
	}
	return problem(LockFile, "files", "do not pin the skill: %s; run catalogctl lock %s", difference, e.Name)
}

// checkFolder checks that the folder in the repository has the skill's name, as the specification wants it.
func checkFolder(e entry.Entry) error {
	if folder := path.Base(e.Source.Path); folder != "." && folder != e.Name {
		return problem("entry.cue", "source.path", "ends with %s, and the skill is called %s: an agent finds a skill by the name of its folder", folder, e.Name)
	}
	return nil
}

// pinned returns the files that the lock pins, read again or from those kept.
func (s *Ecosystem) pinned(ctx context.Context, e entry.Entry, dir fs.FS) (*lock, []file, error) {
	l, err := readLock(dir, e.Name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, problem(LockFile, "", "is missing: run catalogctl lock %s", e.Name)
	}
	if err != nil {
		return nil, nil, err
	}
	if err := errors.Join(l.check(e)...); err != nil {
		return nil, nil, err
	}
	var files []file
	if e.Source == nil {
		files, err = readBeside(dir)
	} else {
		files, err = s.kept(ctx, e, l)
	}
	if err != nil {
		return nil, nil, err
	}
	now, err := newLock(e, files, "")
	if err != nil {
		return nil, nil, err
	}
	if difference := l.differs(now); difference != "" {
		return nil, nil, problem(LockFile, "files", "do not pin the skill: %s; run catalogctl lock %s, and review what changed", difference, e.Name)
	}
	return l, files, nil
}

// fetch reads the files from Git and compares their tree with the lock's.
func (s *Ecosystem) fetch(ctx context.Context, e entry.Entry, l *lock) ([]file, error) {
	files, tree, err := s.readGit(ctx, *e.Source)
	if err != nil {
		return nil, err
	}
	if tree != l.Source.Tree {
		return nil, fmt.Errorf("%s at %s has the tree %s, and the lock says %s: run catalogctl lock %s, and ask who changed the lock", e.Source.Path, e.Source.Commit, tree, l.Source.Tree, e.Name)
	}
	return files, s.keep(e, l, files)
}
