package wheeltest

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"maps"
	"slices"
	"strings"
)

// Sdist is a source distribution to be made.
type Sdist struct {
	Name, Version string
	Files         map[string]string // by path inside its folder
	// Entries are added as they are.
	Entries []tar.Header
}

// File returns the name of the sdist's file.
func (s Sdist) File() string { return s.folder() + ".tar.gz" }

func (s Sdist) folder() string { return strings.ReplaceAll(s.Name, "-", "_") + "-" + s.Version }

// Bytes returns the archive.
func (s Sdist) Bytes() []byte {
	var b bytes.Buffer
	compressed := gzip.NewWriter(&b)
	archive := tar.NewWriter(compressed)
	write := func(h tar.Header, text string) {
		h.Size, h.Format = int64(len(text)), tar.FormatPAX
		if err := archive.WriteHeader(&h); err != nil {
			panic(err)
		}
		if _, err := archive.Write([]byte(text)); err != nil {
			panic(err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.Files)) {
		write(tar.Header{Name: s.folder() + "/" + name, Mode: 0o644, Typeflag: tar.TypeReg}, s.Files[name])
	}
	for _, h := range s.Entries {
		write(h, "")
	}
	if err := archive.Close(); err != nil {
		panic(err)
	}
	if err := compressed.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}
