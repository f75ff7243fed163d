// Package base builds what images stand on: Debian packages, unpacked without running any of their scripts, and a language runtime where
// Debian has none that fits.
//
// A base is a folder: base.cue says what belongs to it, lock.json pins every file by hash, and debian-archive-keyring.asc holds the keys that
// the Debian archive's index must be signed with. The lock names no server; where files come from is the user's configuration. There is no
// shell, no package manager and no other user than root and nonroot in what is built.
package base

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"

	"github.com/ProtonMail/go-crypto/openpgp"

	"github.com/slipway-dev/slipway/internal/bounded"
)

// The files of a base.
const (
	SpecFile    = "base.cue"
	LockFile    = "lock.json"
	KeyringFile = "debian-archive-keyring.asc"
)

// maxFile bounds each of them; real ones have some kilobytes.
const maxFile = 1 << 20

// Base is one base as its folder describes it.
type Base struct {
	Name string
	Spec Spec
	// Locked is what lock.json pins, and the zero value if there is no such file yet; CheckLock tells.
	Locked Lock

	lockErr error
	keyring openpgp.EntityList
}

// Load reads the base in the folder name of fsys, which is that of catalog/bases or of the bases that come with Slipway. A base.cue that does
// not follow the schema and a keyring that cannot be read are errors; what is wrong with lock.json, CheckLock says.
func Load(fsys fs.FS, name string) (*Base, error) {
	if !fs.ValidPath(name) || path.Base(name) != name || name == "." {
		return nil, fmt.Errorf("base %q: want the name of a folder below catalog/bases", name)
	}
	b := &Base{Name: name}
	source, err := bounded.File(fsys, path.Join(name, SpecFile), maxFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("base %q: there is no %s: %w", name, path.Join("catalog/bases", name, SpecFile), err)
	}
	if err != nil {
		return nil, fmt.Errorf("base %q: %w", name, err)
	}
	if b.Spec, err = parseSpec(path.Join("catalog/bases", name, SpecFile), source); err != nil {
		return nil, err
	}
	keys, err := bounded.File(fsys, path.Join(name, KeyringFile), maxFile)
	if err != nil {
		return nil, fmt.Errorf("base %q: the keys of the Debian archive cannot be read: %w", name, err)
	}
	if b.keyring, err = openpgp.ReadArmoredKeyRing(bytes.NewReader(keys)); err != nil {
		return nil, fmt.Errorf("base %q: %s holds no armored OpenPGP public keys: %w", name, KeyringFile, err)
	}
	locked, err := bounded.File(fsys, path.Join(name, LockFile), maxFile)
	if err == nil {
		b.Locked, err = parseLock(locked)
	}
	b.lockErr = err
	return b, nil
}
