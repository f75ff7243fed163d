package sandbox

import (
	"io"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// TailBytes is how much of standard error is kept.
const TailBytes = 64 << 10

// tail keeps the last bytes written to it.
type tail struct {
	mu   sync.Mutex
	data []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.data = append(t.data, p...)
	// Twice the size before it is cut, so that each byte is moved once at most.
	if len(t.data) > 2*TailBytes {
		t.data = t.data[:copy(t.data, t.data[len(t.data)-TailBytes:])]
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	data := t.data[max(0, len(t.data)-TailBytes):]
	for len(data) > 0 && !utf8.RuneStart(data[0]) {
		data = data[1:]
	}
	return printable(data)
}

// printable keeps newlines, tabs and what a terminal shows as a character, and puts U+FFFD for everything else, escape sequences included.
func printable(data []byte) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || unicode.IsPrint(r) {
			return r
		}
		if r == '\r' {
			return -1
		}
		return utf8.RuneError
	}, strings.ToValidUTF8(string(data), string(utf8.RuneError)))
}

// meter counts what passes through it and calls over once, when more than left bytes have.
type meter struct {
	mu   sync.Mutex
	left int64
	over func()
}

func (m *meter) count(n int) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.left < 0 {
		return errOutput
	}
	if m.left -= int64(n); m.left < 0 {
		m.over()
		return errOutput
	}
	return nil
}

// meteredReader is standard output as its reader sees it.
type meteredReader struct {
	io.Reader
	meter *meter
}

func (r meteredReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if n > 0 {
		if over := r.meter.count(n); over != nil {
			return 0, over
		}
	}
	return n, err
}

// meteredWriter feeds standard error to its tail.
type meteredWriter struct {
	io.Writer
	meter *meter
}

func (w meteredWriter) Write(p []byte) (int, error) {
	if err := w.meter.count(len(p)); err != nil {
		return 0, err
	}
	return w.Writer.Write(p)
}
