package image

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/slipway-dev/slipway/internal/finding"
	"github.com/slipway-dev/slipway/internal/kind"
)

// rules returns the rules of an artifact's findings, sorted.
func rules(a *kind.Artifact) []string {
	var all []string
	for _, f := range a.Findings {
		all = append(all, f.Rule)
	}
	slices.Sort(all)
	return all
}

func TestArtifactIsUpstreamsImage(t *testing.T) {
	t.Parallel()
	r := newRegistry(t)
	top := r.honest()
	i := ecosystem(t)
	e := r.entry(top.Digest)
	dir := locked(t, i, e)
	a, err := i.Artifact(t.Context(), e, dir)
	if err != nil {
		t.Fatal(err)
	}
	if a.Upstream.Digest.String() != top.Digest.String() || a.Upstream.Size != top.Size || !a.Foreign || !a.Server {
		t.Errorf("got %+v of %v", a.Upstream, top)
	}
	manifest, err := a.Index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	var platforms []string
	for _, d := range manifest.Manifests {
		platforms = append(platforms, d.Platform.String())
		if _, ok := r.files["manifests/"+d.Digest.String()]; !ok {
			t.Errorf("%s is no manifest of upstream's", d.Digest)
		}
		checkContent(t, a.Index, d.Digest)
	}
	if !slices.Equal(platforms, []string{"linux/amd64", "linux/arm64"}) {
		t.Errorf("the platforms are %v", platforms)
	}
	if c := a.Components["linux/arm64"]; len(c) != 1 || c[0].PURL != "pkg:deb/debian/libc6@2.41-12?arch=arm64&distro=debian-13" {
		t.Errorf("the components are %+v", c)
	}
	if got := rules(a); !slices.Equal(got, []string{"unsigned"}) {
		t.Errorf("the findings are of the rules %v", got)
	}
}

// checkContent reads an image as whoever boots it does.
func checkContent(t *testing.T, index v1.ImageIndex, of v1.Hash) {
	t.Helper()
	image, err := index.Image(of)
	if err != nil {
		t.Fatal(err)
	}
	config, err := image.ConfigFile()
	if err != nil || config.Config.Entrypoint[0] != "/server" {
		t.Fatalf("the configuration is %+v (%v)", config, err)
	}
	layers, err := image.Layers()
	if err != nil || len(layers) != 2 {
		t.Fatalf("%d layers (%v)", len(layers), err)
	}
	plain, err := layers[1].Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	if text, err := io.ReadAll(plain); err != nil || !strings.Contains(string(text), "#!/bin/sh") {
		t.Errorf("the upper layer holds %.100q (%v)", text, err)
	}
}

// TestArtifactFetchesOnce asks the registry a second time: only what can change is asked for.
func TestArtifactFetchesOnce(t *testing.T) {
	t.Parallel()
	r := newRegistry(t)
	top := r.honest()
	i := ecosystem(t)
	e := r.entry(top.Digest)
	dir := locked(t, i, e)
	if _, err := i.Artifact(t.Context(), e, dir); err != nil {
		t.Fatal(err)
	}
	r.mu.Lock()
	r.asked = nil
	r.mu.Unlock()
	if _, err := i.Artifact(t.Context(), e, dir); err != nil {
		t.Fatal(err)
	}
	for _, path := range r.asked {
		if strings.Contains(path, "/blobs/") || strings.Contains(path, "/manifests/sha256:") {
			t.Errorf("%s was fetched again", path)
		}
	}
}

func TestArtifactTellsWhatBecameOfTheTag(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change   func(r *registry)
		rule     string
		severity finding.Severity
	}{
		"moved": {func(r *registry) { r.store(r.draw("amd64", archive(file{name: "b"})), "1.2.3") }, "tag-moved", finding.Medium},
		"gone":  {func(r *registry) { delete(r.files, "manifests/1.2.3") }, "tag-gone", finding.Low},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRegistry(t)
			top := r.honest()
			i := ecosystem(t)
			e := r.entry(top.Digest)
			dir := locked(t, i, e)
			c.change(r)
			a, err := i.Artifact(t.Context(), e, dir)
			if err != nil {
				t.Fatal(err)
			}
			at := slices.IndexFunc(a.Findings, func(f finding.Finding) bool { return f.Rule == c.rule && f.Severity == c.severity })
			if at < 0 || a.Upstream.Digest.String() != top.Digest.String() {
				t.Errorf("%s has the findings %+v", a.Upstream.Digest, a.Findings)
			}
		})
	}
}

// TestArtifactLogsIn asks a registry that wants a token, which its token server gives for the user's password.
func TestArtifactLogsIn(t *testing.T) {
	t.Parallel()
	r := newRegistry(t)
	top := r.honest()
	r.refuse = func(w http.ResponseWriter, request *http.Request) bool {
		if request.URL.Path == "/token" {
			if user, password, _ := request.BasicAuth(); user != "ada" || password != "secret" {
				w.WriteHeader(http.StatusUnauthorized)
				return true
			}
			_, _ = w.Write([]byte(`{"token": "let-me-in"}`))
			return true
		}
		if request.Header.Get("Authorization") == "Bearer let-me-in" {
			return false
		}
		w.Header().Set("WWW-Authenticate", `Bearer realm="`+r.URL+`/token",service="registry"`)
		w.WriteHeader(http.StatusUnauthorized)
		return true
	}
	e := r.entry(top.Digest)
	known := ecosystem(t, func(o *Options) { o.Keychain = keys{r.host(): {Username: "ada", Password: "secret"}} })
	dir := locked(t, known, e)
	if _, err := known.Artifact(t.Context(), e, dir); err != nil {
		t.Errorf("with the right password: %v", err)
	}
	_, err := ecosystem(t).Artifact(t.Context(), e, dir)
	if err == nil || !strings.Contains(err.Error(), "docker login "+r.host()) {
		t.Errorf("without a password: %v", err)
	}
	if tries := slices.DeleteFunc(slices.Clone(r.asked), func(p string) bool { return p != "/token" }); len(tries) > 12 {
		t.Errorf("the token server was asked %d times", len(tries))
	}
}
