// Package wheel reads wheels (Python packaging specification "Binary distribution format", PEP 427): which of them run on a platform, what they
// say of themselves, and where each of their files is installed.
package wheel

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/bounded"
	"github.com/slipway-dev/slipway/internal/unpack"
)

// limits of one wheel. The largest that servers depend on carry a machine-learning runtime.
var limits = unpack.Limits{Entries: 100_000, Bytes: 4 << 30, FileBytes: 2 << 30}

// MaxBytes bounds a wheel's file.
const MaxBytes = 1 << 30

// maxText bounds each of the files of a wheel that are read: METADATA holds the package's whole description.
const maxText = 16 << 20

// Wheel is a wheel that was read, its files excepted: they are checked against the record when they are written.
type Wheel struct {
	Name
	Metadata *Metadata
	Scripts  []Script // sorted by name
	// InfoDir is the folder of the wheel's metadata, inside the archive and in site-packages.
	InfoDir string

	file  string
	files []installable // sorted by Path
}

// installable is one file of a wheel and where it is installed.
type installable struct {
	Path       string // inside the archive
	Target     string // inside the virtual environment
	Executable bool
	Size       int64  // in bytes, inside the archive
	Hash       string // as in the record
	kind       kind
}

// Open reads what the wheel in a local file says of itself, and compares the names and sizes of its files with its record. The name is that
// of the file in the index.
func Open(ctx context.Context, file string, name Name) (*Wheel, error) {
	w := &Wheel{Name: name, file: file}
	texts := map[string][]byte{}
	sizes := map[string]unpack.File{}
	err := w.walk(ctx, func(f unpack.File, r io.Reader) error {
		sizes[f.Path] = f
		dir, base := path.Split(f.Path)
		if !strings.HasSuffix(dir, ".dist-info/") || strings.Count(dir, "/") != 1 {
			return nil
		}
		if w.InfoDir == "" {
			w.InfoDir = strings.TrimSuffix(dir, "/")
		} else if w.InfoDir+"/" != dir {
			return fmt.Errorf("it has two folders of metadata, %s and %s", w.InfoDir, dir)
		}
		if !slices.Contains([]string{"METADATA", "WHEEL", "RECORD", "entry_points.txt"}, base) {
			return nil
		}
		data, err := bounded.Read(r, maxText)
		if err != nil {
			return fmt.Errorf("%s: %w", f.Path, err)
		}
		texts[base] = data
		return nil
	})
	if err != nil {
		return nil, err
	}
	return w, w.read(texts, sizes)
}

// read makes a wheel of its texts.
func (w *Wheel) read(texts map[string][]byte, files map[string]unpack.File) error {
	if w.InfoDir == "" {
		return errors.New("it has no folder of metadata, .dist-info")
	}
	for _, base := range []string{"METADATA", "WHEEL", "RECORD"} {
		if texts[base] == nil {
			return fmt.Errorf("it has no %s/%s", w.InfoDir, base)
		}
	}
	if err := checkFormat(texts["WHEEL"]); err != nil {
		return err
	}
	var err error
	if w.Metadata, err = parseMetadata(texts["METADATA"]); err != nil {
		return err
	}
	if m := w.Metadata; Project(m.Name) != w.Project || !SameVersion(m.Version, w.Version) {
		return fmt.Errorf("its METADATA says that it is %.100s %.100s, and its name %s %s", m.Name, m.Version, w.Project, w.Version)
	}
	project, version, _ := strings.Cut(strings.TrimSuffix(w.InfoDir, ".dist-info"), "-")
	if Project(project) != w.Project || !SameVersion(version, w.Version) {
		return fmt.Errorf("its folder of metadata is %.100s, which is that of another package or version", w.InfoDir)
	}
	if w.Scripts, err = parseEntryPoints(texts["entry_points.txt"]); err != nil {
		return err
	}
	record, err := parseRecord(texts["RECORD"])
	if err != nil {
		return err
	}
	return w.match(files, record)
}

// walk visits the files of the archive.
func (w *Wheel) walk(ctx context.Context, visit unpack.Visit) error {
	f, err := os.Open(w.file)
	if err != nil {
		return fmt.Errorf("cannot open the downloaded wheel: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	return unpack.Zip(ctx, f, info.Size(), limits, func(f unpack.File, r io.Reader) error {
		if f.Mode.IsDir() {
			return nil
		}
		return visit(f, r)
	})
}

// Content returns a SHA-256 in lower-case hexadecimal digits over the paths, permissions and hashes of all that the wheel installs. Two wheels
// of one content install the same, whatever the order of their files and the times that they carry.
func (w *Wheel) Content() string {
	hash := sha256.New()
	for _, f := range w.files {
		_, _ = fmt.Fprintf(hash, "%q %t %d %q\n", f.Path, f.Executable, f.Size, f.Hash) // a hash does not fail
	}
	return hex.EncodeToString(hash.Sum(nil))
}

// Programs returns the names of the commands that are files of the wheel, not calls of a function.
func (w *Wheel) Programs() (names []string) {
	for _, f := range w.files {
		if f.kind == script {
			names = append(names, path.Base(f.Target))
		}
	}
	return names
}

// Has says whether the wheel installs a file at a path inside the virtual environment.
func (w *Wheel) Has(target string) bool {
	return slices.ContainsFunc(w.files, func(f installable) bool { return f.Target == target })
}

// checkFormat refuses wheels of a format that is to come.
func checkFormat(data []byte) error {
	header, err := parseHeader(data)
	if err != nil {
		return fmt.Errorf("its WHEEL cannot be read: %w", err)
	}
	if major, _, _ := strings.Cut(header.Get("Wheel-Version"), "."); major != "1" {
		return fmt.Errorf("it is of version %.20q of the format: only 1 is known", header.Get("Wheel-Version"))
	}
	return nil
}
