package base

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/build"
	"cuelang.org/go/cue/cuecontext"
	cueerrors "cuelang.org/go/cue/errors"
	"cuelang.org/go/cue/parser"
	"cuelang.org/go/cue/token"

	"github.com/slipway-dev/slipway/schema"
)

// Spec is what base.cue says; see #Base in the schema.
type Spec struct {
	Debian   Debian    `json:"debian"`
	Runtime  *Runtime  `json:"runtime,omitempty"`  // nil where Debian's packages are all that servers need
	Resolver *Resolver `json:"resolver,omitempty"` // nil where entries are locked without one
}

// Debian is the part of a base that comes from Debian.
type Debian struct {
	Suites   []string   `json:"suites"`
	Packages []string   `json:"packages"`
	Without  []Omission `json:"without,omitempty"`
}

// Omission is a dependency that the image does without.
type Omission struct {
	Package string `json:"package"`
	Reason  string `json:"reason"`
}

// Runtime is the language runtime, from one npm package for each Debian architecture.
type Runtime struct {
	Name     string            `json:"name"`
	Version  string            `json:"version"`
	Packages map[string]string `json:"packages"`
}

// Resolver is the package manager that resolves dependencies when an entry is locked. It is never part of an image.
type Resolver struct {
	Package string `json:"package"`
	Version string `json:"version"`
}

// parseSpec judges a base.cue by the definitions that come with Slipway. No other package can be imported but CUE's own.
func parseSpec(name string, source []byte) (Spec, error) {
	definitions, err := definitions()
	if err != nil {
		return Spec{}, err
	}
	load := func(_ token.Pos, importPath string) *build.Instance {
		if strings.TrimSuffix(importPath, "@v0") == schema.ImportPath {
			return definitions
		}
		return nil
	}
	instance := build.NewContext(build.Loader(load)).NewInstance("", load)
	if err := add(instance, name, source); err != nil {
		return Spec{}, err
	}
	if err := instance.Complete(); err != nil {
		return Spec{}, problems(name, err)
	}
	context := cuecontext.New()
	// The file embeds the definition itself for the sake of other tools; here it is judged by it whether it does or not.
	value := context.BuildInstance(definitions).LookupPath(cue.ParsePath("#Base")).Unify(context.BuildInstance(instance))
	if err := value.Validate(cue.Concrete(true)); err != nil {
		return Spec{}, problems(name, err)
	}
	var spec Spec
	if err := value.Decode(&spec); err != nil {
		return Spec{}, problems(name, err)
	}
	return spec, nil
}

func definitions() (*build.Instance, error) {
	instance := build.NewContext().NewInstance("", nil)
	instance.ImportPath = schema.ImportPath
	names, err := fs.Glob(schema.Files, "*.cue")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		source, err := schema.Files.ReadFile(name)
		if err != nil {
			return nil, err
		}
		if err := add(instance, "schema/"+name, source); err != nil {
			return nil, err
		}
	}
	if err := instance.Complete(); err != nil {
		return nil, problems("", err)
	}
	return instance, nil
}

func add(instance *build.Instance, name string, source []byte) error {
	file, err := parser.ParseFile(name, source)
	if err != nil {
		return problems(name, err)
	}
	if err := instance.AddSyntax(file); err != nil {
		return problems(name, err)
	}
	return nil
}

// problems turns CUE's errors into one a line, each with its place: in the file of that name if there is one.
func problems(name string, err error) error {
	var all []error
	for _, e := range cueerrors.Errors(err) {
		format, args := e.Msg()
		message := fmt.Sprintf(format, args...)
		if field := strings.TrimPrefix(strings.Join(e.Path(), "."), "#Base."); field != "" {
			message = field + ": " + message
		}
		all = append(all, errors.New(place(name, e)+": "+message))
	}
	return errors.Join(all...)
}

func place(name string, e cueerrors.Error) string {
	for _, at := range append(e.InputPositions(), e.Position()) {
		if at.Filename() == name {
			return at.String()
		}
	}
	return name
}
