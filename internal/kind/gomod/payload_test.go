package gomod_test

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/slipway-dev/slipway/internal/kind"
	"github.com/slipway-dev/slipway/internal/layer"
)

var (
	amd64 = v1.Platform{OS: "linux", Architecture: "amd64"}
	arm64 = v1.Platform{OS: "linux", Architecture: "arm64", Variant: "v8"}
)

// listing returns the names and modes of the files in a payload's layer, and its digest.
func listing(t testing.TB, p *kind.Payload) (names []string, digest v1.Hash) {
	t.Helper()
	l, err := layer.NewStore(t.TempDir()).Layer(t.Context(), p.Key, p.Write)
	if err != nil {
		t.Fatal(err)
	}
	r, err := l.Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for archive := tar.NewReader(r); ; {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeReg {
			names = append(names, fmt.Sprintf("%o %s", h.Mode, h.Name))
		}
	}
	if digest, err = l.Digest(); err != nil {
		t.Fatal(err)
	}
	return names, digest
}

func TestPayloadIsTheSameOnEveryMachine(t *testing.T) {
	t.Parallel()
	first := newProxy(t, serverReleases()...)
	eco, e := first.ecosystem(), serverEntry()
	dir := lock(t, eco, e)
	p, err := eco.Payload(t.Context(), e, dir, arm64)
	if err != nil {
		t.Fatal(err)
	}
	names, digest := listing(t, p)
	if diff := cmp.Diff([]string{"755 usr/local/bin/server"}, names); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"/usr/local/bin/server"}, p.Entrypoint); diff != "" {
		t.Error(diff)
	}

	// What a user has set counts for the user's own builds.
	settings := []string{
		"GOFLAGS=-toolexec=/bin/false -tags=x -ldflags=-X=main.x=y", "CGO_ENABLED=1", "CC=/bin/false", "GOARCH=386", "GOOS=windows", "GOARM64=v9.0",
		"GOWORK=/nowhere/go.work", "GOROOT_FINAL=/x", "GOEXPERIMENT=jsonv2", "GODEBUG=x=1", "GOTOOLCHAIN=local",
	}
	second, err := newProxy(t, serverReleases()...).ecosystem(settings...).Payload(t.Context(), e, dir, arm64)
	if err != nil {
		t.Fatal(err)
	}
	if _, other := listing(t, second); second.Key != p.Key || other != digest {
		t.Errorf("other caches and settings make %s, not %s", other, digest)
	}

	first.Close()
	kept, err := eco.Payload(t.Context(), e, dir, arm64)
	if err != nil {
		t.Fatalf("what was compiled is not kept: %v", err)
	}
	if _, again := listing(t, kept); again != digest {
		t.Error("what was kept is another binary")
	}
}

func TestPayloadNamesItsComponents(t *testing.T) {
	t.Parallel()
	eco, e := newProxy(t, serverReleases()...).ecosystem(), serverEntry()
	dir := lock(t, eco, e)
	keys := map[string]bool{}
	for _, platform := range []v1.Platform{amd64, arm64} {
		p, err := eco.Payload(t.Context(), e, dir, platform)
		if err != nil {
			t.Fatal(err)
		}
		keys[p.Key] = true
		var got []string
		for _, c := range p.Components {
			if c.Path != "/usr/local/bin/server" || len(c.Digest) != 64 || c.Algorithm != "SHA256" {
				t.Errorf("%+v", c)
			}
			got = append(got, fmt.Sprintf("%s %q %s", c.PURL, c.License, strings.Join(c.DependsOn, " ")))
		}
		want := []string{
			`pkg:golang/example.com/server@v1.0.0 "MIT" pkg:golang/example.com/left@v1.2.0`,
			`pkg:golang/example.com/deep@v1.0.0 "MIT" `,
			`pkg:golang/example.com/left@v1.2.0 "" pkg:golang/example.com/deep@v1.0.0`,
			`pkg:golang/stdlib@` + strings.TrimPrefix(runtime.Version(), "go") + ` "BSD-3-Clause" `,
		}
		if platform.Architecture == "arm64" {
			want[0] = `pkg:golang/example.com/server@v1.0.0 "MIT" pkg:golang/example.com/arm@v0.1.0 pkg:golang/example.com/left@v1.2.0`
			want = append(want[:1], append([]string{`pkg:golang/example.com/arm@v0.1.0 "" `}, want[1:]...)...)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", platform, diff)
		}
	}
	if len(keys) != 2 {
		t.Error("binaries of two platforms have one key")
	}
	if _, err := eco.Payload(t.Context(), e, dir, v1.Platform{OS: "windows", Architecture: "amd64"}); err == nil {
		t.Error("a binary for Windows")
	}
}
