package publish_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/slipway-dev/slipway/internal/publish"
	"github.com/slipway-dev/slipway/internal/publish/publishtest"
	"github.com/slipway-dev/slipway/internal/registry"
	"github.com/slipway-dev/slipway/internal/verify"
)

// flaky fails the first request for each URL and method in its own way, before or after the registry saw it.
type flaky struct {
	seen sync.Map
	fail func(*http.Request) (*http.Response, error)
}

func (f *flaky) RoundTrip(req *http.Request) (*http.Response, error) {
	// An upload's URL is new each time, so that the method alone must do.
	key := req.Method + req.URL.Path
	if strings.Contains(req.URL.Path, "/uploads/") {
		key = req.Method
	}
	if _, again := f.seen.LoadOrStore(key, true); !again {
		return f.fail(req)
	}
	return http.DefaultTransport.RoundTrip(req)
}

func status(req *http.Request, code int, header http.Header) *http.Response {
	return &http.Response{StatusCode: code, Header: header, Body: io.NopCloser(strings.NewReader("")), Request: req}
}

func TestARegistryThatRecovers(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func(*http.Request) (*http.Response, error){
		"429": func(req *http.Request) (*http.Response, error) {
			return status(req, 429, http.Header{"Retry-After": {"0"}}), nil
		},
		"500": func(req *http.Request) (*http.Response, error) {
			return status(req, 500, http.Header{"Retry-After": {"0"}}), nil
		},
		"connection cut": func(req *http.Request) (*http.Response, error) {
			if req.Body != nil {
				if _, err := io.CopyN(io.Discard, req.Body, 100); err != nil && !errors.Is(err, io.EOF) {
					return nil, err
				}
			}
			return nil, io.ErrUnexpectedEOF
		},
		"answer lost": func(req *http.Request) (*http.Response, error) {
			resp, err := http.DefaultTransport.RoundTrip(req)
			if err == nil {
				resp.Body.Close()
			}
			return nil, io.ErrUnexpectedEOF
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			image := publishtest.NewImage(t, 500)
			in := image.Input(t, newRegistry(t, true))
			in.Access.Transport = &flaky{fail: fail}
			_, err := publish.Publish(t.Context(), in)
			check(t, err)
			report, err := verify.Verify(t.Context(), in.Repository+":1.2.3", strict(image, in), verify.Access{})
			check(t, err)
			check(t, report.Err())
		})
	}
}

func TestARegistryThatRefuses(t *testing.T) {
	t.Parallel()
	for code, want := range map[int]string{401: "docker login", 403: "docker login", 404: "does not have it", 500: "500"} {
		t.Run(strconv.Itoa(code), func(t *testing.T) {
			t.Parallel()
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch {
				case r.URL.Path == "/v2/":
				case r.Method == http.MethodGet || r.Method == http.MethodHead:
					w.WriteHeader(http.StatusNotFound)
				default:
					w.WriteHeader(code)
				}
			}))
			t.Cleanup(s.Close)
			in := publishtest.NewImage(t, 500).Input(t, strings.TrimPrefix(s.URL, "http://")+"/npx/time")
			if _, err := publish.Publish(t.Context(), in); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, expected it to say %q", err, want)
			}
		})
	}
}

// TestCredentialsOfTheUser asks for a name and a password, which the keychain knows.
func TestCredentialsOfTheUser(t *testing.T) {
	t.Parallel()
	store, err := registry.New(t.TempDir())
	check(t, err)
	handler := store.Handler()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "me" || password != "secret" {
			w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	in := publishtest.NewImage(t, 500).Input(t, strings.TrimPrefix(s.URL, "http://")+"/npx/time")
	if _, err := publish.Publish(t.Context(), in); err == nil || !strings.Contains(err.Error(), "docker login") {
		t.Errorf("without credentials: %v", err)
	}
	in.Access.Keychain = keychain{}
	_, err = publish.Publish(t.Context(), in)
	check(t, err)
}

type keychain struct{}

func (keychain) Resolve(authn.Resource) (authn.Authenticator, error) {
	return authn.FromConfig(authn.AuthConfig{Username: "me", Password: "secret"}), nil
}

func TestBadInput(t *testing.T) {
	t.Parallel()
	image := publishtest.NewImage(t, 500)
	for want, change := range map[string]func(*publish.Input){
		"key":                        func(in *publish.Input) { in.Key = nil },
		"tag":                        func(in *publish.Input) { in.Tag = "not a tag" },
		"OCI layout":                 func(in *publish.Input) { in.Layout = t.TempDir() },
		"digest of the index":        func(in *publish.Input) { in.Digest = "sha256:12" },
		"has no index":               func(in *publish.Input) { in.Digest = "sha256:" + strings.Repeat("0", 64) },
		"no statement of the type":   func(in *publish.Input) { in.Statements = in.Statements[1:] },
		"two statements of the type": func(in *publish.Input) { in.Statements = append(in.Statements, in.Statements[0]) },
		"not in the image": func(in *publish.Input) {
			in.Statements = append(in.Statements, publishtest.NewImage(t, 100).Statements(t, "x", true, in.Now)...)
		},
		"does not verify": func(in *publish.Input) { in.Name = "io.example/other" },
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			in := image.Input(t, newRegistry(t, true))
			change(&in)
			if _, err := publish.Publish(t.Context(), in); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, expected it to say %q", err, want)
			}
		})
	}
}

// TestEmbeddedRegistryInProcess publishes through the transport that serves the embedded registry without a port.
func TestEmbeddedRegistryInProcess(t *testing.T) {
	t.Parallel()
	store, err := registry.New(t.TempDir())
	check(t, err)
	image := publishtest.NewImage(t, 500)
	in := image.Input(t, registry.Host+"/npx/time")
	in.Access.Transport = registry.Transport(registry.Host, store.Handler(), http.DefaultTransport)
	_, err = publish.Publish(t.Context(), in)
	check(t, err)
	report, err := verify.Verify(t.Context(), in.Repository+":1.2.3@"+in.Digest, strict(image, in), in.Access)
	check(t, err)
	check(t, report.Err())
}

func BenchmarkPublish(b *testing.B) {
	image := publishtest.NewImage(b, 5<<20)
	run := func(b *testing.B, in publish.Input) {
		b.Helper()
		if _, err := publish.Publish(b.Context(), in); err != nil {
			b.Fatal(err)
		}
	}
	input := func(b *testing.B) publish.Input {
		b.Helper()
		store, err := registry.New(b.TempDir())
		check(b, err)
		in := image.Input(b, registry.Host+"/npx/time")
		in.Access.Transport = registry.Transport(registry.Host, store.Handler(), http.DefaultTransport)
		return in
	}
	b.Run("cold", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			in := input(b)
			b.StartTimer()
			run(b, in)
		}
	})
	b.Run("again", func(b *testing.B) {
		in := input(b)
		run(b, in)
		for b.Loop() {
			run(b, in)
		}
	})
}
