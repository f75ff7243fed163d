package comment_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/comment"
	"github.com/slipway-dev/slipway/internal/observation"
)

func TestAChangedLoginIsTold(t *testing.T) {
	t.Parallel()
	open := observation.Observation{}
	locked := observation.Observation{Auth: &observation.Auth{Schemes: []string{"bearer"}}}
	want := []comment.Difference{{Status: comment.Changed, What: "authentication"}}
	if diff := cmp.Diff(want, comment.Compare(&open, locked)); diff != "" {
		t.Error(diff)
	}
	if got := comment.Compare(&locked, observation.Observation{Auth: &observation.Auth{Schemes: []string{"bearer"}}}); len(got) > 0 {
		t.Errorf("got %v", got)
	}
}
