// Package inventory finds out what is installed in an image that somebody else built, from what package managers leave behind: the databases of
// dpkg and apk, the manifests of npm and Python packages, and what Go writes into its programs. Nothing is run.
//
// It says what the image claims. A package whose traces were removed is not found, and a trace without its package is believed.
package inventory

import (
	"archive/tar"
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/bounded"
	"github.com/slipway-dev/slipway/internal/kind"
	"github.com/slipway-dev/slipway/internal/layer"
)

const (
	maxFile       = 32 << 20 // bytes of one trace
	maxProgram    = 1 << 30  // bytes of one Go program
	maxComponents = 50_000
)

// Inventory collects the packages of one image while its layers are read, lowest first.
type Inventory struct {
	entries layer.Entries
	count   int               // of packages, those that a later layer hides included
	traces  map[string]*trace // by path
	// folders are those above a trace, which a file in their place takes away.
	folders map[string]int
	// fresh are the paths of traces that the current layer has, which its own whiteouts do not hide.
	fresh map[string]bool
}

// trace is a file that tells of packages.
type trace struct {
	packages []found
	distro   *distro
	unread   bool // it tells of packages that are not known
}

// found is a package as its trace names it.
type found struct {
	ecosystem ecosystem
	name      string
	version   string
	license   string // as the package declares it, or empty
	arch      string
	source    string // the package that it was built from, if that bears another name; of dpkg perhaps with its version in parentheses
}

// New returns an empty inventory.
func New() *Inventory {
	return &Inventory{traces: map[string]*trace{}, folders: map[string]int{}}
}

// Layer reads the tar archive of the next layer up to its end. What is wrong with one trace makes it tell nothing; what is wrong with the
// archive is an error.
func (i *Inventory) Layer(r io.Reader) error {
	i.fresh = map[string]bool{}
	return i.entries.Each(r, i.entry)
}

func (i *Inventory) entry(h *tar.Header, content io.Reader) error {
	name := strings.TrimPrefix(path.Clean("/"+h.Name), "/")
	dir, base := path.Split(name)
	dir = strings.TrimSuffix(dir, "/")
	switch {
	case name == "":
		return nil
	case base == layer.OpaqueWhiteout:
		i.hide(dir, false)
		return nil
	case strings.HasPrefix(base, layer.Whiteout):
		i.hide(path.Join(dir, strings.TrimPrefix(base, layer.Whiteout)), true)
		return nil
	case h.Typeflag == tar.TypeDir:
		delete(i.traces, name)
		return nil
	}
	i.replace(name)
	if h.Typeflag != tar.TypeReg {
		return nil
	}
	read := reads(name, h.FileInfo().Mode(), h.Size)
	if read == nil {
		return nil
	}
	t, err := read(name, content)
	var size *bounded.SizeError
	switch {
	case errors.As(err, &size):
		t = &trace{unread: true}
	case err != nil:
		return err
	case t == nil:
		return nil
	}
	t.packages = slices.DeleteFunc(t.packages, func(f found) bool {
		if f.sound() {
			return false
		}
		t.unread = true
		return true
	})
	if i.count += len(t.packages); i.count > maxComponents {
		return fmt.Errorf("the image has more than %d packages", maxComponents)
	}
	i.traces[name], i.fresh[name] = t, true
	for up := dir; up != "" && up != "."; up = path.Dir(up) {
		i.folders[up]++
	}
	return nil
}

// replace forgets what a file takes the place of.
func (i *Inventory) replace(name string) {
	delete(i.traces, name)
	if i.folders[name] > 0 {
		i.hideBelow(name, func(string) bool { return true })
	}
}

// hide forgets what lower layers have below a path, and at the path itself.
func (i *Inventory) hide(name string, itself bool) {
	if itself && !i.fresh[name] {
		delete(i.traces, name)
	}
	if name == "" || i.folders[name] > 0 {
		i.hideBelow(name, func(trace string) bool { return !i.fresh[trace] })
	}
}

func (i *Inventory) hideBelow(folder string, hidden func(trace string) bool) {
	for name := range i.traces {
		if (folder == "" || strings.HasPrefix(name, folder+"/")) && hidden(name) {
			delete(i.traces, name)
		}
	}
}

// Unread returns the paths of files that tell of packages which Components lacks, sorted.
func (i *Inventory) Unread() []string {
	var all []string
	for name, t := range i.traces {
		if t.unread {
			all = append(all, "/"+name)
		}
	}
	slices.Sort(all)
	return all
}

// Components returns the packages that are there after the last layer, sorted by package URL and path. Architecture is the image's, as OCI names
// it.
func (i *Inventory) Components(architecture string) []kind.Component {
	d := i.distro()
	var all []kind.Component
	for name, t := range i.traces {
		for _, p := range t.packages {
			all = append(all, kind.Component{Name: p.name, Version: p.version, PURL: p.purl(d, architecture), License: p.license, Path: "/" + name})
		}
	}
	slices.SortFunc(all, func(a, b kind.Component) int { return cmp.Or(cmp.Compare(a.PURL, b.PURL), cmp.Compare(a.Path, b.Path)) })
	return slices.CompactFunc(all, func(a, b kind.Component) bool { return a.PURL == b.PURL && a.Path == b.Path })
}

// distro returns the distribution that the image says it is made of.
func (i *Inventory) distro() distro {
	for _, name := range slices.Sorted(maps.Keys(i.traces)) { // etc before usr
		if d := i.traces[name].distro; d != nil {
			return *d
		}
	}
	return distro{}
}
