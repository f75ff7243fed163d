package layer

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
)

// packed returns an archive of empty files.
func packed(t *testing.T, names ...string) io.Reader {
	t.Helper()
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	for _, name := range names {
		if err := w.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return &archive
}

func TestEntriesAreVisitedInOrder(t *testing.T) {
	t.Parallel()
	var seen []string
	visit := func(h *tar.Header, _ io.Reader) error {
		seen = append(seen, h.Name)
		return nil
	}
	var e Entries
	if err := errors.Join(e.Each(packed(t, "b", "a"), visit), e.Each(packed(t, "c"), visit)); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(seen, []string{"b", "a", "c"}) {
		t.Errorf("visited %v", seen)
	}
}

func TestEntriesEndAtAnError(t *testing.T) {
	t.Parallel()
	failure := errors.New("no")
	calls := 0
	err := new(Entries).Each(packed(t, "a", "b"), func(*tar.Header, io.Reader) error {
		calls++
		return failure
	})
	if !errors.Is(err, failure) || !strings.HasPrefix(err.Error(), `"a": `) || calls != 1 {
		t.Errorf("got %v after %d calls", err, calls)
	}
	if err := new(Entries).Each(strings.NewReader(strings.Repeat("junk", 1000)), nil); !errors.Is(err, tar.ErrHeader) {
		t.Errorf("junk: got %v", err)
	}
}

// The layers of an image share the bound.
func TestTooManyEntriesAreRefused(t *testing.T) {
	t.Parallel()
	e := Entries{seen: maxEntries - 2}
	visit := func(*tar.Header, io.Reader) error { return nil }
	if err := e.Each(packed(t, "a"), visit); err != nil {
		t.Fatal(err)
	}
	if err := e.Each(packed(t, "b", "c"), visit); err == nil || !strings.Contains(err.Error(), "more than 500000 files") {
		t.Errorf("got %v", err)
	}
}
