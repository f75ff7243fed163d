package layer

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// An executable is most of what an image holds; this test's own stands for it.
func BenchmarkCompression(b *testing.B) {
	name, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	data, err := os.ReadFile(name)
	if err != nil {
		b.Fatal(err)
	}
	for _, level := range []zstd.EncoderLevel{zstd.SpeedFastest, zstd.SpeedDefault, zstd.SpeedBetterCompression, zstd.SpeedBestCompression} {
		b.Run(level.String(), func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				var packed bytes.Buffer
				w, err := newCompressor(&packed, level)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := w.Write(data); err != nil {
					b.Fatal(err)
				}
				if err := w.Close(); err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(100*float64(packed.Len())/float64(len(data)), "%size")
			}
		})
	}
}

func BenchmarkLayerWarm(b *testing.B) {
	dir := b.TempDir()
	write := func(_ context.Context, w *Writer) error {
		return w.WriteFile("f", 0, 1<<20, io.LimitReader(rand.NewChaCha8([32]byte{}), 1<<20))
	}
	if _, err := NewStore(dir).Layer(b.Context(), "k", write); err != nil {
		b.Fatal(err)
	}
	for name, store := range map[string]func() *Store{
		"first in the process": func() *Store { return NewStore(dir) },
		"again":                func() func() *Store { s := NewStore(dir); return func() *Store { return s } }(),
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := store().Layer(b.Context(), "k", write); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
