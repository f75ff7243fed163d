package sdist

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/pelletier/go-toml/v2"

	"github.com/slipway-dev/slipway/internal/kind/pypi/wheel"
)

// System says how a source tree is built (Python packaging specification "pyproject.toml", the table build-system; PEP 517 and 518).
type System struct {
	Requires []string // dependency specifiers of what the backend needs, each of which can be read and names no address
	Backend  string   // MODULE or MODULE:OBJECT
	Path     []string // folders of the tree that hold the backend itself; mostly none
}

// Bounds of what a source tree may say.
const (
	maxProject  = 1 << 20 // bytes of pyproject.toml
	maxRequires = 100
	maxPath     = 10
)

// legacy builds trees that do not say how.
const legacy = "setuptools.build_meta:__legacy__"

// project is the normalised form of a name. What reads dependencies is lenient about names.
var project = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

var backend = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*(:[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*)?$`)

// parseSystem reads a pyproject.toml; none at all is an empty one.
func parseSystem(data []byte) (System, error) {
	if !utf8.Valid(data) {
		return System{}, errors.New("its pyproject.toml is not valid UTF-8")
	}
	var document struct {
		System *struct {
			Requires *[]string `toml:"requires"`
			Backend  string    `toml:"build-backend"`
			Path     []string  `toml:"backend-path"`
		} `toml:"build-system"`
	}
	if err := toml.Unmarshal(data, &document); err != nil {
		return System{}, fmt.Errorf("its pyproject.toml cannot be read: %w", err)
	}
	if document.System == nil {
		return System{Requires: []string{"setuptools"}, Backend: legacy}, nil
	}
	s := System{Backend: document.System.Backend, Path: document.System.Path}
	if document.System.Requires == nil {
		return System{}, errors.New("its pyproject.toml has a build-system without requires, which the specification wants")
	}
	var err error
	if s.Requires, err = requirements(*document.System.Requires); err != nil {
		return System{}, err
	}
	if s.Backend == "" {
		s.Backend = legacy
	}
	if len(s.Backend) > 200 || !backend.MatchString(s.Backend) {
		return System{}, fmt.Errorf("its build-backend is %.100q: want MODULE or MODULE:OBJECT", s.Backend)
	}
	if len(s.Path) > maxPath {
		return System{}, fmt.Errorf("its backend-path has more than %d folders", maxPath)
	}
	for _, folder := range s.Path {
		if folder == "" || path.IsAbs(folder) || path.Clean(folder) == ".." || strings.HasPrefix(path.Clean(folder), "../") || strings.ContainsAny(folder, "\x00\\") {
			return System{}, fmt.Errorf("its backend-path has %.100q, which is not in its tree", folder)
		}
	}
	return s, nil
}

// requirements checks what a tree or its backend wants to be built with: strangers wrote it, and a resolver will read it.
func requirements(texts []string) ([]string, error) {
	if len(texts) > maxRequires {
		return nil, fmt.Errorf("it wants more than %d packages to be built with", maxRequires)
	}
	for _, text := range texts {
		r, err := wheel.ParseRequirement(text)
		if err != nil || len(text) > 1000 || !project.MatchString(r.Project) || strings.ContainsAny(text, "\x00\r\n") {
			return nil, fmt.Errorf("it wants %.100q to be built with, which is no dependency: want NAME and versions", text)
		}
		if r.Address != "" || strings.Contains(text, "@") {
			return nil, fmt.Errorf("it wants %s to be built with from an address of its own, and only packages of an index can be", r.Project)
		}
	}
	return texts, nil
}
