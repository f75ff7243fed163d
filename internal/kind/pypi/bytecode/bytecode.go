// Package bytecode has the sources of wheels compiled ahead of time, so that servers start in half the time: no container that may not write to its
// own image could keep what CPython compiles at each start.
//
// What is compiled has the form of PEP 552, hash-based and unchecked, and is the same on all machines: it holds no time, and is the work of the
// CPython that is in the base. That reads what strangers wrote, and so runs in the sandbox; the code itself does not run.
package bytecode

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
	"sync"

	"github.com/slipway-dev/slipway/internal/keep"
	"github.com/slipway-dev/slipway/internal/kind/pypi/cpython"
)

// version changes whenever the same source may be compiled to something else.
const version = "bytecode 1"

// Unit is the sources of one wheel.
type Unit struct {
	Name    string   // for messages
	Content string   // identifies what the sources hold and where they are
	Sources []string // their paths, each ending in .py
	// Write writes all of them; other files that it writes are passed over.
	Write func(ctx context.Context, write func(name string, content io.Reader) error) error
}

// Compiled is what became of a unit.
type Compiled struct {
	sources []string
	file    *keep.File[sizes]
}

// sizes are those of a unit's compiled sources, in bytes and in their order. What could not be compiled has 0.
type sizes []int64

// Compiler compiles units, each once. It may be used by many goroutines at once.
type Compiler struct {
	interpreter string
	below       string
	sandbox     cpython.Sandbox
	store       *keep.Store[sizes]

	mutex sync.Mutex
}

// NewCompiler returns a compiler that keeps what it made in the folder dir. Interpreter is the path of CPython in the sandbox, and below the folder of
// the image that the paths of sources are in: both are part of what is compiled.
func NewCompiler(dir string, sandbox cpython.Sandbox, interpreter, below string) *Compiler {
	return &Compiler{interpreter: interpreter, below: below, sandbox: sandbox, store: keep.New[sizes](dir)}
}

// Key names all that compiling depends on, the sources excepted.
func (c *Compiler) Key(ctx context.Context) (string, error) {
	inside, err := c.sandbox.Key(ctx)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%s\n%s\n%x", version, inside, c.interpreter, c.below, sha256.Sum256(program)))
	return hex.EncodeToString(sum[:]), nil
}

// Compile returns what becomes of units, in their order.
func (c *Compiler) Compile(ctx context.Context, units []Unit) ([]*Compiled, error) {
	key, err := c.Key(ctx)
	if err != nil {
		return nil, err
	}
	// The images of other platforms and entries mostly have the same wheels: one after another, they compile none twice.
	c.mutex.Lock()
	defer c.mutex.Unlock()
	all := make([]*Compiled, len(units))
	var missing []work
	for i, u := range units {
		all[i] = &Compiled{sources: u.Sources, file: c.store.Kept(u.key(key))}
		if all[i].file == nil {
			missing = append(missing, work{Unit: u, key: u.key(key), into: all[i]})
		}
	}
	if err := c.compile(ctx, missing); err != nil {
		return nil, fmt.Errorf("compile Python: %w", err)
	}
	return all, nil
}

func (u Unit) key(compiler string) string {
	sum := sha256.Sum256([]byte(compiler + "\n" + u.Content))
	return hex.EncodeToString(sum[:])
}

// Each calls visit for each source that was compiled, with where CPython looks for the result (PEP 3147), the size of it in bytes, and its content.
func (c *Compiled) Each(visit func(source, name string, size int64, content io.Reader) error) error {
	if len(c.file.About) != len(c.sources) {
		return fmt.Errorf("what is kept of %d sources in %s is of %d: remove it", len(c.sources), c.file.Path, len(c.file.About))
	}
	file, err := os.Open(c.file.Path)
	if err != nil {
		return err
	}
	defer file.Close()
	for i, source := range c.sources {
		size := c.file.About[i]
		if size == 0 {
			continue
		}
		content := io.LimitReader(file, size)
		if err := visit(source, name(source), size, content); err != nil {
			return err
		}
		if _, err := io.Copy(io.Discard, content); err != nil {
			return err
		}
	}
	return nil
}

// name returns where the compiled form of a source is.
func name(source string) string {
	dir, file := path.Split(source)
	return path.Join(dir, "__pycache__", strings.TrimSuffix(file, ".py")+"."+tag+".pyc")
}
