package pypi_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/kind/pypi/wheeltest"
)

func TestDraft(t *testing.T) {
	t.Parallel()
	older, newer, pre := server, server, server
	older.Version, newer.Version, pre.Version = "1.9", "1.10", "2.0rc1"
	w := newWorld(t, "", older, newer, pre)
	want := entry.Entry{
		Kind: entry.UVX, Name: "my", Title: "My", Description: "Serves well", Status: entry.Active, License: "MIT",
		Publisher:  entry.Publisher{Name: "Ann"},
		Repository: &entry.Repository{URL: "https://github.com/ann/servers", Path: "src/my"},
		Package:    &entry.Package{Name: "my-server", Version: "1.10"},
		Transport:  &entry.Transport{Type: entry.Stdio},
	}
	for ref, version := range map[string]string{"My_Server": "1.10", "my-server@1.9": "1.9", "my-server==2.0.rc1": "2.0rc1"} {
		d, err := w.eco.Draft(t.Context(), ref)
		if err != nil {
			t.Fatal(err)
		}
		want.Package.Version = version
		if diff := cmp.Diff(want, d.Entry); diff != "" {
			t.Errorf("%s: %s", ref, diff)
		}
		if missing := strings.Join(d.Missing, "\n"); !strings.Contains(missing, "repository.commit") || strings.Contains(missing, "package.bin") {
			t.Errorf("%s is missing", missing)
		}
	}
}

func TestDraftNamesWhatIsMissing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "", wheeltest.Wheel{
		Name: "bare", Version: "1.0", EntryPoints: "[console_scripts]\na = b:c\nd = e:f\n",
		Metadata: "License: Do what you want\nClassifier: License :: OSI Approved :: BSD License\nProject-URL: Source, ftp://x.example/y\nAuthor: UNKNOWN\n",
	})
	d, err := w.eco.Draft(t.Context(), "bare")
	if err != nil {
		t.Fatal(err)
	}
	if e := d.Entry; e.License != "" || e.Repository != nil || e.Publisher.Name != "" || e.Description != "" {
		t.Errorf("something is invented: %+v", e)
	}
	missing := strings.Join(d.Missing, "\n")
	for _, want := range []string{"license:", "repository:", "publisher.name:", "permissions.network:", "env:", "one of a, d"} {
		if !strings.Contains(missing, want) {
			t.Errorf("%q is missing in:\n%s", want, missing)
		}
	}
}

func TestDraftRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "", wheeltest.Wheel{Name: "pre", Version: "1.0rc1"}, wheeltest.Wheel{Name: "windows", Version: "1.0", Tag: "cp313-cp313-win_amd64"})
	for ref, reason := range map[string]string{
		"../x":        "want NAME or NAME@VERSION",
		"":            "want NAME or NAME@VERSION",
		"none":        "404",
		"pre":         "pre-releases aside",
		"pre@2.0":     "no wheel of pre 2.0",
		"pre@>=1":     "no wheel of pre >=1",
		"windows@1.0": "no wheel for CPython 3.13 on Linux",
	} {
		if d, err := w.eco.Draft(t.Context(), ref); err == nil || !strings.Contains(err.Error(), reason) {
			t.Errorf("%q: %v, %v, want an error about %q", ref, d, err, reason)
		}
	}
}
