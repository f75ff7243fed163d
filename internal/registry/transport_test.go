package registry_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/registry"
)

// body notes that it was closed.
type body struct {
	io.Reader
	closed chan struct{}
}

func newBody(r io.Reader) *body { return &body{Reader: r, closed: make(chan struct{})} }

func (b *body) Close() error {
	close(b.closed)
	return nil
}

func within(t testing.TB, what string, done <-chan struct{}) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Fatal("waited in vain: " + what)
	}
}

func request(ctx context.Context, t testing.TB, method string, b io.Reader) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, method, "http://"+registry.Host+"/path?query=1", b)
	if err != nil {
		t.Fatal(err)
	}
	return req
}

func send(t testing.TB, h http.HandlerFunc, req *http.Request) *http.Response {
	t.Helper()
	res, err := registry.Transport(registry.Host, h, refuse{}).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { res.Body.Close() })
	return res
}

func TestOtherHostsAreReachedOverTheNetwork(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	t.Cleanup(server.Close)
	client := http.Client{Transport: registry.Transport(registry.Host, http.NotFoundHandler(), server.Client().Transport)}
	for url, want := range map[string]int{server.URL: http.StatusTeapot, "http://" + strings.ToUpper(registry.Host): http.StatusNotFound} {
		res, err := client.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("%s: %s", url, res.Status)
		}
	}
}

// The answer begins before the request has ended, and each part arrives before the next is written: nothing waits for a whole body.
func TestBodiesAreStreamed(t *testing.T) {
	t.Parallel()
	in, out := io.Pipe()
	res := send(t, func(w http.ResponseWriter, r *http.Request) {
		if err := http.NewResponseController(w).Flush(); err != nil {
			t.Error(err)
		}
		io.Copy(w, r.Body)
	}, request(t.Context(), t, "POST", in))
	for range 3 {
		if _, err := out.Write([]byte("ping")); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, 4)
		if _, err := io.ReadFull(res.Body, got); err != nil || string(got) != "ping" {
			t.Fatalf("%q, %v", got, err)
		}
	}
	out.Close()
	if rest, err := io.ReadAll(res.Body); err != nil || len(rest) != 0 {
		t.Errorf("%q, %v", rest, err)
	}
}

// A client that is told where to go on must find the handler gone, as an upload's next chunk does.
func TestAnswersWithoutBodyComeLast(t *testing.T) {
	t.Parallel()
	var ended atomic.Bool
	res := send(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusAccepted)
		time.Sleep(50 * time.Millisecond)
		ended.Store(true)
	}, request(t.Context(), t, "POST", nil))
	if res.StatusCode != http.StatusAccepted || !ended.Load() {
		t.Errorf("%s arrived while the handler was at work", res.Status)
	}
}

func TestRequestLooksLikeAServers(t *testing.T) {
	t.Parallel()
	req := request(t.Context(), t, "POST", io.MultiReader(strings.NewReader("body")))
	req.Header.Set("X", "1")
	res := send(t, func(w http.ResponseWriter, r *http.Request) {
		r.Header.Set("X", "changed")
		if r.RequestURI != "/path?query=1" || r.Host != registry.Host || r.URL.Host != "" || r.ContentLength != -1 {
			http.Error(w, r.RequestURI+" "+r.Host+" "+r.URL.Host, http.StatusBadRequest)
		}
	}, req)
	if res.StatusCode != http.StatusOK || res.Request != req || req.Header.Get("X") != "1" {
		t.Errorf("%s; the client's header is %q", res.Status, req.Header.Get("X"))
	}
}

func TestTheRequestsBodyIsAlwaysClosed(t *testing.T) {
	t.Parallel()
	for name, h := range map[string]http.HandlerFunc{
		"read":     func(_ http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) },
		"not read": func(http.ResponseWriter, *http.Request) {},
		"panic":    func(http.ResponseWriter, *http.Request) { panic("broken") },
	} {
		b := newBody(strings.NewReader("content"))
		res, err := registry.Transport(registry.Host, h, refuse{}).RoundTrip(request(t.Context(), t, "PUT", b))
		if (err != nil) != (name == "panic") {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil {
			res.Body.Close()
		}
		within(t, name, b.closed)
	}
}

func TestCancellation(t *testing.T) {
	t.Parallel()
	t.Run("before the answer", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		h := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			cancel()
			<-r.Context().Done()
			close(ended)
		})
		_, err := registry.Transport(registry.Host, h, refuse{}).RoundTrip(request(ctx, t, "GET", nil))
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		within(t, "the handler ends", ended)
	})
	t.Run("within the answer", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		res := send(t, func(w http.ResponseWriter, r *http.Request) {
			defer close(ended)
			w.Write([]byte("begin"))
			<-r.Context().Done()
		}, request(ctx, t, "GET", nil))
		if _, err := io.ReadFull(res.Body, make([]byte, 5)); err != nil {
			t.Fatal(err)
		}
		cancel()
		if _, err := io.ReadAll(res.Body); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		within(t, "the handler ends", ended)
	})
	t.Run("by closing the answer", func(t *testing.T) {
		t.Parallel()
		ended := make(chan struct{})
		res := send(t, func(w http.ResponseWriter, r *http.Request) {
			defer close(ended)
			for {
				if _, err := w.Write([]byte("endless")); err != nil {
					<-r.Context().Done()
					return
				}
			}
		}, request(t.Context(), t, "GET", nil))
		res.Body.Close()
		within(t, "the handler ends", ended)
	})
	t.Run("within the request", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		var failed atomic.Bool
		b := newBody(endless{})
		h := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			time.AfterFunc(time.Millisecond, cancel)
			_, err := io.Copy(io.Discard, r.Body)
			failed.Store(errors.Is(err, context.Canceled))
		})
		if _, err := registry.Transport(registry.Host, h, refuse{}).RoundTrip(request(ctx, t, "PUT", b)); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		within(t, "the request's body is closed", b.closed)
		if !failed.Load() {
			t.Error("the handler took the cancelled body for a complete one")
		}
	})
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

func TestAnnouncedLength(t *testing.T) {
	t.Parallel()
	h := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "5")
		w.Write([]byte("abc"))
		if r.Method == http.MethodPut {
			if _, err := w.Write([]byte("defg")); !errors.Is(err, http.ErrContentLength) {
				panic("wrote more than was announced")
			}
			w.Write([]byte("de"))
		}
	}
	for method, want := range map[string]string{"GET": "abc unexpected EOF", "PUT": "abcde ", "HEAD": " "} {
		res := send(t, h, request(t.Context(), t, method, nil))
		content, err := io.ReadAll(res.Body)
		got := string(content) + " "
		if err != nil {
			got += err.Error()
		}
		if got != want || res.ContentLength != 5 {
			t.Errorf("%s: %q, length %d", method, got, res.ContentLength)
		}
	}
}
