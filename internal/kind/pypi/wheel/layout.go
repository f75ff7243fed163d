package wheel

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/csv"
	"fmt"
	"io"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway/internal/bounded"
	"github.com/slipway-dev/slipway/internal/unpack"
)

// Where things lie in a virtual environment.
const (
	SitePackages = "lib/python" + Python + "/site-packages"
	Bin          = "bin"
)

// kind says how a file is installed.
type kind int

const (
	plain  kind = iota
	script      // its first line may name "python", which stands for the interpreter
)

// target returns where a file of the archive is installed, by the schemes of the specification.
func (w *Wheel) target(name string) (string, kind, error) {
	top, rest, _ := strings.Cut(name, "/")
	if !strings.HasSuffix(top, ".data") || rest == "" {
		return path.Join(SitePackages, name), plain, nil
	}
	if own := strings.TrimSuffix(w.InfoDir, ".dist-info") + ".data"; top != own {
		return "", 0, fmt.Errorf("it has %.200q, but its folder of data is %s", name, own)
	}
	scheme, file, _ := strings.Cut(rest, "/")
	switch {
	case file == "":
	case scheme == "purelib", scheme == "platlib":
		return path.Join(SitePackages, file), plain, nil
	case scheme == "headers":
		return path.Join("include/site/python"+Python, w.Project, file), plain, nil
	case scheme == "data":
		return file, plain, nil
	case scheme == "scripts" && scriptName.MatchString(file):
		return path.Join(Bin, file), script, nil
	}
	return "", 0, fmt.Errorf("it has %.200q, which belongs to none of the places that files can be installed to", name)
}

// Places returns the paths inside the virtual environment that Write writes, its record excepted, each with what identifies the content: where
// two wheels have a path with the same content, one of them is enough.
func (w *Wheel) Places() map[string]string {
	all := make(map[string]string, len(w.files)+len(w.Scripts))
	for _, f := range w.files {
		all[f.Target] = f.Hash
	}
	for _, s := range w.Scripts {
		all[path.Join(Bin, s.Name)] = s.Module + ":" + s.Object
	}
	return all
}

// Sources returns the paths inside the virtual environment of all Python that can be imported, sorted.
func (w *Wheel) Sources() (paths []string) {
	for _, f := range w.files {
		if strings.HasPrefix(f.Target, SitePackages+"/") && strings.HasSuffix(f.Target, ".py") {
			paths = append(paths, f.Target)
		}
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}

// WriteFile is what Write calls for each file, with a path inside the virtual environment.
type WriteFile func(name string, mode fs.FileMode, size int64, content io.Reader) error

// Write installs the wheel: its files, each checked against the record, its commands, and the record of what was installed. Files whose
// target skip names are checked and not written. Interpreter is the path that commands begin with.
func (w *Wheel) Write(ctx context.Context, interpreter string, skip func(target string) bool, write WriteFile) error {
	in := &installer{wheel: w, interpreter: interpreter, skip: skip, write: write}
	return in.install(ctx)
}

// installer writes one wheel.
type installer struct {
	wheel       *Wheel
	interpreter string
	skip        func(target string) bool
	write       WriteFile
	record      [][]string
}

func (in *installer) install(ctx context.Context) error {
	byPath := make(map[string]installable, len(in.wheel.files))
	for _, f := range in.wheel.files {
		byPath[f.Path] = f
	}
	err := in.wheel.walk(ctx, func(f unpack.File, content io.Reader) error {
		file, ok := byPath[f.Path]
		if !ok {
			return nil
		}
		if err := in.file(file, content); err != nil {
			return fmt.Errorf("%s: %w", file.Path, err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, s := range in.wheel.Scripts {
		if err := in.text(path.Join(Bin, s.Name), 0o755, s.text(in.interpreter)); err != nil {
			return err
		}
	}
	return in.writeRecord()
}

// file writes one file of the archive.
func (in *installer) file(f installable, content io.Reader) error {
	h, err := newHash(f.Hash)
	if err != nil {
		return err
	}
	checked := &verifier{r: content, hash: h, want: f.Hash}
	if in.skip(f.Target) {
		_, err := io.Copy(io.Discard, checked)
		in.record = append(in.record, []string{f.Target, f.Hash, strconv.FormatInt(f.Size, 10)})
		return err
	}
	mode := fs.FileMode(0o644)
	if f.Executable {
		mode = 0o755
	}
	const maxScript = 8 << 20 // larger commands are compiled programs
	if f.kind == script && f.Size <= maxScript {
		data, err := bounded.Read(checked, maxScript)
		if err != nil {
			return err
		}
		return in.text(f.Target, mode, in.ownInterpreter(string(data)))
	}
	in.record = append(in.record, []string{f.Target, f.Hash, strconv.FormatInt(f.Size, 10)})
	return in.write(f.Target, mode, f.Size, checked)
}

// ownInterpreter replaces the first line of a script that is for Python, whichever that may be.
func (in *installer) ownInterpreter(text string) string {
	first, rest, ok := strings.Cut(text, "\n")
	first = strings.TrimSuffix(first, "\r")
	if ok && (first == "#!python" || first == "#!pythonw" || strings.HasPrefix(first, "#!python ")) {
		return "#!" + in.interpreter + "\n" + rest
	}
	return text
}

// text writes a file that is not the archive's.
func (in *installer) text(target string, mode fs.FileMode, text string) error {
	sum := sha256.Sum256([]byte(text))
	in.record = append(in.record, []string{target, "sha256=" + base64.RawURLEncoding.EncodeToString(sum[:]), strconv.Itoa(len(text))})
	if in.skip(target) {
		return nil
	}
	return in.write(target, mode, int64(len(text)), strings.NewReader(text))
}

// writeRecord writes the RECORD of what was installed, with paths relative to site-packages.
func (in *installer) writeRecord() error {
	own := path.Join(SitePackages, in.wheel.InfoDir, "RECORD")
	in.record = append(in.record, []string{own, "", ""})
	for _, row := range in.record {
		relative, err := filepath.Rel(SitePackages, row[0])
		if err != nil {
			return err
		}
		row[0] = filepath.ToSlash(relative)
	}
	slices.SortFunc(in.record, func(a, b []string) int { return strings.Compare(a[0], b[0]) })
	var b bytes.Buffer
	table := csv.NewWriter(&b)
	if err := table.WriteAll(in.record); err != nil {
		return err
	}
	return in.write(own, 0o644, int64(b.Len()), &b)
}
