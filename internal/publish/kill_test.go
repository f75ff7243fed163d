package publish_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"sync/atomic"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/slipway-dev/slipway/internal/attest"
	"github.com/slipway-dev/slipway/internal/publish"
	"github.com/slipway-dev/slipway/internal/publish/publishtest"
	"github.com/slipway-dev/slipway/internal/sign"
	"github.com/slipway-dev/slipway/internal/verify"
)

// dying is a network that a process loses when it is killed: after so many requests nothing gets through any more. The last request that
// does get through may still lose its answer.
type dying struct {
	left       atomic.Int64
	loseAnswer bool
}

var errKilled = errors.New("killed")

func (d *dying) RoundTrip(req *http.Request) (*http.Response, error) {
	left := d.left.Add(-1)
	if left < 0 {
		return nil, errKilled
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if left == 0 && d.loseAnswer && err == nil {
		resp.Body.Close()
		return nil, errKilled
	}
	return resp, err
}

// strict returns what a stranger demands of the published image.
func strict(image publishtest.Image, in publish.Input) verify.Policy {
	return verify.Policy{
		Key: in.Key.Public(), Digest: image.Digest, Name: publishtest.ServerName, Platforms: image.Platforms,
		Predicates: []string{attest.SPDXType, attest.ProvenanceType, attest.SCAIType},
		Forms:      []verify.Form{verify.Tag, verify.Referrer}, Layers: true,
	}
}

// TestKilledAtAnyRequest kills publishing at one request after another until it gets through, each time in a new registry, looks for the
// tag, and publishes again. SLIPWAY_EVERY_REQUEST=1 tries every request; without it, it is some of them, to be quick.
func TestKilledAtAnyRequest(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name                  string
		referrers, loseAnswer bool
		first                 int64
	}{{"referrers API", true, false, 1}, {"answer lost", true, true, 3}, {"referrers tag", false, true, 5}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			image := publishtest.NewImage(t, 500, "amd64")
			step := int64(7)
			if os.Getenv("SLIPWAY_EVERY_REQUEST") != "" {
				step, c.first = 1, 1
			}
			for n := c.first; ; n += step {
				in := image.Input(t, newRegistry(t, c.referrers))
				network := &dying{loseAnswer: c.loseAnswer}
				network.left.Store(n)
				killed := in
				killed.Access.Transport = network
				_, err := publish.Publish(t.Context(), killed)
				if err != nil && !errors.Is(err, errKilled) {
					t.Fatalf("killed at request %d: %v", n, err)
				}
				if tagged(t, in) {
					if report, err := verify.Verify(t.Context(), in.Repository+":1.2.3", strict(image, in), verify.Access{}); err != nil || !report.OK() {
						t.Fatalf("killed at request %d: there is a tag on something incomplete: %v %+v", n, err, report)
					}
				}
				if err == nil && network.left.Load() > 0 {
					return // it needed fewer requests
				}
				if _, err := publish.Publish(t.Context(), in); err != nil {
					t.Fatalf("again, after it was killed at request %d: %v", n, err)
				}
				report, err := verify.Verify(t.Context(), in.Repository+":1.2.3", strict(image, in), verify.Access{})
				if err != nil || !report.OK() {
					t.Fatalf("after it was killed at request %d: %v %+v", n, err, report)
				}
			}
		})
	}
}

func tagged(t *testing.T, in publish.Input) bool {
	t.Helper()
	tag, err := name.NewTag(in.Repository + ":" + in.Tag)
	check(t, err)
	repo, err := verify.Open(context.WithoutCancel(t.Context()), tag.Context(), verify.Access{})
	check(t, err)
	_, err = repo.Resolve(t.Context(), tag)
	if err != nil && !errors.Is(err, verify.ErrNotFound) {
		t.Fatal(err)
	}
	return err == nil
}

// TestStatementsChange publishes the same image with another outcome, and with another key beside it.
func TestStatementsChange(t *testing.T) {
	t.Parallel()
	image := publishtest.NewImage(t, 500)
	in := image.Input(t, newRegistry(t, true))
	_, err := publish.Publish(t.Context(), in)
	check(t, err)

	failed := in
	failed.Now = in.Now.Add(1)
	failed.Statements = image.Statements(t, in.Repository, false, in.Now.AddDate(0, 0, 1))
	if _, err := publish.Publish(t.Context(), failed); err == nil {
		t.Fatal("an image whose newest report is a failure was published")
	}
	passed := in
	passed.Statements = image.Statements(t, in.Repository, true, in.Now.AddDate(0, 0, 2))
	result, err := publish.Publish(t.Context(), passed)
	check(t, err)
	if result.Statements != 3 {
		t.Errorf("a pass after a failure was not said anew: %+v", result)
	}

	second := in
	key, _, err := sign.Local(t.TempDir()+"/keys", nil)
	check(t, err)
	second.Key = key
	result, err = publish.Publish(t.Context(), second)
	check(t, err)
	if result.Signatures != 3 || result.Statements != 9 {
		t.Errorf("with a second key: %+v", result)
	}
}
