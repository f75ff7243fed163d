package inventory

import (
	"bytes"
	"debug/buildinfo"
	"fmt"
	"io"
	"os"
	"strings"
)

var elf = []byte("\x7fELF")

// program reads what Go's linker writes into a program about the modules that it is made of (debug/buildinfo). The program is written to a
// temporary file for that, since its end tells where to look.
func program(_ string, content io.Reader) (*trace, error) {
	magic := make([]byte, len(elf))
	if n, err := io.ReadFull(content, magic); err != nil || !bytes.Equal(magic[:n], elf) {
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			err = nil // a short script
		}
		return nil, err
	}
	file, err := os.CreateTemp("", "program-")
	if err != nil {
		return nil, fmt.Errorf("cannot look into a program: %w", err)
	}
	defer func() {
		_ = file.Close()
		_ = os.Remove(file.Name()) // a temporary file's remains do no harm
	}()
	if _, err := io.Copy(file, io.MultiReader(bytes.NewReader(magic), content)); err != nil {
		return nil, err
	}
	info, err := buildinfo.Read(file)
	if err != nil {
		return nil, nil //nolint:nilnil // it is no Go program, or one that says nothing
	}
	// The version of Go may be followed by the experiments that were on.
	version, _, _ := strings.Cut(strings.TrimPrefix(info.GoVersion, "go"), " ")
	t := &trace{packages: []found{{ecosystem: golang, name: "stdlib", version: version}}}
	if info.Main.Path != "" && info.Main.Version != "" && info.Main.Version != "(devel)" {
		t.packages = append(t.packages, found{ecosystem: golang, name: info.Main.Path, version: info.Main.Version})
	}
	for _, m := range info.Deps {
		for m.Replace != nil {
			m = m.Replace
		}
		if m.Path != "" && m.Version != "" { // without a version it was replaced by a folder
			t.packages = append(t.packages, found{ecosystem: golang, name: m.Path, version: m.Version})
		}
	}
	return t, nil
}
