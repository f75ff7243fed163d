package npm_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/internal/kind"
	"github.com/slipway-dev/slipway/internal/kind/npm"
)

// expect compares an error's parts with what they should say.
func expect(t *testing.T, err error, want []string) {
	t.Helper()
	var parts []error
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		parts = joined.Unwrap()
	} else if err != nil {
		parts = []error{err}
	}
	left := slices.Clone(want)
	for _, part := range parts {
		var lockError *kind.LockError
		if !errors.As(part, &lockError) || lockError.File != npm.LockFile {
			t.Errorf("%v is no error of the lock", part)
			continue
		}
		i := slices.IndexFunc(left, func(w string) bool {
			field, reason, _ := strings.Cut(w, "|")
			return lockError.Field == fullField(field) && strings.Contains(lockError.Reason, reason)
		})
		if i < 0 {
			t.Errorf("not expected: %v", part)
			continue
		}
		left = slices.Delete(left, i, i+1)
	}
	for _, w := range left {
		t.Errorf("missing: %s", w)
	}
}

// fullField writes a field as errors do: left.integrity is packages["node_modules/left"].integrity, and what follows a slash stays.
func fullField(short string) string {
	if top, ok := strings.CutPrefix(short, "/"); ok {
		return top
	}
	place, field, ok := strings.Cut(short, ".")
	if ok {
		field = "." + field
	}
	return fmt.Sprintf("packages[%q]%s", "node_modules/"+place, field)
}
