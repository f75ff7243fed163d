package publish_test

import (
	"errors"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/slipway-dev/slipway/internal/attest"
	"github.com/slipway-dev/slipway/internal/publish"
	"github.com/slipway-dev/slipway/internal/publish/publishtest"
	"github.com/slipway-dev/slipway/internal/registry"
	"github.com/slipway-dev/slipway/internal/verify"
)

// stores are registries of every sort that evidence without its image can go to.
var stores = map[string]func(t testing.TB) string{
	"referrers API": func(t testing.TB) string { return newRegistry(t, true) },
	"referrers tag": func(t testing.TB) string { return newRegistry(t, false) },
	"embedded": func(t testing.TB) string {
		kept, err := registry.New(t.TempDir())
		check(t, err)
		s := httptest.NewServer(kept.Handler())
		t.Cleanup(s.Close)
		return strings.TrimPrefix(s.URL, "http://") + "/container/time"
	},
}

// upstream publishes the image somewhere else and returns its reference.
func upstream(t *testing.T, image publishtest.Image) string {
	t.Helper()
	repo, err := name.NewRepository(newRegistry(t, true))
	check(t, err)
	check(t, image.Push(repo))
	return repo.Digest(image.Digest).String()
}

// promise is what the catalog promises of an image that others published.
func promise(image publishtest.Image) verify.Policy {
	return verify.Policy{
		Key: publishtest.Key().Public(), Digest: image.Digest, Platforms: image.Platforms, Layers: true,
		Predicates: []string{attest.SPDXType, attest.SCAIType}, Forms: []verify.Form{verify.Tag, verify.Referrer},
	}
}

func TestAttestTwiceChangesNothing(t *testing.T) {
	t.Parallel()
	for store, open := range stores {
		for _, bundles := range []bool{true, false} {
			t.Run(store, func(t *testing.T) {
				t.Parallel()
				image := publishtest.NewImage(t, 500)
				in := image.Attestation(t, open(t))
				writes := &writes{}
				in.Bundles, in.Access.Transport = bundles, writes
				first, err := publish.Attest(t.Context(), in)
				check(t, err)
				if first.Statements != 6 || first.Signatures != 0 || first.Pushed || first.Tagged || first.Reference != in.Repository+"@"+image.Digest {
					t.Errorf("the first time: %+v", first)
				}
				in.Now = in.Now.Add(time.Minute)
				in.Statements = image.Attestation(t, in.Repository).Statements
				writes.n.Store(0)
				second, err := publish.Attest(t.Context(), in)
				check(t, err)
				if second.Statements != 0 || writes.n.Load() != 0 {
					t.Errorf("the second time: %+v, %d writes", second, writes.n.Load())
				}
				report, err := verify.Foreign(t.Context(), upstream(t, image), in.Repository, promise(image), verify.Access{})
				check(t, err)
				check(t, report.Err())
			})
		}
	}
}

// TestAttestPublishesNoImage looks at what is in the repository afterwards.
func TestAttestPublishesNoImage(t *testing.T) {
	t.Parallel()
	image := publishtest.NewImage(t, 500)
	in := image.Attestation(t, newRegistry(t, true))
	_, err := publish.Attest(t.Context(), in)
	check(t, err)
	repo, err := name.NewRepository(in.Repository)
	check(t, err)
	reader, err := verify.Open(t.Context(), repo, verify.Access{})
	check(t, err)
	for _, subject := range in.Subjects {
		if _, err := reader.Manifest(t.Context(), repo.Digest(subject.Digest.String())); !errors.Is(err, verify.ErrNotFound) {
			t.Errorf("%s is there: %v", subject.Digest, err)
		}
		if _, err := reader.Manifest(t.Context(), repo.Tag(verify.TagFor(subject.Digest, verify.SignatureSuffix))); !errors.Is(err, verify.ErrNotFound) {
			t.Errorf("%s is signed: %v", subject.Digest, err)
		}
		list, err := reader.Referrers(t.Context(), subject.Digest)
		check(t, err)
		if len(list) != 2 {
			t.Errorf("%d referrers of %s", len(list), subject.Digest)
		}
	}
}

// TestAttestKilledAtAnyRequest kills it at one request after another until it gets through, and does it again.
func TestAttestKilledAtAnyRequest(t *testing.T) {
	t.Parallel()
	for store, open := range stores {
		t.Run(store, func(t *testing.T) {
			t.Parallel()
			image := publishtest.NewImage(t, 500, "amd64")
			step := int64(13)
			if os.Getenv("SLIPWAY_EVERY_REQUEST") != "" {
				step = 1
			}
			about := upstream(t, image)
			for n := int64(1); ; n += step {
				in := image.Attestation(t, open(t))
				network := &dying{loseAnswer: n%2 == 0}
				network.left.Store(n)
				killed := in
				killed.Access.Transport = network
				_, err := publish.Attest(t.Context(), killed)
				if err != nil && !errors.Is(err, errKilled) {
					t.Fatalf("killed at request %d: %v", n, err)
				}
				through := err == nil && network.left.Load() > 0
				if _, err := publish.Attest(t.Context(), in); err != nil {
					t.Fatalf("again, after it was killed at request %d: %v", n, err)
				}
				report, err := verify.Foreign(t.Context(), about, in.Repository, promise(image), verify.Access{})
				if err != nil || !report.OK() {
					t.Fatalf("after it was killed at request %d: %v %+v", n, err, report)
				}
				if through {
					return
				}
			}
		})
	}
}

func TestAttestNeedsItsStatements(t *testing.T) {
	t.Parallel()
	image := publishtest.NewImage(t, 500)
	honest := image.Attestation(t, newRegistry(t, true))
	for name, spoil := range map[string]func(*publish.Attestation){
		"no key":                 func(a *publish.Attestation) { a.Key = nil },
		"no subject":             func(a *publish.Attestation) { a.Subjects = nil },
		"no statement":           func(a *publish.Attestation) { a.Statements = nil },
		"a statement too few":    func(a *publish.Attestation) { a.Statements = a.Statements[1:] },
		"a statement twice":      func(a *publish.Attestation) { a.Statements = append(a.Statements, a.Statements[0]) },
		"about something else":   func(a *publish.Attestation) { a.Subjects = a.Subjects[:2] },
		"a repository that none": func(a *publish.Attestation) { a.Repository = "UPPER" },
	} {
		in := honest
		in.Statements = slices.Clone(honest.Statements)
		spoil(&in)
		if _, err := publish.Attest(t.Context(), in); err == nil {
			t.Errorf("%s: it was published", name)
		}
	}
}
