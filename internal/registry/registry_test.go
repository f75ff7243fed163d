package registry_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/remote"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/slipway-dev/slipway/internal/registry"
)

const imageManifest = ocispec.MediaTypeImageManifest

func sum(content string) string {
	digest := sha256.Sum256([]byte(content))
	return "sha256:" + hex.EncodeToString(digest[:])
}

// answer is a response that was read.
type answer struct {
	status int
	header http.Header
	body   string
}

// exchange sends one request as it stands, with names and values of headers in turn.
func exchange(t testing.TB, rt http.RoundTripper, method, path, body string, headers ...string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, "http://"+registry.Host+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := rt.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	content, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{res.StatusCode, res.Header, string(content)}
}

// pushEmpty pushes the blob "{}" and returns its digest.
func pushEmpty(t testing.TB, rt http.RoundTripper, repo string) string {
	t.Helper()
	digest := sum("{}")
	if got := exchange(t, rt, "POST", "/v2/"+repo+"/blobs/uploads/?digest="+digest, "{}"); got.status != http.StatusCreated {
		t.Fatalf("blob: %d %s", got.status, got.body)
	}
	return digest
}

// emptyManifest is a valid manifest over the blob "{}", which must have been pushed.
func emptyManifest(note string) string {
	return fmt.Sprintf(`{"schemaVersion":2,"mediaType":%q,"config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":%q,"size":2},`+
		`"layers":[],"annotations":{"note":%q}}`, imageManifest, sum("{}"), note)
}

func pushManifest(t testing.TB, rt http.RoundTripper, repo, ref, content string) answer {
	t.Helper()
	return exchange(t, rt, "PUT", "/v2/"+repo+"/manifests/"+ref, content, "Content-Type", imageManifest)
}

func TestChunkedUpload(t *testing.T) {
	t.Parallel()
	rt := inProcess(t, t.TempDir())
	start := exchange(t, rt, "POST", "/v2/r/blobs/uploads/", "")
	if start.status != http.StatusAccepted {
		t.Fatalf("%d %s", start.status, start.body)
	}
	location := start.header.Get("Location")
	for _, step := range []struct {
		span, chunk string
		status      int
	}{
		{"0-3", "some", http.StatusAccepted},
		{"0-3", "some", http.StatusRequestedRangeNotSatisfiable},
		{"8-11", "late", http.StatusRequestedRangeNotSatisfiable},
		{"4-8", "thing", http.StatusAccepted},
	} {
		if got := exchange(t, rt, "PATCH", location, step.chunk, "Content-Range", step.span); got.status != step.status {
			t.Errorf("%s: %d %s", step.span, got.status, got.body)
		}
	}
	if got := exchange(t, rt, "GET", location, ""); got.status != http.StatusNoContent || got.header.Get("Range") != "0-8" {
		t.Errorf("%d, range %s", got.status, got.header.Get("Range"))
	}
	if got := exchange(t, rt, "PUT", strings.Replace(location, "/r/", "/other/", 1)+"?digest="+sum("something"), ""); got.status != http.StatusNotFound {
		t.Errorf("finished in another repository: %d", got.status)
	}
	if got := exchange(t, rt, "PUT", location+"?digest="+sum("something"), ""); got.status != http.StatusCreated {
		t.Errorf("%d %s", got.status, got.body)
	}
	if got := exchange(t, rt, "PUT", location+"?digest="+sum("something"), ""); got.status != http.StatusNotFound {
		t.Errorf("finished twice: %d", got.status)
	}
	for span, want := range map[string]string{"": "something", "bytes=0-3": "some", "bytes=4-": "thing", "bytes=4-1000": "thing"} {
		got := exchange(t, rt, "GET", "/v2/r/blobs/"+sum("something"), "", "Range", span)
		if got.body != want {
			t.Errorf("%q: %d %q", span, got.status, got.body)
		}
	}
	if got := exchange(t, rt, "GET", "/v2/r/blobs/"+sum("something"), "", "Range", "bytes=9-"); got.status != http.StatusRequestedRangeNotSatisfiable {
		t.Errorf("range behind the end: %d", got.status)
	}
	if got := exchange(t, rt, "HEAD", "/v2/r/blobs/"+sum("something"), ""); got.status != http.StatusOK || got.header.Get("Content-Length") != "9" {
		t.Errorf("HEAD: %d %v", got.status, got.header)
	}
}

func TestMountOfAnUnknownBlobBecomesAnUpload(t *testing.T) {
	t.Parallel()
	rt := inProcess(t, t.TempDir())
	digest := pushEmpty(t, rt, "from")
	for query, want := range map[string]int{
		"mount=" + digest + "&from=from":        http.StatusCreated,
		"mount=" + digest:                       http.StatusCreated,
		"mount=" + sum("unknown") + "&from=a":   http.StatusAccepted,
		"mount=" + sum("unknown"):               http.StatusAccepted,
		"mount=" + url.QueryEscape("../../etc"): http.StatusAccepted,
	} {
		if got := exchange(t, rt, "POST", "/v2/to/blobs/uploads/?"+query, ""); got.status != want {
			t.Errorf("%s: %d %s", query, got.status, got.body)
		}
	}
}

func TestWrongContentIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	rt := inProcess(t, dir)
	before := files(t, dir)
	for name, got := range map[string]answer{
		"digest of another blob":     exchange(t, rt, "POST", "/v2/r/blobs/uploads/?digest="+sum("a"), "b"),
		"sha512":                     exchange(t, rt, "POST", "/v2/r/blobs/uploads/?digest=sha512:"+strings.Repeat("a", 128), "b"),
		"no digest at all":           exchange(t, rt, "POST", "/v2/r/blobs/uploads/?digest=sha256:..", "b"),
		"digest of another manifest": pushManifest(t, rt, "r", sum("other"), emptyManifest("")),
		"not JSON":                   pushManifest(t, rt, "r", "1", "{"),
		"no manifest":                pushManifest(t, rt, "r", "1", `{"schemaVersion":2}`),
		"unknown blob":               pushManifest(t, rt, "r", "1", emptyManifest("")),
		"too large":                  pushManifest(t, rt, "r", "1", strings.Repeat(" ", 4<<20)+"{}"),
		"manifest and index at once": pushManifest(t, rt, "r", "1", strings.Replace(emptyManifest(""), `"layers"`, `"manifests":[],"layers"`, 1)),
		"other media type":           exchange(t, rt, "PUT", "/v2/r/manifests/1", emptyManifest(""), "Content-Type", ocispec.MediaTypeImageIndex),
		"no media type":              exchange(t, rt, "PUT", "/v2/r/manifests/1", emptyManifest("")),
	} {
		var problem struct {
			Errors []struct{ Code, Message string }
		}
		if err := json.Unmarshal([]byte(got.body), &problem); err != nil || len(problem.Errors) != 1 || problem.Errors[0].Message == "" {
			t.Errorf("%s: answer %q", name, got.body)
		}
		if got.status < 400 || got.status >= 500 {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
	if after := files(t, dir); len(after) != len(before) {
		t.Errorf("left behind: %v", after)
	}
}

func TestWrongSizeInAManifestIsRefused(t *testing.T) {
	t.Parallel()
	rt := inProcess(t, t.TempDir())
	pushEmpty(t, rt, "r")
	lie := strings.Replace(emptyManifest(""), `"size":2`, `"size":3`, 1)
	if got := pushManifest(t, rt, "r", "1", lie); got.status != http.StatusBadRequest || !strings.Contains(got.body, "has 2 bytes") {
		t.Errorf("%d %s", got.status, got.body)
	}
}

func TestHostileNames(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	rt := inProcess(t, filepath.Join(parent, "registry"))
	pushEmpty(t, rt, "good")
	before := files(t, parent)
	for _, repo := range []string{"..", "../x", "a/../b", "a//b", "A", "a/_manifests", "_tags", "-a", strings.Repeat("a/", 128) + "a", "a%00b", "a%2f..%2fb", "."} {
		if got := pushManifest(t, rt, repo, "1", emptyManifest("")); got.status < 400 || got.status >= 500 {
			t.Errorf("repository %.20q: %d %s", repo, got.status, got.body)
		}
	}
	for _, tag := range []string{"..", ".", "-x", "a%2fb", "a%2f..%2fb", strings.Repeat("t", 129), "a%00", ""} {
		if got := pushManifest(t, rt, "good", tag, emptyManifest("")); got.status < 400 || got.status >= 500 {
			t.Errorf("tag %.20q: %d %s", tag, got.status, got.body)
		}
	}
	if after := files(t, parent); len(after) != len(before) {
		t.Errorf("left behind: %v", after)
	}
}

func TestTagsMoveAndGo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	rt := inProcess(t, dir)
	pushEmpty(t, rt, "r")
	one, two := emptyManifest("one"), emptyManifest("two")
	pushManifest(t, rt, "r", "b", one)
	pushManifest(t, rt, "r", "a", one)
	pushManifest(t, rt, "r", "b", two)
	if got := exchange(t, rt, "GET", "/v2/r/manifests/b", ""); got.body != two || got.header.Get("Content-Type") != imageManifest {
		t.Errorf("%d %v %s", got.status, got.header, got.body)
	}
	if got := exchange(t, rt, "GET", "/v2/r/tags/list?n=1", ""); !strings.Contains(got.body, `["a"]`) || !strings.Contains(got.header.Get("Link"), "last=a") {
		t.Errorf("%s, link %s", got.body, got.header.Get("Link"))
	}
	if got := exchange(t, rt, "GET", "/v2/r/tags/list?last=a", ""); !strings.Contains(got.body, `["b"]`) {
		t.Error(got.body)
	}
	if got := exchange(t, rt, "DELETE", "/v2/r/manifests/"+sum(one), ""); got.status != http.StatusAccepted {
		t.Errorf("%d %s", got.status, got.body)
	}
	for ref, want := range map[string]int{"a": http.StatusNotFound, sum(one): http.StatusNotFound, "b": http.StatusOK, "c": http.StatusNotFound} {
		if got := exchange(t, rt, "HEAD", "/v2/r/manifests/"+ref, ""); got.status != want {
			t.Errorf("%s: %d", ref, got.status)
		}
	}
	if got := exchange(t, rt, "DELETE", "/v2/r/manifests/b", ""); got.status != http.StatusAccepted {
		t.Errorf("%d %s", got.status, got.body)
	}
	if got := exchange(t, rt, "GET", "/v2/r/manifests/"+sum(two), ""); got.body != two {
		t.Errorf("the manifest went with its tag: %d", got.status)
	}
	if got := exchange(t, rt, "DELETE", "/v2/r/blobs/"+sum("{}"), ""); got.status != http.StatusBadRequest {
		t.Errorf("deleted a shared blob: %d", got.status)
	}
}

func TestReferrersOfNothingAreAnEmptyList(t *testing.T) {
	t.Parallel()
	rt := inProcess(t, t.TempDir())
	got := exchange(t, rt, "GET", "/v2/unknown/referrers/"+sum("x"), "")
	if got.status != http.StatusOK || !strings.Contains(got.body, `"manifests":[]`) || got.header.Get("Content-Type") != ocispec.MediaTypeImageIndex {
		t.Errorf("%d %v %s", got.status, got.header, got.body)
	}
	if got := exchange(t, rt, "GET", "/v2/unknown/referrers/latest", ""); got.status != http.StatusBadRequest {
		t.Errorf("%d %s", got.status, got.body)
	}
}

func TestReferrersAreFilteredAndDeleted(t *testing.T) {
	t.Parallel()
	rt := inProcess(t, t.TempDir())
	pushEmpty(t, rt, "r")
	subject := sum("not pushed yet")
	referrer := strings.Replace(emptyManifest("x"), `"layers"`, fmt.Sprintf(`"artifactType":"a/b","subject":{"digest":%q,"size":1},"layers"`, subject), 1)
	if got := pushManifest(t, rt, "r", sum(referrer), referrer); got.status != http.StatusCreated || got.header.Get("OCI-Subject") != subject {
		t.Fatalf("%d %v %s", got.status, got.header, got.body)
	}
	got := exchange(t, rt, "GET", "/v2/r/referrers/"+subject+"?artifactType=a/b", "")
	if !strings.Contains(got.body, sum(referrer)) || !strings.Contains(got.body, `"note":"x"`) || got.header.Get("OCI-Filters-Applied") != "artifactType" {
		t.Errorf("%v %s", got.header, got.body)
	}
	if got := exchange(t, rt, "GET", "/v2/r/referrers/"+subject+"?artifactType=c", ""); strings.Contains(got.body, sum(referrer)) {
		t.Error(got.body)
	}
	exchange(t, rt, "DELETE", "/v2/r/manifests/"+sum(referrer), "")
	if got := exchange(t, rt, "GET", "/v2/r/referrers/"+subject, ""); strings.Contains(got.body, sum(referrer)) {
		t.Error(got.body)
	}
}

// files lists what is in a folder, sessions apart.
func files(t testing.TB, dir string) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func BenchmarkPush100MB(b *testing.B) {
	content := bytes.Repeat([]byte("slipway"), 100<<20/7)
	digest := sum(string(content))
	b.SetBytes(int64(len(content)))
	for b.Loop() {
		b.StopTimer()
		dir := b.TempDir()
		rt := inProcess(b, dir)
		b.StartTimer()
		start := exchange(b, rt, "POST", "/v2/r/blobs/uploads/", "")
		location := start.header.Get("Location")
		req, err := http.NewRequestWithContext(b.Context(), http.MethodPatch, "http://"+registry.Host+location, bytes.NewReader(content))
		if err != nil {
			b.Fatal(err)
		}
		res, err := rt.RoundTrip(req)
		if err != nil {
			b.Fatal(err)
		}
		res.Body.Close()
		if got := exchange(b, rt, "PUT", location+"?digest="+digest, ""); got.status != http.StatusCreated {
			b.Fatal(got.status)
		}
		b.StopTimer()
		if err := os.RemoveAll(dir); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

func BenchmarkPushIndexOfSmallImages(b *testing.B) {
	rt := remote.WithTransport(inProcess(b, b.TempDir()))
	i := 0
	for b.Loop() {
		index := randomIndex(b)
		i++
		if err := remote.WriteIndex(reference(b, fmt.Sprintf("r:%d", i)), index, rt); err != nil {
			b.Fatal(err)
		}
	}
}
