package base

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/slipway-dev/slipway/internal/layer"
	"github.com/slipway-dev/slipway/internal/unpack"
)

// debianFormat is part of a layer's key: it changes with what is written for the same packages.
const debianFormat = "base debian 1"

const (
	statusDir  = "var/lib/dpkg/status.d/" // one file a package, where scanners look for packages that no dpkg has installed
	bundleFile = "etc/ssl/certs/ca-certificates.crt"
	authority  = "usr/share/ca-certificates/"
)

// debLimits bounds one unpacked package.
var debLimits = unpack.Limits{Entries: 100_000, Bytes: 2 << 30, FileBytes: 1 << 30}

func (b *Base) debianKey(arch string) string {
	h := sha256.New()
	for _, p := range b.Locked.of(arch) {
		fmt.Fprintln(h, p.Name, p.SHA256)
	}
	return fmt.Sprintf("%s %s %x", debianFormat, arch, h.Sum(nil))
}

// writeDebian writes the files of all packages in the order of the lock, and then what installing them would have made.
func (b *Base) writeDebian(ctx context.Context, s Sources, arch string, w *layer.Writer) error {
	packages := b.Locked.of(arch)
	paths := make([]string, len(packages))
	group, fetching := errgroup.WithContext(ctx)
	group.SetLimit(4)
	for i, p := range packages {
		group.Go(func() error {
			request, err := p.request(s)
			if err != nil {
				return err
			}
			paths[i], err = s.Files.File(fetching, request)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	certificates := map[string][]byte{}
	for i, p := range packages {
		if err := writePackage(ctx, p, paths[i], w, certificates); err != nil {
			return fmt.Errorf("Debian package %s: %w", p.Name, err)
		}
	}
	return writeSystem(w, certificates)
}

func writePackage(ctx context.Context, p Package, file string, w *layer.Writer, certificates map[string][]byte) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	control, err := unpack.Deb(ctx, f, debLimits, func(f unpack.File, content io.Reader) error {
		return writeEntry(f, content, w, certificates)
	})
	if err != nil {
		return err
	}
	status, err := status(p, control)
	if err != nil {
		return err
	}
	return w.WriteFile(statusDir+p.Name, 0o644, int64(len(status)), bytes.NewReader(status))
}

func writeEntry(f unpack.File, content io.Reader, w *layer.Writer, certificates map[string][]byte) error {
	if dropped(f) {
		return nil
	}
	if forbidden(f.Path) {
		return fmt.Errorf("it brings %s: a base has no shell and no package manager; leave the package out", f.Path)
	}
	switch {
	case f.Mode.IsDir():
		return w.WriteDir(f.Path, f.Mode)
	case f.Mode.Type() == fs.ModeSymlink:
		return w.WriteSymlink(f.Path, f.Link)
	case f.Link != "":
		return fmt.Errorf("it brings %s as a hard link, which bases do not have", f.Path)
	}
	if strings.HasPrefix(f.Path, authority) && path.Ext(f.Path) == ".crt" {
		const maxCertificate = 1 << 20
		if f.Size > maxCertificate {
			return fmt.Errorf("the certificate %s has more than %d bytes", f.Path, maxCertificate)
		}
		data, err := io.ReadAll(content)
		if err != nil {
			return err
		}
		certificates[f.Path] = data
		content = bytes.NewReader(data)
	}
	return w.WriteFile(f.Path, f.Mode, f.Size, content)
}

// dropped says what an image has no use for: documentation and translations. Copyright files stay, and the links by which packages share
// them.
func dropped(f unpack.File) bool {
	if f.Path == "" || f.Path == "." {
		return true
	}
	for _, folder := range []string{"man", "info", "locale", "lintian", "doc-base", "bug"} {
		if root := "usr/share/" + folder; f.Path == root || strings.HasPrefix(f.Path, root+"/") {
			return true
		}
	}
	if rest, ok := strings.CutPrefix(f.Path, "usr/share/doc/"); ok {
		return path.Base(rest) != "copyright" && f.Mode.Type() != fs.ModeSymlink
	}
	return f.Path == "usr/share/doc"
}

// tools are the shells and package managers that a base must not have.
var tools = []string{
	"sh", "bash", "dash", "ash", "zsh", "ksh", "mksh", "fish", "csh", "tcsh", "busybox", "toybox",
	"apt", "apt-get", "aptitude", "dpkg", "dpkg-deb", "npm", "npx", "corepack", "yarn", "pnpm", "pip", "pip3",
}

func forbidden(name string) bool {
	folder := path.Base(path.Dir(name))
	return (folder == "bin" || folder == "sbin") && slices.Contains(tools, path.Base(name))
}

// status returns a package's paragraph as dpkg would keep it.
func status(p Package, control []byte) ([]byte, error) {
	paragraphs := newStanzas(bytes.NewReader(control))
	fields, err := paragraphs.next()
	if err != nil {
		return nil, fmt.Errorf("its control file: %w", err)
	}
	if _, err := paragraphs.next(); err != io.EOF {
		return nil, errors.New("its control file has more than one paragraph")
	}
	if arch := fields["Architecture"]; fields["Package"] != p.Name || fields["Version"] != p.Version || arch != p.Architecture && arch != "all" {
		return nil, fmt.Errorf("it says that it is %s %s for %s; lock the base again", fields["Package"], fields["Version"], arch)
	}
	text := strings.TrimSpace(string(control))
	return []byte(text + "\nStatus: install ok installed\n"), nil
}

// bundle joins the certificates in the order of their names, as update-ca-certificates does.
func bundle(certificates map[string][]byte) []byte {
	var b bytes.Buffer
	for _, name := range slices.Sorted(maps.Keys(certificates)) {
		b.Write(bytes.TrimSpace(certificates[name]))
		b.WriteByte('\n')
	}
	return b.Bytes()
}
