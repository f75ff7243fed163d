package bounded_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"testing/iotest"

	"github.com/slipway-dev/slipway/internal/bounded"
)

func TestReadStopsAtTheLimit(t *testing.T) {
	t.Parallel()
	for limit, fits := range map[int64]bool{0: false, 3: false, 4: true, 5: true} {
		source := strings.NewReader("four")
		data, err := bounded.Read(source, limit)
		var size *bounded.SizeError
		switch {
		case fits && (err != nil || string(data) != "four"):
			t.Errorf("limit %d: got %q, %v", limit, data, err)
		case !fits && (!errors.As(err, &size) || size.Limit != limit || data != nil):
			t.Errorf("limit %d: got %q, %v", limit, data, err)
		case !fits && int64(source.Len()) != 4-limit-1:
			t.Errorf("limit %d: read on to %d bytes before the end", limit, source.Len())
		}
	}
	broken := errors.New("broken")
	if _, err := bounded.Read(iotest.ErrReader(broken), 10); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

func TestFile(t *testing.T) {
	t.Parallel()
	fsys := fstest.MapFS{"a/file": {Data: []byte("four")}, "pipe": {Mode: fs.ModeNamedPipe}}
	if data, err := bounded.File(fsys, "a/file", 4); err != nil || string(data) != "four" {
		t.Errorf("got %q, %v", data, err)
	}
	var size *bounded.SizeError
	if _, err := bounded.File(fsys, "a/file", 3); !errors.As(err, &size) || !strings.Contains(err.Error(), "a/file") {
		t.Errorf("a large file: %v", err)
	}
	for name, want := range map[string]error{"a": bounded.ErrNotRegular, "pipe": bounded.ErrNotRegular, "b": fs.ErrNotExist} {
		if _, err := bounded.File(fsys, name, 4); !errors.Is(err, want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestReaderEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	r := bounded.Reader(ctx, strings.NewReader("content"))
	if _, err := io.ReadFull(r, make([]byte, 3)); err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := io.ReadAll(r); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
