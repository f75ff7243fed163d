package registry_test

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/slipway-dev/slipway/internal/registry"
)

// victim names the folder that a copy of this test binary pushes to until it is killed.
const victim = "REGISTRY_CRASH_TEST_FOLDER"

func TestMain(m *testing.M) {
	if dir := os.Getenv(victim); dir != "" {
		if err := pushForever(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

func pushForever(dir string) error {
	r, err := registry.New(dir)
	if err != nil {
		return err
	}
	rt := remote.WithTransport(registry.Transport(registry.Host, r.Handler(), refuse{}))
	for end := time.Now().Add(time.Minute); time.Now().Before(end); {
		image, err := random.Image(100_000, 2)
		if err != nil {
			return err
		}
		ref, err := parse("r:moving")
		if err != nil {
			return err
		}
		if err := remote.Write(ref, image, rt); err != nil {
			return err
		}
		fmt.Println("pushed")
	}
	return nil
}

// However often a process is killed while it pushes, all that can be seen is complete, and nothing else stays.
func TestKilledPushesLeaveNothingHalfWritten(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for i := range 12 {
		// The last thing to be complete is the tag, so it is there after the first push or not at all.
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), victim+"="+dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := out.Read(make([]byte, 16)); err != nil {
			t.Fatalf("the process to be killed pushed nothing: %v", err)
		}
		time.Sleep(time.Duration(i) * 3 * time.Millisecond)
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // killed

		rt := inProcess(t, dir)
		image, err := remote.Image(reference(t, "r:moving"), remote.WithTransport(rt))
		if err != nil {
			t.Fatal(err)
		}
		if err := validate.Image(image); err != nil {
			t.Fatal(err)
		}
		for _, name := range files(t, dir) {
			if strings.Contains(name, "/uploads/") {
				t.Errorf("left behind: %s", name)
			}
			if blob, ok := strings.CutPrefix(name, filepath.Join(dir, "blobs", "sha256")+"/"); ok {
				content, err := os.ReadFile(name)
				if err != nil {
					t.Fatal(err)
				}
				if sum(string(content)) != "sha256:"+blob {
					t.Errorf("torn: %s", name)
				}
			}
		}
	}
}

func TestUploadsOfLivingProcessesAreKept(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	rt := inProcess(t, dir)
	start := exchange(t, rt, "POST", "/v2/r/blobs/uploads/", "")
	exchange(t, rt, "PATCH", start.header.Get("Location"), "content")
	dead := filepath.Join(dir, "uploads", "DEAD")
	if err := os.Mkdir(dead, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dead, "half"), []byte("half"), 0o644); err != nil {
		t.Fatal(err)
	}
	open(t, dir)
	if _, err := os.Stat(dead); !os.IsNotExist(err) {
		t.Errorf("the dead process's folder is still there: %v", err)
	}
	if got := exchange(t, rt, "PUT", start.header.Get("Location")+"?digest="+sum("content"), ""); got.status != http.StatusCreated {
		t.Errorf("the living process's upload is gone: %d %s", got.status, got.body)
	}
}

func TestAbandonedUploadsAreBounded(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	rt := inProcess(t, dir)
	first := exchange(t, rt, "POST", "/v2/r/blobs/uploads/", "").header.Get("Location")
	var last string
	for range 1100 {
		last = exchange(t, rt, "POST", "/v2/r/blobs/uploads/", "").header.Get("Location")
	}
	if n := len(files(t, dir)); n > 1024 {
		t.Errorf("%d files", n)
	}
	if got := exchange(t, rt, "GET", first, ""); got.status != http.StatusNotFound {
		t.Errorf("the upload left longest: %d", got.status)
	}
	if got := exchange(t, rt, "GET", last, ""); got.status != http.StatusNoContent {
		t.Errorf("the newest upload: %d", got.status)
	}
}

func FuzzRequest(f *testing.F) {
	f.Add("GET", "/v2/", "", "")
	f.Add("PUT", "/v2/r/manifests/", imageManifest, "{}")
	f.Add("PUT", "/v2/r/manifests/1", imageManifest, emptyManifest("x"))
	f.Add("POST", "/v2/r/blobs/uploads/?mount=sha256:..&from=r", "", "")
	f.Add("POST", "/v2/r/blobs/uploads?digest="+sum("{}"), "", "{}")
	f.Add("PATCH", "/v2/r/blobs/uploads/QQ", "", "x")
	f.Add("GET", "/v2/r/referrers/"+sum("x"), "", "")
	f.Add("GET", "/v2//referrers/", "", "")
	f.Add("GET", "/v2/r/tags/list?n=-1&last=%00", "", "")
	parent := f.TempDir()
	handler := open(f, filepath.Join(parent, "registry")).Handler()
	f.Fuzz(func(t *testing.T, method, target, contentType, body string) {
		req, err := http.NewRequestWithContext(t.Context(), method, "http://"+registry.Host+target, strings.NewReader(body))
		if err != nil {
			return
		}
		req.Header.Set("Content-Type", contentType)
		res, err := registry.Transport(req.URL.Host, handler, refuse{}).RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if res.StatusCode >= 500 {
			t.Errorf("%s %q: %s", method, target, res.Status)
		}
		entries, err := os.ReadDir(parent)
		if err != nil || len(entries) != 1 {
			t.Fatalf("written outside of the folder: %v, %v", entries, err)
		}
	})
}
