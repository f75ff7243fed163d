package sign

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/sigstore/cosign/v2/pkg/cosign"

	"github.com/slipway-dev/slipway/internal/bounded"
)

// The names of a key pair's files, as cosign generate-key-pair writes them.
const (
	PrivateFile = "cosign.key"
	PublicFile  = "cosign.pub"
)

const maxKeyFile = 64 << 10

// Local returns the key pair in dir, and whether it was made just now. Where dir does not exist or is empty, a new P-256 pair is made in it,
// its private half encrypted with password, which may be empty. Both files appear at once; of several processes that make a pair at the
// same time, one wins and all return its pair. A folder that holds only half of a pair is an error, never overwritten.
func Local(dir string, password []byte) (key *Key, created bool, err error) {
	key, err = load(dir, password)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, false, err
	}
	made, err := generate(dir, password)
	if err != nil {
		return nil, false, fmt.Errorf("make a key pair in %s: %w", dir, err)
	}
	key, err = load(dir, password)
	return key, made && err == nil, err
}

// load returns an error that is fs.ErrNotExist only where neither file exists.
func load(dir string, password []byte) (*Key, error) {
	private, errPrivate := readFile(filepath.Join(dir, PrivateFile))
	public, errPublic := readFile(filepath.Join(dir, PublicFile))
	if errors.Is(errPrivate, fs.ErrNotExist) != errors.Is(errPublic, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s holds only one of %s and %s; restore the other from a backup, or remove the folder to start with a new pair",
			dir, PrivateFile, PublicFile)
	}
	if err := errors.Join(errPrivate, errPublic); err != nil {
		return nil, err
	}
	key, err := NewKey(private, public, password)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, PublicFile), err)
	}
	return key, nil
}

func readFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := bounded.Read(f, maxKeyFile)
	if err != nil {
		return nil, fmt.Errorf("%s is no key: %w", name, err)
	}
	return data, nil
}

// generate writes both files into a new folder and renames it to dir: a rename onto a folder that holds something fails, so that whoever
// comes second knows it, and nobody ever sees half a pair.
func generate(dir string, password []byte) (made bool, err error) {
	pair, err := cosign.GenerateKeyPair(func(bool) ([]byte, error) { return password, nil })
	if err != nil {
		return false, err
	}
	parent := filepath.Dir(filepath.Clean(dir))
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return false, err
	}
	tmp, err := os.MkdirTemp(parent, ".keys-")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(tmp)
	if err := writeFile(filepath.Join(tmp, PrivateFile), pair.PrivateBytes, 0o600); err != nil {
		return false, err
	}
	if err := writeFile(filepath.Join(tmp, PublicFile), pair.PublicBytes, 0o644); err != nil {
		return false, err
	}
	if err := os.Rename(tmp, dir); err != nil {
		if _, statErr := os.Stat(filepath.Join(dir, PublicFile)); statErr == nil {
			return false, nil // another process was first
		}
		return false, err
	}
	return true, syncDir(parent)
}

func writeFile(name string, data []byte, mode fs.FileMode) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Sync(), f.Close())
}

func syncDir(name string) error {
	d, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
