package catalog

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"

	"cuelang.org/go/mod/modfile"

	"github.com/slipway-dev/slipway/schema"
)

const (
	moduleFile = "cue.mod/module.cue"
	ownModule  = "github.com/slipway-dev/slipway"
)

// definitionsOf returns the CUE files that the import of the schema means in this catalog, as the cue command would find them: those of the
// repository itself where it is Slipway's, those that it keeps under cue.mod/pkg, or else those that catalogctl was built with.
func definitionsOf(root *os.Root) (map[string][]byte, error) {
	module, err := read(root, moduleFile, maxFileSize)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w", moduleFile, err)
	}
	dirs := []string{path.Join("cue.mod/pkg", schema.ImportPath)}
	if err == nil {
		m, err := modfile.ParseNonStrict(module, moduleFile)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", moduleFile, err)
		}
		if strings.TrimSuffix(m.QualifiedModule(), "@v0") == ownModule {
			dirs = append([]string{"schema"}, dirs...)
		}
	}
	for _, dir := range dirs {
		files, err := cueFiles(root, dir)
		if err != nil || len(files) > 0 {
			return files, err
		}
	}
	return builtIn()
}

// builtIn returns the definitions that catalogctl was built with.
func builtIn() (map[string][]byte, error) {
	files := map[string][]byte{}
	all, err := fs.Glob(schema.Files, "*.cue")
	if err != nil {
		return nil, fmt.Errorf("list the built-in definitions: %w", err)
	}
	for _, name := range all {
		if files[name], err = schema.Files.ReadFile(name); err != nil {
			return nil, fmt.Errorf("read the built-in definitions: %w", err)
		}
	}
	return files, nil
}

// cueFiles reads the CUE files of a folder; there are none where the folder does not exist.
func cueFiles(root *os.Root, dir string) (map[string][]byte, error) {
	all, err := list(root, dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list the definitions: %w", err)
	}
	files := map[string][]byte{}
	for _, d := range all {
		if path.Ext(d.Name()) != ".cue" || strings.HasPrefix(d.Name(), "_") || strings.HasPrefix(d.Name(), ".") {
			continue
		}
		body, err := read(root, path.Join(dir, d.Name()), maxFileSize)
		if err != nil {
			return nil, fmt.Errorf("%s/%s: %w", dir, d.Name(), err)
		}
		files[d.Name()] = body
	}
	return files, nil
}
