package record_test

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/record"
)

func sample() record.Record {
	return record.Record{
		Version: "1.2.3", Tag: "1.2.3-r1", Digest: "sha256:" + strings.Repeat("a", 64),
		Platforms: []record.Platform{{Platform: "linux/amd64", Digest: "sha256:" + strings.Repeat("b", 64), Size: 7}},
		Released:  time.Date(2026, 11, 21, 1, 2, 3, 456, time.FixedZone("x", 3600)),
	}
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	text, err := sample().Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := record.Read(fstest.MapFS{record.File: {Data: text}})
	if err != nil {
		t.Fatal(err)
	}
	want := sample()
	want.Released = time.Date(2026, 11, 21, 0, 2, 3, 0, time.UTC)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestReadRefuses(t *testing.T) {
	t.Parallel()
	good, err := sample().Encode()
	if err != nil {
		t.Fatal(err)
	}
	text := string(good)
	for name, bad := range map[string]string{
		"unknown field":  strings.Replace(text, `"tag"`, `"tags"`, 1),
		"short digest":   strings.Replace(text, "aaaa", "aaa", 1),
		"not a tag":      strings.Replace(text, "1.2.3-r1", "../x", 1),
		"not a platform": strings.Replace(text, "linux/amd64", "linux", 1),
		"no size":        strings.Replace(text, ": 7", ": 0", 1),
		"no time":        strings.Replace(text, "2026-11-21T00:02:03Z", "0001-01-01T00:00:00Z", 1),
		"second object":  text + "{}",
		"too long":       text + strings.Repeat(" ", 1<<16),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if bad == text {
				t.Fatal("the case changes nothing")
			}
			if _, err := record.Read(fstest.MapFS{record.File: {Data: []byte(bad)}}); err == nil || errors.Is(err, fs.ErrNotExist) {
				t.Errorf("got %v", err)
			}
		})
	}
	if _, err := record.Read(fstest.MapFS{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a file: %v", err)
	}
}
