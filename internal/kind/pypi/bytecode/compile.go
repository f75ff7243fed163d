package bytecode

import (
	"bytes"
	"cmp"
	"context"
	_ "embed"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"

	"golang.org/x/sync/errgroup"

	"github.com/slipway-dev/slipway/internal/keep"
	"github.com/slipway-dev/slipway/internal/kind/pypi/cpython"
)

// CPython 3.13, as sys.implementation.cache_tag and importlib.util.MAGIC_NUMBER have it.
const (
	tag   = "cpython-313"
	magic = "\xf3\x0d\x0d\x0a"
)

// header begins a compiled file that is known by the hash of its source, which follows, and not held against it (PEP 552).
const header = magic + "\x01\x00\x00\x00"

// maxCompiled bounds the compiled form of one source, in bytes.
const maxCompiled = 64 << 20

//go:embed compile.py
var program []byte

// environment makes compilations alike.
var environment = []string{"PATH=/usr/bin", "HOME=/tmp", "LC_ALL=C.UTF-8", "PYTHONHASHSEED=0", "PYTHONDONTWRITEBYTECODE=1"}

// work is a unit that is yet to be compiled.
type work struct {
	Unit
	key  string
	into *Compiled
}

// compile compiles all there is to do, in a sandbox for each processor.
func (c *Compiler) compile(ctx context.Context, all []work) error {
	slices.SortFunc(all, func(a, b work) int { return cmp.Compare(len(b.Sources), len(a.Sources)) })
	shares := make([][]work, runtime.NumCPU())
	counts := make([]int, len(shares))
	for _, w := range all {
		least := slices.Index(counts, slices.Min(counts))
		shares[least] = append(shares[least], w)
		counts[least] += len(w.Sources)
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, share := range shares {
		if len(share) > 0 {
			group.Go(func() error { return c.share(ctx, share) })
		}
	}
	return group.Wait()
}

// share compiles units in one sandbox.
func (c *Compiler) share(ctx context.Context, share []work) error {
	dir, err := os.MkdirTemp("", "slipway-python-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := c.lay(ctx, dir, share); err != nil {
		return err
	}
	out, in := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		args := []string{c.interpreter, "-P", "-S", "-W", "ignore", cpython.Dir + "/compile.py", cpython.Dir + "/sources.json"}
		err := c.sandbox.Run(ctx, dir, args, environment, in)
		_ = in.CloseWithError(err) // returns nil
		ended <- err
	}()
	err = c.keep(ctx, share, out)
	_ = out.CloseWithError(errUnwanted) // returns nil
	if broken := <-ended; err == nil {
		err = broken
	}
	return err
}

// errUnwanted ends a compiler that wrote something else than was asked for.
var errUnwanted = errors.New("nothing more is wanted of it")

// lay writes the sources and the program where the sandbox shows them.
func (c *Compiler) lay(ctx context.Context, dir string, share []work) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	var list [][2]string
	for i, w := range share {
		top := strconv.Itoa(i)
		for _, source := range w.Sources {
			list = append(list, [2]string{path.Join(cpython.Dir, top, source), path.Join(c.below, source)})
		}
		err := w.Write(ctx, func(name string, content io.Reader) error {
			if _, found := slices.BinarySearch(w.Sources, name); !found {
				return nil
			}
			return writeFile(root, path.Join(top, name), content)
		})
		if err != nil {
			return fmt.Errorf("%s: %w", w.Name, err)
		}
	}
	names, err := json.Marshal(list)
	if err != nil {
		return err
	}
	return errors.Join(
		writeFile(root, "sources.json", bytes.NewReader(names)),
		writeFile(root, "compile.py", bytes.NewReader(program)),
	)
}

func writeFile(root *os.Root, name string, content io.Reader) error {
	if err := root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	file, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, content)
	return errors.Join(err, file.Close())
}

// keep keeps what the program wrote, unit by unit. Whatever ran in the sandbox may have written it.
func (c *Compiler) keep(ctx context.Context, share []work, out io.Reader) error {
	for _, w := range share {
		read := false
		file, err := c.store.Get(ctx, w.key, func(file *keep.Draft) (sizes, error) {
			read = true
			return w.read(out, file)
		})
		if err == nil && !read { // another process was faster
			_, err = w.read(out, io.Discard)
		}
		if err != nil {
			return err
		}
		w.into.file = file
	}
	if n, err := io.Copy(io.Discard, out); n > 0 {
		return errors.Join(err, fmt.Errorf("the compiler wrote %d bytes more than it was asked for", n))
	}
	return nil
}

// read copies what became of one unit.
func (w work) read(from io.Reader, to io.Writer) (sizes, error) {
	all := make(sizes, len(w.Sources))
	for i, source := range w.Sources {
		var err error
		if all[i], err = copyOne(to, from); err != nil {
			return nil, fmt.Errorf("%s: %s: %w", w.Name, source, err)
		}
	}
	return all, nil
}

// copyOne copies what became of one source and returns its size.
func copyOne(to io.Writer, from io.Reader) (int64, error) {
	var length [4]byte
	if _, err := io.ReadFull(from, length[:]); err != nil {
		return 0, fmt.Errorf("the compiler ended before it: %w", err)
	}
	size := int64(binary.BigEndian.Uint32(length[:]))
	if size == 0 {
		return 0, nil
	}
	var start [len(header)]byte
	if _, err := io.ReadFull(from, start[:]); err != nil {
		return 0, fmt.Errorf("the compiler ended within it: %w", err)
	}
	if string(start[:]) != header || size > maxCompiled || size < int64(len(header)) {
		return 0, fmt.Errorf("the compiler wrote %d bytes that begin with %x, which is no compiled Python of %s", size, start, tag)
	}
	if _, err := to.Write(start[:]); err != nil {
		return 0, err
	}
	if _, err := io.CopyN(to, from, size-int64(len(header))); err != nil {
		return 0, fmt.Errorf("the compiler ended within it: %w", err)
	}
	return size, nil
}
