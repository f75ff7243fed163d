package verify_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/publish/publishtest"
	"github.com/slipway-dev/slipway/internal/verify"
)

// hiding is a registry that does not have what is named so.
type hiding string

func (h hiding) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err == nil && strings.HasSuffix(req.URL.Path, string(h)) {
		resp.StatusCode = http.StatusNotFound
	}
	return resp, err
}

// once answers the first request for each URL in its own way.
type once struct {
	seen   sync.Map
	answer func(*http.Request, *http.Response) (*http.Response, error)
}

func (o *once) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return resp, err
	}
	if _, again := o.seen.LoadOrStore(req.Method+req.URL.String(), true); again {
		return resp, nil
	}
	return o.answer(req, resp)
}

func status(code int, header http.Header) *http.Response {
	return &http.Response{StatusCode: code, Header: header, Body: io.NopCloser(strings.NewReader(""))}
}

// cut ends a body in the middle, as a broken connection does.
type cut struct {
	io.Reader
	io.Closer
}

func TestARegistryThatRecovers(t *testing.T) {
	t.Parallel()
	image, in := published(t)
	for name, answer := range map[string]func(*http.Request, *http.Response) (*http.Response, error){
		"429": func(req *http.Request, resp *http.Response) (*http.Response, error) {
			resp.Body.Close()
			r := status(429, http.Header{"Retry-After": {"0"}})
			r.Request = req
			return r, nil
		},
		"503": func(req *http.Request, resp *http.Response) (*http.Response, error) {
			resp.Body.Close()
			r := status(503, http.Header{})
			r.Request = req
			return r, nil
		},
		"connection cut": func(_ *http.Request, resp *http.Response) (*http.Response, error) {
			text, err := io.ReadAll(resp.Body)
			if err != nil {
				return nil, err
			}
			resp.Body = cut{io.MultiReader(bytes.NewReader(text[:len(text)/2]), broken{}), resp.Body}
			return resp, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			expect(t, in.Repository+":1.2.3", policy(image), verify.Access{Transport: &once{answer: answer}}, nil)
		})
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestRetryAfterIsHeeded(t *testing.T) {
	t.Parallel()
	image, in := published(t)
	var asked atomic.Int64
	begin := time.Now()
	busy := &once{answer: func(req *http.Request, resp *http.Response) (*http.Response, error) {
		if !strings.HasSuffix(req.URL.Path, "/manifests/1.2.3") {
			return resp, nil
		}
		asked.Add(1)
		resp.Body.Close()
		r := status(429, http.Header{"Retry-After": {"1"}})
		r.Request = req
		return r, nil
	}}
	expect(t, in.Repository+":1.2.3", policy(image), verify.Access{Transport: busy}, nil)
	if asked.Load() != 1 || time.Since(begin) < time.Second {
		t.Errorf("asked %d times, after %s", asked.Load(), time.Since(begin))
	}
}

func TestARegistryThatRefuses(t *testing.T) {
	t.Parallel()
	for code, want := range map[int]string{401: "docker login", 403: "docker login", 404: "does not have it", 500: "500", 429: "429"} {
		t.Run(strconv.Itoa(code), func(t *testing.T) {
			t.Parallel()
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/v2/" {
					return
				}
				w.WriteHeader(code)
			}))
			t.Cleanup(s.Close)
			ref := strings.TrimPrefix(s.URL, "http://") + "/npx/time:1"
			_, err := verify.Verify(t.Context(), ref, verify.Policy{Key: publishtest.Key().Public()}, verify.Access{})
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, expected it to say %q", err, want)
			}
			if (code == 404) != errors.Is(err, verify.ErrNotFound) {
				t.Errorf("is it ErrNotFound? %v", err)
			}
		})
	}
}

// TestHugeAnswers lets a registry answer with 50 MB where a manifest should be, with and without saying so.
func TestHugeAnswers(t *testing.T) {
	t.Parallel()
	var sent atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v2/" {
			return
		}
		w.Header().Set("Content-Type", "application/vnd.oci.image.index.v1+json")
		if strings.HasSuffix(r.URL.Path, "/said") {
			w.Header().Set("Content-Length", "50000000")
		}
		for range 50 {
			n, err := w.Write(bytes.Repeat([]byte(" "), 1_000_000))
			if err != nil {
				return
			}
			sent.Add(int64(n))
		}
	}))
	t.Cleanup(s.Close)
	for _, tag := range []string{"said", "unsaid"} {
		ref := strings.TrimPrefix(s.URL, "http://") + "/npx/time:" + tag
		report, err := verify.Verify(t.Context(), ref, verify.Policy{Key: publishtest.Key().Public()}, verify.Access{})
		check(t, err)
		if report.OK() || len(report.Checks) != 1 || !strings.Contains(report.Checks[0].Detail, "larger") {
			t.Errorf("%s: %+v", tag, report)
		}
	}
	if n := sent.Load(); n > 40_000_000 { // two answers, of which 4 MiB each are read and the rest waits in buffers
		t.Errorf("%d bytes were read", n)
	}
}

// TestLyingRegistry lets a registry give other bytes than the digest asks for, and other sizes than descriptors say.
func TestLyingRegistry(t *testing.T) {
	t.Parallel()
	image, in := published(t)
	for _, where := range []string{"/manifests/" + image.Platforms[0].Digest, "/blobs/"} {
		t.Run(where, func(t *testing.T) {
			t.Parallel()
			liar := roundTripper(func(req *http.Request) (*http.Response, error) {
				resp, err := http.DefaultTransport.RoundTrip(req)
				if err != nil || req.Method != http.MethodGet || !strings.Contains(req.URL.Path, where) {
					return resp, err
				}
				text, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				text = bytes.Replace(text, []byte("a"), []byte("b"), 1)
				if strings.HasPrefix(where, "/blobs/") {
					text = append(text, "more"...)
				}
				resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(text)), int64(len(text))
				return resp, err
			})
			report, err := verify.Verify(t.Context(), in.Repository+":1.2.3", policy(image), verify.Access{Transport: liar})
			check(t, err)
			if report.OK() {
				t.Errorf("%+v", report)
			}
		})
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }
