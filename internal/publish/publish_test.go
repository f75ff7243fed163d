package publish_test

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	ggcr "github.com/google/go-containerregistry/pkg/registry"

	"github.com/slipway-dev/slipway/internal/publish"
	"github.com/slipway-dev/slipway/internal/publish/publishtest"
)

// newRegistry serves an OCI registry on loopback and returns the name of a repository in it.
func newRegistry(t testing.TB, referrers bool) string {
	t.Helper()
	s := httptest.NewServer(ggcr.New(ggcr.WithReferrersSupport(referrers), ggcr.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://") + "/npx/time"
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// writes counts the requests that change something.
type writes struct{ n atomic.Int64 }

func (w *writes) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Method != http.MethodGet && req.Method != http.MethodHead {
		w.n.Add(1)
	}
	return http.DefaultTransport.RoundTrip(req)
}

func TestPublishTwiceChangesNothing(t *testing.T) {
	t.Parallel()
	for _, referrers := range []bool{true, false} {
		for _, bundles := range []bool{true, false} {
			t.Run(fmt.Sprintf("referrers=%t,bundles=%t", referrers, bundles), func(t *testing.T) {
				t.Parallel()
				image := publishtest.NewImage(t, 2000)
				in := image.Input(t, newRegistry(t, referrers))
				writes := &writes{}
				in.Bundles, in.Access.Transport = bundles, writes
				first, err := publish.Publish(t.Context(), in)
				check(t, err)
				signatures := 3
				if bundles {
					signatures = 6
				}
				if !first.Pushed || !first.Tagged || first.Statements != 9 || first.Signatures != signatures {
					t.Errorf("the first time: %+v", first)
				}
				// Later, the same facts with other times.
				in.Now = in.Now.Add(time.Minute)
				in.Statements = image.Statements(t, in.Repository, true, in.Now)
				writes.n.Store(0)
				second, err := publish.Publish(t.Context(), in)
				check(t, err)
				if second.Pushed || second.Tagged || second.Statements != 0 || second.Signatures != 0 || writes.n.Load() != 0 {
					t.Errorf("the second time: %+v, %d writes", second, writes.n.Load())
				}
				if second.Reference != in.Repository+":1.2.3@"+in.Digest {
					t.Errorf("reference %s", second.Reference)
				}
			})
		}
	}
}

func TestATagIsNeverMoved(t *testing.T) {
	t.Parallel()
	repository := newRegistry(t, true)
	first := publishtest.NewImage(t, 2000).Input(t, repository)
	_, err := publish.Publish(t.Context(), first)
	check(t, err)

	second := publishtest.NewImage(t, 2000).Input(t, repository)
	writes := &writes{}
	second.Access.Transport = writes
	_, err = publish.Publish(t.Context(), second)
	var conflict *publish.TagConflictError
	if !errors.As(err, &conflict) || conflict.Found != first.Digest || conflict.Want != second.Digest {
		t.Fatalf("got %v", err)
	}
	if !strings.Contains(err.Error(), "revision") || writes.n.Load() != 0 {
		t.Errorf("%d writes, %v", writes.n.Load(), err)
	}
}
