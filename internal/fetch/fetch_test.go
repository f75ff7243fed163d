package fetch

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const content = "what the lock pins"

// still is a clock that never waits but remembers for how long it should have.
func still(c *Cache) *[]time.Duration {
	var waits []time.Duration
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	c.Clock = Clock{
		Now: func() time.Time { return now },
		Sleep: func(ctx context.Context, d time.Duration) error {
			waits = append(waits, d)
			now = now.Add(d)
			return ctx.Err()
		},
	}
	return &waits
}

func serve(t testing.TB, handler http.HandlerFunc) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server
}

func sha(s string) Digest {
	sum := sha256.Sum256([]byte(s))
	return Digest{"sha256", hex.EncodeToString(sum[:])}
}

func request(url string) Request { return Request{URL: url, Digest: sha(content), MaxBytes: 1000} }

func cached(t *testing.T, dir string) (files []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestFileIsDownloadedOnce(t *testing.T) {
	t.Parallel()
	var hits atomic.Int32
	server := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		hits.Add(1)
		fmt.Fprint(w, content)
	})
	dir := t.TempDir()
	cache := New(dir, server.Client())
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			path, err := cache.File(t.Context(), request(server.URL+"/f"))
			if err != nil {
				t.Error(err)
				return
			}
			if data, err := os.ReadFile(path); err != nil || string(data) != content {
				t.Errorf("read %q, %v", data, err)
			}
		})
	}
	group.Wait()
	if _, err := New(dir, server.Client()).File(t.Context(), request(server.URL+"/f")); err != nil {
		t.Error(err)
	}
	if n := hits.Load(); n != 1 {
		t.Errorf("downloaded %d times", n)
	}
	if files := cached(t, dir); len(files) != 1 {
		t.Errorf("the cache holds %v", files)
	}
}

// Two processes share nothing but the folder, as do two caches.
func TestCachesShareAFolder(t *testing.T) {
	t.Parallel()
	server := serve(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, content) })
	dir := t.TempDir()
	var group sync.WaitGroup
	for range 10 {
		group.Go(func() {
			if _, err := New(dir, server.Client()).File(t.Context(), request(server.URL)); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if files := cached(t, dir); len(files) != 1 {
		t.Errorf("the cache holds %v", files)
	}
}

func TestLocateIsAskedOnce(t *testing.T) {
	t.Parallel()
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer x" {
			t.Error("the header was not sent")
		}
		_, _ = w.Write([]byte(content))
	})
	c := New(t.TempDir(), server.Client())
	asked := 0
	locate := func(context.Context) (string, http.Header, error) {
		asked++
		return server.URL, http.Header{"Authorization": {"Bearer x"}}, nil
	}
	for range 2 {
		if _, err := c.File(t.Context(), Request{Locate: locate, Digest: sha(content), MaxBytes: 1000}); err != nil {
			t.Fatal(err)
		}
	}
	if asked != 1 {
		t.Errorf("asked %d times where the file is", asked)
	}
	lost := errors.New("lost")
	_, err := c.File(t.Context(), Request{
		Digest: sha("other"), MaxBytes: 1000,
		Locate: func(context.Context) (string, http.Header, error) { return "", nil, lost },
	})
	if !errors.Is(err, lost) {
		t.Errorf("got %v", err)
	}
}

func TestDamagedFileIsDownloadedAgain(t *testing.T) {
	t.Parallel()
	server := serve(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, content) })
	cache := New(t.TempDir(), server.Client())
	path, err := cache.File(t.Context(), request(server.URL))
	if err != nil {
		t.Fatal(err)
	}
	for _, damaged := range []string{"", "what the lock pinz", strings.Repeat("x", 5000)} {
		if err := errors.Join(os.Remove(path), os.WriteFile(path, []byte(damaged), 0o644)); err != nil {
			t.Fatal(err)
		}
		if _, err := cache.File(t.Context(), request(server.URL)); err != nil {
			t.Fatal(err)
		}
		if data, err := os.ReadFile(path); err != nil || string(data) != content {
			t.Errorf("read %q, %v", data, err)
		}
	}
}

func TestWrongContentIsRefused(t *testing.T) {
	t.Parallel()
	server := serve(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "something else") })
	dir := t.TempDir()
	address := strings.Replace(server.URL, "http://", "http://user:secret@", 1) + "/f?token=secret"
	_, err := New(dir, server.Client()).File(t.Context(), request(address))
	var wrong *IntegrityError
	if !errors.As(err, &wrong) || wrong.Want != sha(content) || wrong.Got != sha("something else") || wrong.URL != server.URL+"/f" {
		t.Fatalf("got %v", err)
	}
	if strings.Contains(err.Error(), "secret") {
		t.Errorf("the message tells a secret: %v", err)
	}
	if files := cached(t, dir); len(files) > 0 {
		t.Errorf("the cache holds %v", files)
	}
}

func TestSizeIsBounded(t *testing.T) {
	t.Parallel()
	for name, handler := range map[string]http.HandlerFunc{
		"announced": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1001")
			fmt.Fprint(w, strings.Repeat("x", 1001))
		},
		"endless": func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				if _, err := fmt.Fprint(w, strings.Repeat("x", 1<<16)); err != nil {
					return
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := serve(t, handler)
			cache := New(t.TempDir(), server.Client())
			var large *SizeError
			if _, err := cache.File(t.Context(), request(server.URL)); !errors.As(err, &large) || large.Max != 1000 {
				t.Errorf("File: %v", err)
			}
			if _, err := cache.Document(t.Context(), server.URL, nil, 1000); !errors.As(err, &large) {
				t.Errorf("Document: %v", err)
			}
		})
	}
	server := serve(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, content) })
	exact := request(server.URL)
	exact.MaxBytes = int64(len(content))
	if _, err := New(t.TempDir(), server.Client()).File(t.Context(), exact); err != nil {
		t.Errorf("a file of exactly the limit: %v", err)
	}
	exact.MaxBytes = 0
	if _, err := New(t.TempDir(), server.Client()).File(t.Context(), exact); err == nil {
		t.Error("a request without limit was accepted")
	}
}

// One of those who share a download gives up; the others still get it.
func TestGivingUpIsNotShared(t *testing.T) {
	t.Parallel()
	first := make(chan struct{})
	var hits atomic.Int32
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if hits.Add(1) == 1 {
			close(first)
			<-r.Context().Done()
			return
		}
		fmt.Fprint(w, content)
	})
	cache := New(t.TempDir(), server.Client())
	ctx, cancel := context.WithCancel(t.Context())
	leader, follower := make(chan error, 1), make(chan error, 1)
	go func() { _, err := cache.File(ctx, request(server.URL)); leader <- err }()
	<-first
	go func() { _, err := cache.File(t.Context(), request(server.URL)); follower <- err }()
	cancel()
	if err := <-leader; !errors.Is(err, context.Canceled) {
		t.Errorf("leader: %v", err)
	}
	if err := <-follower; err != nil {
		t.Errorf("follower: %v", err)
	}
}

func TestLeftoversAreSwept(t *testing.T) {
	t.Parallel()
	server := serve(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, content) })
	dir := t.TempDir()
	old, recent := filepath.Join(dir, "partial", "old"), filepath.Join(dir, "partial", "recent")
	if err := errors.Join(os.Mkdir(filepath.Dir(old), 0o755), os.WriteFile(old, nil, 0o644), os.WriteFile(recent, nil, 0o644)); err != nil {
		t.Fatal(err)
	}
	past := time.Now().Add(-48 * time.Hour)
	if err := os.Chtimes(old, past, past); err != nil {
		t.Fatal(err)
	}
	if _, err := New(dir, server.Client()).File(t.Context(), request(server.URL)); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(old); !os.IsNotExist(err) {
		t.Errorf("the old leftover: %v", err)
	}
	if _, err := os.Stat(recent); err != nil {
		t.Errorf("another process's download was removed: %v", err)
	}
}

func TestStalledServerIsGivenUp(t *testing.T) {
	t.Parallel()
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "18")
		fmt.Fprint(w, "what")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	cache := New(t.TempDir(), server.Client())
	still(cache)
	cache.stall = 20 * time.Millisecond
	if _, err := cache.File(t.Context(), request(server.URL)); err == nil || !strings.Contains(err.Error(), "sent nothing") {
		t.Errorf("got %v", err)
	}
}

func TestUnusableURLs(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"", "/f", "file:///etc/passwd", "http://", "ftp://host/f", "http://user:secret@ho st/", "http://h/%zz?secret"} {
		_, err := New(t.TempDir(), nil).File(t.Context(), request(url))
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", url, err)
		}
	}
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	cache := New(t.TempDir(), nil)
	waits := still(cache)
	address := "http://user:secret@" + closed.Addr().String() + "/f?secret"
	if _, err := cache.File(t.Context(), request(address)); err == nil || strings.Contains(err.Error(), "secret") || len(*waits) != 3 {
		t.Errorf("after %d waits: %v", len(*waits), err)
	}
}

func BenchmarkFileWarm(b *testing.B) {
	data := make([]byte, 45<<20)
	sum := sha512.Sum512(data)
	server := serve(b, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(data) })
	cache := New(b.TempDir(), server.Client())
	r := Request{URL: server.URL, Digest: Digest{"sha512", hex.EncodeToString(sum[:])}, MaxBytes: int64(len(data))}
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, err := cache.File(b.Context(), r); err != nil {
			b.Fatal(err)
		}
	}
}
