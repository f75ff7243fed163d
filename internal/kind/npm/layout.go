package npm

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/kind/npm/lockfile"
	"github.com/slipway-dev/slipway/internal/layer"
	"github.com/slipway-dev/slipway/internal/unpack"
)

// layoutVersion changes whenever the same packages are laid out in another way.
const layoutVersion = "npm layout 1"

// key names the layer by what is in it, so that platforms which take the same packages share it.
func (i *installation) key() string {
	hash := sha256.New()
	_, _ = io.WriteString(hash, layoutVersion) // a hash does not fail
	for _, p := range i.packages {
		_, _ = fmt.Fprintf(hash, "\n%q %q %q %q %t", p.Path, p.Name, p.Version, p.Integrity, p.InBundle)
	}
	return "npm-" + hex.EncodeToString(hash.Sum(nil))
}

// write lays the packages out below AppDir: each with its files, ordered by path, then the commands of all. Neither a package.json of the
// project nor npm's record of the tree (.package-lock.json) is written: Node.js needs none, and scanners read every package's own.
func (i *installation) write(ctx context.Context, w *layer.Writer) error {
	commands, targets := i.commands()
	for _, p := range i.packages {
		if p.InBundle {
			continue
		}
		if err := i.writePackage(ctx, w, p, targets); err != nil {
			return fmt.Errorf("package %s %s: %w", p.Name, p.Version, err)
		}
	}
	for _, link := range slices.Sorted(maps.Keys(commands)) {
		if err := w.WriteSymlink(inImage(link), commands[link]); err != nil {
			return err
		}
	}
	return nil
}

func (i *installation) writePackage(ctx context.Context, w *layer.Writer, p *lockfile.Package, targets map[string]bool) error {
	a := i.archives[p]
	return walk(ctx, a.file, func(f unpack.File, r io.Reader) error {
		name := renamed(f.Path)
		if hidden(f.Path) || name != f.Path && a.files[name] {
			return nil
		}
		mode := f.Mode.Perm()
		if targets[p.Path+"/"+name] {
			mode |= 0o111
		}
		return w.WriteFile(inImage(p.Path+"/"+name), mode&fs.ModePerm, f.Size, r)
	})
}

// renamed does as npm does: a package's .gitignore becomes its .npmignore, unless it has one.
func renamed(file string) string {
	if path.Base(file) == ".gitignore" {
		return strings.TrimSuffix(file, ".gitignore") + ".npmignore"
	}
	return file
}

func inImage(name string) string { return AppDir[1:] + "/" + name }

// commands returns the links in the .bin folders with their targets, and the files that they lead to, which are made executable. Where
// several packages of a folder have a command of one name, the first one gets it.
func (i *installation) commands() (links map[string]string, targets map[string]bool) {
	links, targets = map[string]string{}, map[string]bool{}
	for _, p := range i.packages {
		a, folder := i.source(p)
		for name, target := range i.manifest(p).Bin {
			if !a.files[path.Join(folder, target)] {
				continue // npm passes over these, too
			}
			modules := strings.TrimSuffix(p.Path, p.InstallName())
			link := modules + ".bin/" + name
			if _, taken := links[link]; !taken {
				links[link] = "../" + p.InstallName() + "/" + target
				targets[p.Path+"/"+target] = true
			}
		}
	}
	return links, targets
}
