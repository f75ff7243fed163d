package skill

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/opencontainers/go-digest"

	"github.com/slipway-dev/slipway/internal/bounded"
	"github.com/slipway-dev/slipway/internal/entry"
)

// maxLock bounds a lock, in bytes: a line or two for each file.
const maxLock = 1 << 20

// lock is what skill.lock.json holds: which files the skill consists of, so that a review shows what changed.
type lock struct {
	LockVersion int     `json:"lockVersion"`
	Version     string  `json:"version"` // of the entry, when it was locked
	Source      *origin `json:"source,omitempty"`
	// Digest is of the files as one uncompressed tar, which is the layer's diff id.
	Digest digest.Digest `json:"digest"`
	Files  []locked      `json:"files"`
}

// origin is where the files came from. It names no host: the entry does.
type origin struct {
	Ref    string `json:"ref"`
	Commit string `json:"commit"`
	Path   string `json:"path"`
	Tree   string `json:"tree"` // Git's name of the folder's content
}

// locked is one file.
type locked struct {
	Path       string        `json:"path"`
	Size       int64         `json:"size"`
	Digest     digest.Digest `json:"digest"`
	Executable bool          `json:"executable,omitempty"`
}

const lockVersion = 1

// newLock returns the lock of an entry's files. Tree is empty for a skill beside its entry.
func newLock(e entry.Entry, files []file, tree string) (*lock, error) {
	tar, err := pack(files)
	if err != nil {
		return nil, err
	}
	l := &lock{LockVersion: lockVersion, Version: e.Version, Digest: digest.FromBytes(tar)}
	if s := e.Source; s != nil {
		l.Source = &origin{Ref: s.Ref, Commit: s.Commit, Path: s.Path, Tree: tree}
	}
	for _, f := range files {
		l.Files = append(l.Files, locked{Path: f.path, Size: int64(len(f.content)), Digest: digest.FromBytes(f.content), Executable: f.executable})
	}
	return l, nil
}

// encode returns the lock as it is committed.
func (l *lock) encode() ([]byte, error) {
	text, err := json.MarshalIndent(l, "", "  ")
	return append(text, '\n'), err
}

// readLock reads the lock in an entry's folder. The error is fs.ErrNotExist where there is none, and else a *kind.LockError.
func readLock(dir fs.FS, name string) (*lock, error) {
	text, err := bounded.File(dir, LockFile, maxLock)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if err == nil {
		var l *lock
		if l, err = parseLock(text); err == nil {
			return l, nil
		}
	}
	return nil, problem(LockFile, "", "%v: run catalogctl lock %s", err, name)
}

// parseLock reads a lock. What encode would not write, such as an unknown or a repeated field, is an error.
func parseLock(text []byte) (*lock, error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	l := &lock{}
	if err := dec.Decode(l); err != nil {
		return nil, fmt.Errorf("cannot be read: %w", err)
	}
	if l.LockVersion != lockVersion {
		return nil, fmt.Errorf("has the version %d, and this catalogctl reads %d", l.LockVersion, lockVersion)
	}
	if again, err := l.encode(); err != nil || !bytes.Equal(again, text) {
		return nil, errors.New("is not as catalogctl writes it")
	}
	if l.Digest.Validate() != nil || l.Digest.Algorithm() != digest.SHA256 {
		return nil, errors.New("has a digest that is no SHA-256")
	}
	return l, nil
}

// differs says what of the lock is not what the files are, or nothing.
func (l *lock) differs(now *lock) string {
	for _, f := range now.Files {
		i := slices.IndexFunc(l.Files, func(o locked) bool { return o.Path == f.Path })
		switch {
		case i < 0:
			return f.Path + " is new"
		case l.Files[i] != f:
			return f.Path + " has changed"
		}
	}
	for _, f := range l.Files {
		if !slices.ContainsFunc(now.Files, func(o locked) bool { return o.Path == f.Path }) {
			return f.Path + " is gone"
		}
	}
	if l.Digest != now.Digest || !slices.Equal(l.Files, now.Files) {
		return "the digest or the order of the files differs"
	}
	return ""
}
