package gomod

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/keep"
	"github.com/slipway-dev/slipway/internal/kind"
	"github.com/slipway-dev/slipway/internal/kind/gomod/lockfile"
	"github.com/slipway-dev/slipway/internal/layer"
)

// layoutVersion changes whenever the same lock makes another binary, or lays it out in another way.
const layoutVersion = "gomod layout 1"

// Payload compiles the command that the lock pins for a platform, unless that was done before; see kind.Packaged.
func (g *Ecosystem) Payload(ctx context.Context, e entry.Entry, dir fs.FS, platform v1.Platform) (*kind.Payload, error) {
	lock, files, err := load(e, dir)
	if err != nil {
		return nil, err
	}
	if platform.OS != "linux" || platform.Architecture != "amd64" && platform.Architecture != "arm64" {
		return nil, fmt.Errorf("go entries are compiled for linux/amd64 and linux/arm64, not for %s", platform)
	}
	s := &source{entry: e, lock: lock, files: files, arch: platform.Architecture}
	program, err := g.programs.Get(ctx, s.key(), func(file *keep.Draft) ([]kind.Component, error) { return g.compile(ctx, s, file) })
	if err != nil {
		return nil, err
	}
	command := path.Join(BinDir, commandName(lock.Tool))
	components := slices.Clone(program.About) // others may have got the same ones
	for i := range components {
		components[i].Path = command
	}
	return &kind.Payload{
		Key: s.key(),
		Write: func(_ context.Context, w *layer.Writer) error {
			file, err := os.Open(program.Path)
			if err != nil {
				return err
			}
			defer file.Close()
			return w.WriteFile(command[1:], 0o755, program.Size, io.LimitReader(file, program.Size+1))
		},
		Entrypoint: []string{command},
		Components: components,
	}, nil
}

// source is all that a binary is made from.
type source struct {
	entry entry.Entry
	lock  *lockfile.Lock
	files map[string][]byte // the lock
	arch  string
}

// key names the binary. The lock holds the package, the versions and hashes of all modules, and the release of Go.
func (s *source) key() string {
	hash := sha256.New()
	_, _ = fmt.Fprintf(hash, "%s\n%s\n", layoutVersion, s.arch) // a hash does not fail
	for _, name := range []string{lockfile.ModFile, lockfile.SumFile} {
		_, _ = fmt.Fprintf(hash, "%d\n%s", len(s.files[name]), s.files[name])
	}
	return "gomod-" + hex.EncodeToString(hash.Sum(nil))
}

var majorVersion = regexp.MustCompile(`^v[2-9]$|^v[1-9]\d+$`)

// commandName returns what go install calls a command: the last element of its path that is no major version.
func commandName(pkg string) string {
	name := path.Base(pkg)
	if parent := path.Dir(pkg); majorVersion.MatchString(name) && parent != "." {
		return path.Base(parent)
	}
	return name
}
