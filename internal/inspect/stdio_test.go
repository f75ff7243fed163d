package inspect

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"time"
)

// FuzzStdio reads any output to its end: as messages, as noise, or with a failure that has a reason.
func FuzzStdio(f *testing.F) {
	f.Add([]byte("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\nnoise\n[{\"jsonrpc\":\"2.0\",\"method\":\"a\"}]\n"))
	f.Add([]byte("[]\n{}\n[1,{\"jsonrpc\":1}]\n\"jsonrpc\"\n{\"jsonrpc\"\n"))
	f.Add([]byte("{\"jsonrpc\":\"2.0\",\"id\":{},\"result\":{}}"))
	f.Fuzz(func(t *testing.T, output []byte) {
		log := newTranscript(time.Now())
		connection, err := (&stdio{in: nopWriter{}, out: bytes.NewReader(output), log: log}).Connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer connection.Close()
		for range len(output) + 1 {
			message, err := connection.Read(t.Context())
			if err == nil && message == nil {
				t.Fatal("neither a message nor an error")
			}
			if err == nil {
				continue
			}
			var failure *Failure
			if !errors.Is(err, io.EOF) && !errors.As(err, &failure) {
				t.Errorf("got %v", err)
			}
			return
		}
		t.Error("more messages than bytes")
	})
}

type nopWriter struct{}

func (nopWriter) Write(p []byte) (int, error) { return len(p), nil }

func (nopWriter) Close() error { return nil }
