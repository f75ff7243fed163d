package wheeltest

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/slipway-dev/slipway/internal/kind/pypi/cpython"
)

// CPython is a sandbox whose interpreter compiles, in a way: what becomes of a source is Pyc of it. Sources that hold "syntax error" it does not compile.
type CPython struct {
	mutex    sync.Mutex
	compiled []string
}

// Pyc returns what becomes of a source that will be at a path.
func Pyc(path, source string) string {
	sum := sha256.Sum256([]byte(path + "\n" + source))
	return "\xf3\x0d\x0d\x0a\x01\x00\x00\x00" + string(sum[:])
}

// Compiled returns the paths of all sources that were compiled, in their order.
func (c *CPython) Compiled() []string {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return append([]string{}, c.compiled...)
}

// Key is always the same.
func (*CPython) Key(context.Context) (string, error) { return "CPython", nil }

// Run compiles what the list in the folder names; it runs nothing else.
func (c *CPython) Run(_ context.Context, dir string, args, _ []string, out io.Writer) error {
	list, ok := strings.CutPrefix(args[len(args)-1], cpython.Dir+"/")
	if !ok || list != "sources.json" {
		return errors.New("this sandbox only compiles")
	}
	data, err := os.ReadFile(filepath.Join(dir, list))
	if err != nil {
		return err
	}
	var sources [][2]string
	if err := json.Unmarshal(data, &sources); err != nil {
		return err
	}
	for _, s := range sources {
		text, err := os.ReadFile(filepath.Join(dir, strings.TrimPrefix(s[0], cpython.Dir)))
		if err != nil {
			return err
		}
		c.mutex.Lock()
		c.compiled = append(c.compiled, s[1])
		c.mutex.Unlock()
		pyc := ""
		if !strings.Contains(string(text), "syntax error") {
			pyc = Pyc(s[1], string(text))
		}
		if _, err := out.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(pyc))), pyc...)); err != nil {
			return err
		}
	}
	return nil
}
