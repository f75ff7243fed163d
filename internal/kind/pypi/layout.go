package pypi

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/kind/pypi/bytecode"
	"github.com/slipway-dev/slipway/internal/kind/pypi/wheel"
	"github.com/slipway-dev/slipway/internal/layer"
)

// layoutVersion changes whenever the same wheels are laid out in another way.
const layoutVersion = "pypi layout 2"

// interpreter is CPython as the virtual environment has it.
const interpreter = AppDir + "/bin/python"

// configuration makes a folder a virtual environment (Python documentation, module site; PEP 405).
const configuration = "home = /usr/bin\ninclude-system-site-packages = false\nversion = " + wheel.PythonFull + "\n"

// reserved are the paths that are the virtual environment's own.
var reserved = []string{"pyvenv.cfg", "bin/python", "bin/python3", "bin/python" + wheel.Python}

// key names the layer by what is in it, so that platforms which take the same wheels share it. Compiler is the key of what compiles.
func (i *installation) key(compiler string) string {
	hash := sha256.New()
	_, _ = fmt.Fprintf(hash, "%s\n%s", layoutVersion, compiler) // a hash does not fail
	for _, p := range i.packages {
		_, _ = fmt.Fprintf(hash, "\n%q %q", p.wheel.File, p.content())
	}
	return "pypi-" + hex.EncodeToString(hash.Sum(nil))
}

// place decides which package writes each path. Two packages may have a path in common if what they would write there is the same.
func (i *installation) place() error {
	i.owners = map[string]string{}
	contents := map[string]string{}
	for _, name := range reserved {
		i.owners[name] = "the virtual environment"
	}
	for _, p := range i.packages {
		for target, content := range p.wheel.Places() {
			other, taken := i.owners[target]
			switch {
			case !taken:
				i.owners[target], contents[target] = p.name, content
			case contents[target] != content:
				return fmt.Errorf("packages %s and %s both install %s, with other content: they cannot be installed together", other, p.name, target)
			}
		}
	}
	return nil
}

// write lays the packages out below AppDir as a virtual environment, with their sources compiled.
func (i *installation) write(ctx context.Context, c *bytecode.Compiler, w *layer.Writer) error {
	write := func(name string, mode fs.FileMode, size int64, content io.Reader) error {
		return w.WriteFile(AppDir[1:]+"/"+name, mode, size, content)
	}
	link := func(name, target string) error { return w.WriteSymlink(AppDir[1:]+"/"+name, target) }
	if err := i.lay(ctx, interpreter, write, link); err != nil {
		return err
	}
	units := make([]bytecode.Unit, len(i.packages))
	for n, p := range i.packages {
		units[n] = p.unit()
	}
	compiled, err := c.Compile(ctx, units)
	if err != nil {
		return err
	}
	for n, p := range i.packages {
		err := compiled[n].Each(func(source, name string, size int64, content io.Reader) error {
			if i.owners[source] != p.name {
				return nil // the same is compiled with its owner
			}
			return write(name, 0o644, size, content)
		})
		if err != nil {
			return fmt.Errorf("package %s %s: %w", p.name, p.version, err)
		}
	}
	return nil
}

// unit is the package as the compiler takes it.
func (p installed) unit() bytecode.Unit {
	return bytecode.Unit{
		Name: p.name + " " + p.version, Content: p.wheel.Content(), Sources: p.wheel.Sources(),
		Write: func(ctx context.Context, write func(name string, content io.Reader) error) error {
			return p.wheel.Write(ctx, interpreter, func(string) bool { return false }, func(name string, _ fs.FileMode, _ int64, content io.Reader) error {
				return write(name, content)
			})
		},
	}
}

// lay writes a virtual environment, whose commands begin with the path of its interpreter.
func (i *installation) lay(ctx context.Context, interpreter string, write wheel.WriteFile, link func(name, target string) error) error {
	if err := write("pyvenv.cfg", 0o644, int64(len(configuration)), strings.NewReader(configuration)); err != nil {
		return err
	}
	for _, name := range reserved[1:] {
		if err := link(name, PythonPath); err != nil {
			return err
		}
	}
	for _, p := range i.packages {
		foreign := func(target string) bool { return i.owners[target] != p.name }
		if err := p.wheel.Write(ctx, interpreter, foreign, write); err != nil {
			return fmt.Errorf("package %s %s: wheel %s: %w", p.name, p.version, p.wheel.File, err)
		}
	}
	return nil
}

// entrypoint returns the command that starts the entry's server.
func (i *installation) entrypoint(e entry.Entry) ([]string, error) {
	p := i.find(e.Package.Name)
	scripts, programs := map[string]bool{}, p.wheel.Programs()
	names := slices.Clone(programs)
	for _, s := range p.wheel.Scripts {
		scripts[s.Name] = true
		names = append(names, s.Name)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	own := slices.IndexFunc(names, func(name string) bool { return wheel.Project(name) == p.name })
	module := strings.ReplaceAll(p.name, "-", "_")
	name := e.Package.Bin
	switch {
	case name != "" && !slices.Contains(names, name):
		return nil, fmt.Errorf("package %s %s has no command %q: set package.bin to one of %s", p.name, p.version, name, strings.Join(names, ", "))
	case name != "":
	case own >= 0:
		name = names[own]
	case len(names) == 1:
		name = names[0]
	case len(names) > 1:
		return nil, fmt.Errorf("package %s %s has several commands: set package.bin to one of %s", p.name, p.version, strings.Join(names, ", "))
	case p.wheel.Has(wheel.SitePackages + "/" + module + "/__main__.py"):
		return []string{interpreter, "-m", module}, nil
	default:
		return nil, fmt.Errorf("package %s %s has no command and no module %s to run, so it is no server that can be started: check package.name",
			p.name, p.version, module)
	}
	if scripts[name] {
		return []string{interpreter, AppDir + "/" + wheel.Bin + "/" + name}, nil
	}
	return []string{AppDir + "/" + wheel.Bin + "/" + name}, nil
}
