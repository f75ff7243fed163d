//go:build network

package base

import (
	"archive/tar"
	"bytes"
	"debug/elf"
	"errors"
	"io"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/slipway-dev/slipway/internal/fetch"
	"github.com/slipway-dev/slipway/internal/kind/npm/npmrc"
	"github.com/slipway-dev/slipway/internal/layer"
)

// TestRealBase builds node24 from what this machine's apt and npm are configured with: the real archive's signature is verified, and
// whatever library the executable needs must be in the image. It downloads some 120 MB: go test -tags network ./internal/base
func TestRealBase(t *testing.T) {
	mirrors, err := FindMirrors(os.DirFS("/etc/apt"), os.Getenv("SLIPWAY_APT_MIRROR"))
	if err != nil {
		t.Fatal(err)
	}
	home, err := os.UserHomeDir()
	if err != nil {
		t.Fatal(err)
	}
	ask, prefix := npmrc.Machine(t.TempDir(), os.Environ())
	npm, err := npmrc.Load(npmrc.Sources{Home: home, Prefix: prefix, Environ: os.Environ(), Ask: ask})
	if err != nil {
		t.Fatal(err)
	}
	s := Sources{Files: fetch.New(t.TempDir(), nil), Mirrors: mirrors, NPM: npm}
	b, err := Load(os.DirFS("../../catalog/bases"), "node24")
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if _, err := b.Lock(t.Context(), s, time.Now()); err != nil {
		t.Error(err)
	}
	t.Logf("locked in %s", time.Since(began).Round(time.Millisecond))
	for _, arch := range architectures {
		began = time.Now()
		parts, err := b.Parts(t.Context(), s, layer.NewStore(t.TempDir()), linux(arch))
		if err != nil {
			t.Fatal(err)
		}
		var sizes []int64
		files := map[string]string{}
		var node []byte
		for _, l := range parts.Layers {
			size, err := l.Size()
			if err != nil {
				t.Fatal(err)
			}
			sizes = append(sizes, size)
			node = append(node, inventory(t, l, files)...)
		}
		t.Logf("%s: built in %s, layers of %d bytes, %d entries", arch, time.Since(began).Round(time.Millisecond), sizes, len(files))
		checkLibraries(t, node, files)
		for _, name := range []string{"etc/ssl/certs/ca-certificates.crt", "usr/share/zoneinfo/Europe/Vienna", "usr/lib/os-release", "etc/passwd", "tmp"} {
			if _, ok := files[name]; !ok {
				t.Errorf("%s: there is no %s", arch, name)
			}
		}
	}
}

// inventory adds a layer's paths, with the target of those that are links, and returns the content of the executable.
func inventory(t *testing.T, l v1.Layer, files map[string]string) (node []byte) {
	t.Helper()
	r, err := l.Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for archive := tar.NewReader(r); ; {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return node
		}
		if err != nil {
			t.Fatal(err)
		}
		files[strings.TrimSuffix(h.Name, "/")] = h.Linkname
		if h.Name == nodeFile {
			if node, err = io.ReadAll(archive); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func checkLibraries(t *testing.T, node []byte, files map[string]string) {
	t.Helper()
	executable, err := elf.NewFile(bytes.NewReader(node))
	if err != nil {
		t.Fatal(err)
	}
	needed, err := executable.ImportedLibraries()
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(executable.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP })
	interpreter, err := io.ReadAll(executable.Progs[i].Open())
	if err != nil {
		t.Fatal(err)
	}
	loader := strings.Trim(string(interpreter), "\x00/")
	if !resolves(files, loader) {
		t.Errorf("the loader %s is not in the image", loader)
	}
	triplet := map[elf.Machine]string{elf.EM_X86_64: "x86_64-linux-gnu", elf.EM_AARCH64: "aarch64-linux-gnu"}[executable.Machine]
	for _, library := range needed {
		if !resolves(files, "usr/lib/"+triplet+"/"+library) && path.Base(loader) != library {
			t.Errorf("node needs %s, which is not in the image", library)
		}
	}
	t.Logf("needs %v and %s", needed, loader)
}

// resolves follows links, among them those of the merged /usr.
func resolves(files map[string]string, name string) bool {
	for range 10 {
		if first, rest, _ := strings.Cut(name, "/"); files[first] != "" {
			name = path.Join(files[first], rest)
		}
		target, ok := files[name]
		if !ok || target == "" {
			return ok
		}
		name = strings.TrimPrefix(path.Join("/", path.Dir(name), target), "/")
		if path.IsAbs(target) {
			name = strings.TrimPrefix(target, "/")
		}
	}
	return false
}
