// Package cpython is the interpreter of an entry's base, as far as anything is done with it before there is an image.
package cpython

import (
	"context"
	"io"
)

// Dir is where a sandbox shows the folder that a program may read.
const Dir = "/work"

// Sandbox is where CPython runs on what strangers wrote.
type Sandbox interface {
	// Key names what the sandbox holds besides the folder: with equal keys, programs find the same.
	Key(ctx context.Context) (string, error)
	// Run runs a program with arguments and the environment env, without a network and within limits. It may read the folder dir at Dir, and write
	// to /tmp only. What it writes to standard output goes to out. The error says how it ended, and holds what it wrote to standard error.
	Run(ctx context.Context, dir string, args, env []string, out io.Writer) error
}
