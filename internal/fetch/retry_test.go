package fetch

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestRetries(t *testing.T) {
	t.Parallel()
	const s, ms = time.Second, time.Millisecond
	status := func(code int, after string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			if after != "" {
				w.Header().Set("Retry-After", after)
			}
			w.WriteHeader(code)
		}
	}
	reset := func(w http.ResponseWriter, _ *http.Request) {
		connection, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			panic(err)
		}
		_ = connection.(*net.TCPConn).SetLinger(0)
		_ = connection.Close()
	}
	truncated := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(len(content)))
		fmt.Fprint(w, content[:7])
	}
	for name, c := range map[string]struct {
		first http.HandlerFunc
		fails int32 // how often it answers so before the content
		waits []time.Duration
		code  int // of the final error; 0 if it succeeds
	}{
		"429, seconds":          {status(429, "7"), 1, []time.Duration{7 * s}, 0},
		"429, date":             {status(429, "Fri, 02 Jan 2026 03:05:00 GMT"), 1, []time.Duration{55 * s}, 0},
		"429, date gone by":     {status(429, "Fri, 02 Jan 2026 03:00:00 GMT"), 1, []time.Duration{0}, 0},
		"429, nonsense":         {status(429, "soon"), 1, []time.Duration{500 * ms}, 0},
		"429, negative":         {status(429, "-5"), 1, []time.Duration{500 * ms}, 0},
		"429, a day":            {status(429, "86400"), 1, nil, 429},
		"429, too long in sum":  {status(429, "50"), 3, []time.Duration{50 * s, 50 * s}, 429},
		"503, seconds":          {status(503, "3"), 2, []time.Duration{3 * s, 3 * s}, 0},
		"500":                   {status(500, ""), 3, []time.Duration{500 * ms, s, 2 * s}, 0},
		"500, always":           {status(500, ""), 99, []time.Duration{500 * ms, s, 2 * s}, 500},
		"502":                   {status(502, ""), 1, []time.Duration{500 * ms}, 0},
		"504":                   {status(504, ""), 1, []time.Duration{500 * ms}, 0},
		"reset":                 {reset, 2, []time.Duration{500 * ms, s}, 0},
		"truncated":             {truncated, 2, []time.Duration{500 * ms, s}, 0},
		"401":                   {status(401, ""), 99, nil, 401},
		"403":                   {status(403, ""), 99, nil, 403},
		"404":                   {status(404, ""), 99, nil, 404},
		"501":                   {status(501, ""), 99, nil, 501},
		"204":                   {status(204, ""), 99, nil, 204},
		"302 without a address": {status(302, ""), 99, nil, 302},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var hits atomic.Int32
			server := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if hits.Add(1) <= c.fails {
					c.first(w, r)
					return
				}
				fmt.Fprint(w, content)
			})
			for what, fetch := range map[string]func(*Cache) error{
				"File":     func(cache *Cache) error { _, err := cache.File(t.Context(), request(server.URL)); return err },
				"Document": func(cache *Cache) error { _, err := cache.Document(t.Context(), server.URL, nil, 1000); return err },
			} {
				hits.Store(0)
				cache := New(t.TempDir(), &http.Client{Transport: &http.Transport{DisableKeepAlives: true}})
				waits := still(cache)
				err := fetch(cache)
				if !slices.Equal(*waits, c.waits) {
					t.Errorf("%s waited %v, want %v", what, *waits, c.waits)
				}
				var failed *StatusError
				switch {
				case c.code == 0 && err != nil:
					t.Errorf("%s: %v", what, err)
				case c.code != 0 && c.code != 302 && (!errors.As(err, &failed) || failed.Code != c.code || failed.Attempts != len(c.waits)+1):
					t.Errorf("%s: got %v, want status %d", what, err, c.code)
				case c.code == 302 && err == nil:
					t.Errorf("%s: was accepted", what)
				}
			}
		})
	}
}

func TestConnectionCutForGood(t *testing.T) {
	t.Parallel()
	server := serve(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	cache := New(t.TempDir(), server.Client())
	waits := still(cache)
	_, err := cache.File(t.Context(), request(server.URL+"/f?secret"))
	if err == nil || !strings.Contains(err.Error(), server.URL+"/f ") || !strings.Contains(err.Error(), "4 attempts") || len(*waits) != 3 {
		t.Errorf("got %v", err)
	}
}

func TestWaitingEndsWithTheContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	server := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		time.AfterFunc(20*time.Millisecond, cancel)
		w.Header().Set("Retry-After", "60")
		w.WriteHeader(http.StatusTooManyRequests)
	})
	began := time.Now()
	if _, err := New(t.TempDir(), nil).File(ctx, request(server.URL)); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("took %s", took)
	}
}

func TestRedirects(t *testing.T) {
	t.Parallel()
	var seen http.Header
	final := serve(t, func(w http.ResponseWriter, r *http.Request) {
		seen = r.Header.Clone()
		fmt.Fprint(w, content)
	})
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		steps, _ := strconv.Atoi(r.URL.Query().Get("steps"))
		switch {
		case steps > 0:
			http.Redirect(w, r, fmt.Sprintf("/?steps=%d&to=%s", steps-1, r.URL.Query().Get("to")), http.StatusFound)
		case r.URL.Query().Get("to") == "other":
			// The same address under another name and port is another host.
			http.Redirect(w, r, strings.Replace(final.URL, "127.0.0.1", "localhost", 1), http.StatusTemporaryRedirect)
		default:
			seen = r.Header.Clone()
			fmt.Fprint(w, content)
		}
	})
	header := http.Header{"Authorization": {"Bearer secret"}, "X-Token": {"secret"}, "Accept": {"x/y"}}
	get := func(query string) error {
		seen = nil
		r := request(server.URL + query)
		r.Header = header
		cache := New(t.TempDir(), nil)
		still(cache)
		_, err := cache.File(t.Context(), r)
		return err
	}

	if err := get("/?steps=5"); err != nil || seen.Get("Authorization") == "" || seen.Get("Referer") != "" {
		t.Errorf("five on one host: %v, %v", err, seen)
	}
	if err := get("/?steps=6"); err == nil || !strings.Contains(err.Error(), "more than 5") {
		t.Errorf("six: %v", err)
	}
	if err := get("/?steps=2&to=other"); err != nil || seen.Get("Authorization") != "" || seen.Get("X-Token") != "" || seen.Get("Accept") != "x/y" {
		t.Errorf("to another host: %v, %v", err, seen)
	}
	if header.Get("Authorization") == "" {
		t.Error("the caller's header was changed")
	}
}

func TestNoRedirectAwayFromHTTPS(t *testing.T) {
	t.Parallel()
	var reached atomic.Bool
	plain := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		reached.Store(true)
		fmt.Fprint(w, content)
	})
	var hits atomic.Int32
	secure := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hits.Add(1)
		http.Redirect(w, r, plain.URL, http.StatusFound)
	}))
	t.Cleanup(secure.Close)
	cache := New(t.TempDir(), secure.Client())
	still(cache)
	if _, err := cache.File(t.Context(), request(secure.URL)); err == nil || !strings.Contains(err.Error(), "from https to http") {
		t.Errorf("got %v", err)
	}
	if reached.Load() || hits.Load() != 1 {
		t.Errorf("the plain server was reached: %t; asked %d times", reached.Load(), hits.Load())
	}
	untrusting := New(t.TempDir(), nil)
	waits := still(untrusting)
	if _, err := untrusting.File(t.Context(), request(secure.URL)); err == nil || len(*waits) > 0 {
		t.Errorf("an untrusted certificate: %v after %v", err, *waits)
	}
}

func TestErrorsSayWhatToDo(t *testing.T) {
	t.Parallel()
	for code, advice := range map[int]string{401: "token", 403: "rights", 404: "version", 429: "later", 500: "later", 418: "address"} {
		err := &StatusError{URL: "http://h/f", Code: code, Attempts: 1}
		if !strings.Contains(err.Error(), advice) || !strings.HasPrefix(err.Error(), "http://h/f answered "+strconv.Itoa(code)) {
			t.Errorf("%d: %v", code, err)
		}
	}
}
