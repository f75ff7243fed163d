package publish_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/slipway-dev/slipway/internal/publish"
	"github.com/slipway-dev/slipway/internal/publish/publishtest"
	"github.com/slipway-dev/slipway/internal/registry"
)

// counted is a body of which the bytes that are read count.
type counted struct {
	io.ReadCloser

	bytes *atomic.Int64
}

func (c counted) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.bytes.Add(int64(n))
	return n, err
}

// admitted is a registry's door that asks for a token and gives one (Docker's token authentication specification), but none to who writes to one
// repository and wants to read npx/date, too.
func admitted(w http.ResponseWriter, r *http.Request) bool {
	switch {
	case r.URL.Path != "/token" && r.Header.Get("Authorization") == "Bearer let-me-in":
		return true
	case r.URL.Path != "/token":
		w.Header().Set("WWW-Authenticate", `Bearer realm="http://`+r.Host+`/token",service="registry"`)
		w.WriteHeader(http.StatusUnauthorized)
	case slices.Contains(r.URL.Query()["scope"], "repository:npx/date:pull") && len(r.URL.Query()["scope"]) > 1:
		w.WriteHeader(http.StatusForbidden)
	default:
		_, _ = io.WriteString(w, `{"token":"let-me-in"}`)
	}
	return false
}

// Layers that another repository of the registry has are shared, if the registry has them there and lets it be known; else they are uploaded.
func TestLayersOfASiblingAreNotUploadedAgain(t *testing.T) {
	t.Parallel()
	const layer = 100_000
	for name, c := range map[string]struct {
		sibling string
		denied  bool // whatever names the sibling
		noToken bool // for who wants to read the sibling
		shared  bool
	}{
		"published":      {sibling: "npx/date", shared: true},
		"none":           {},
		"not there":      {sibling: "npx/nothing"},
		"not to be read": {sibling: "npx/date", denied: true},
		"no token":       {sibling: "npx/date", noToken: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store, err := registry.New(t.TempDir())
			check(t, err)
			var uploaded atomic.Int64
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if c.noToken && !admitted(w, r) {
					return
				}
				switch { // the embedded registry itself shares blobs of all repositories without being asked
				case r.Method == http.MethodHead && strings.Contains(r.URL.Path, "npx/time/blobs/"):
					http.NotFound(w, r)
					return
				case c.denied && r.URL.Query().Has("from"):
					http.Error(w, "who are you?", http.StatusForbidden)
					return
				case r.URL.Query().Has("from") && r.URL.Query().Get("from") != "npx/date":
					r.URL.RawQuery = ""
				}
				r.Body = counted{r.Body, &uploaded}
				store.Handler().ServeHTTP(w, r)
			}))
			t.Cleanup(server.Close)
			host := strings.TrimPrefix(server.URL, "http://") + "/"

			image := publishtest.NewImage(t, layer)
			_, err = publish.Publish(t.Context(), image.Input(t, host+"npx/date"))
			check(t, err)
			if n := uploaded.Swap(0); n < 3*layer {
				t.Fatalf("only %d bytes were uploaded the first time, so this test shows nothing", n)
			}
			in := image.Input(t, host+"npx/time")
			if c.sibling != "" {
				in.Sibling = host + c.sibling
			}
			_, err = publish.Publish(t.Context(), in)
			check(t, err)
			if n := uploaded.Load(); (n < layer) != c.shared {
				t.Errorf("%d bytes were uploaded", n)
			}
		})
	}
}
