package basetest

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"

	"github.com/ulikunitz/xz"
)

// Deb is a package of an archive.
type Deb struct {
	Name, Version, Depends string
	Extra                  string       // lines of its index entry
	Files                  []tar.Header // see [Tar]
}

// Build returns the package as a file in the format of deb(5).
func (d Deb) Build(arch string) []byte {
	control := fmt.Sprintf("Package: %s\nVersion: %s\nArchitecture: %s\n", d.Name, d.Version, arch)
	var controlTar bytes.Buffer
	w := tar.NewWriter(&controlTar)
	check(w.WriteHeader(&tar.Header{Name: "./control", Mode: 0o644, Size: int64(len(control))}))
	must(io.WriteString(w, control))
	check(w.Close())
	var b bytes.Buffer
	b.WriteString("!<arch>\n")
	for _, m := range []struct {
		name string
		data []byte
	}{{"debian-binary", []byte("2.0\n")}, {"control.tar.gz", Gzip(controlTar.Bytes())}, {"data.tar.xz", xzipped(Tar(d.Files))}} {
		fmt.Fprintf(&b, "%-16s%-12d%-6d%-6d%-8s%-10d`\n", m.name, 0, 0, 0, "100644", len(m.data))
		b.Write(m.data)
		if len(m.data)%2 == 1 {
			b.WriteByte('\n')
		}
	}
	return b.Bytes()
}

// Tar returns an archive in which each regular file holds its own name.
func Tar(files []tar.Header) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range files {
		if h.Typeflag == 0 {
			h.Typeflag = tar.TypeReg
			h.Size = int64(len(h.Name))
		}
		check(w.WriteHeader(&h))
		if h.Typeflag == tar.TypeReg {
			must(io.WriteString(w, h.Name))
		}
	}
	check(w.Close())
	return b.Bytes()
}

// Gzip returns data compressed.
func Gzip(data []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	must(w.Write(data))
	check(w.Close())
	return b.Bytes()
}

func xzipped(data []byte) []byte {
	var b bytes.Buffer
	w := must(xz.WriterConfig{DictCap: 1 << 16}.NewWriter(&b))
	must(w.Write(data))
	check(w.Close())
	return b.Bytes()
}
