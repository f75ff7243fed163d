package npm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	"github.com/slipway-dev/slipway/internal/bounded"
	"github.com/slipway-dev/slipway/internal/fetch"
	"github.com/slipway-dev/slipway/internal/kind/npm/lockfile"
	"github.com/slipway-dev/slipway/internal/unpack"
)

// limits of one package's archive. The largest that servers depend on carry a browser's or a model's worth of data.
var limits = unpack.Limits{Entries: 100_000, Bytes: 2 << 30, FileBytes: 1 << 30, Links: true}

// maxArchive bounds a download, in bytes.
const maxArchive = 1 << 30

// archive is a downloaded package whose contents are known.
type archive struct {
	file   string // local, checked against digest
	digest fetch.Digest

	files map[string]bool  // paths of regular files inside the package
	parts map[string]*part // by folder inside the archive: "" is the package itself, the others lie in its node_modules
}

// part is one of the packages in an archive.
type part struct {
	Manifest *manifest `json:"manifest,omitempty"` // nil if it has no package.json
	HasGyp   bool      `json:"hasGyp,omitempty"`
}

// scan reads an archive through. It keeps the names of its files, so memory is bounded by the limits on entries and names.
func scan(ctx context.Context, file string, digest fetch.Digest) (*archive, error) {
	a := &archive{file: file, digest: digest, files: map[string]bool{}, parts: map[string]*part{}}
	err := walk(ctx, file, func(f unpack.File, r io.Reader) error {
		a.files[f.Path] = true
		folder := partOf(f.Path)
		p := a.parts[folder]
		if p == nil {
			p = &part{}
			a.parts[folder] = p
		}
		switch strings.TrimPrefix(strings.TrimPrefix(f.Path, folder), "/") {
		case "binding.gyp":
			p.HasGyp = true
		case "package.json":
			data, err := bounded.Read(r, maxManifest)
			if err != nil {
				return fmt.Errorf("%s: %w", f.Path, err)
			}
			if p.Manifest, err = parseManifest(data); err != nil {
				return fmt.Errorf("%s: %w", f.Path, err)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return a, a.check()
}

// check says why an archive is no package's.
func (a *archive) check() error {
	if own := a.parts[""]; own == nil || own.Manifest == nil {
		return errors.New("the archive holds no package.json")
	}
	return nil
}

// walk visits the files of an archive that npm would unpack: all but links.
func walk(ctx context.Context, file string, visit unpack.Visit) error {
	f, err := os.Open(file)
	if err != nil {
		return fmt.Errorf("cannot open the downloaded package: %w", err)
	}
	defer f.Close()
	return unpack.TarGzip(ctx, f, 1, limits, func(f unpack.File, r io.Reader) error {
		if !f.Mode.IsRegular() || f.Link != "" {
			return nil
		}
		return visit(f, r)
	})
}

// partOf returns the folder of the package in the archive that a file belongs to.
func partOf(file string) (folder string) {
	for rest := file; ; {
		below, ok := strings.CutPrefix(rest, "node_modules/")
		if !ok {
			return folder
		}
		name, after, ok := strings.Cut(below, "/")
		if ok && strings.HasPrefix(name, "@") {
			var inner string
			inner, after, ok = strings.Cut(after, "/")
			name += "/" + inner
		}
		if !ok || !lockfile.ValidName(name) {
			return folder
		}
		folder = path.Join(folder, "node_modules", name)
		rest = after
	}
}

// hidden says whether a file of an archive is one of those that package managers leave in node_modules, such as .bin and their records. npm
// makes them anew.
func hidden(file string) bool {
	rest := strings.TrimPrefix(strings.TrimPrefix(file, partOf(file)), "/")
	return strings.HasPrefix(rest, "node_modules/.")
}
