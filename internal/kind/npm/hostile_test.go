package npm_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/internal/fetch"
	"github.com/slipway-dev/slipway/internal/unpack"
)

func TestHostileArchivesAreRefused(t *testing.T) {
	t.Parallel()
	manifest := file{name: "package/package.json", content: `{"name":"left","version":"1.5.0"}`}
	// One part of a gzip file after the other: what is compressed once is unpacked many times.
	many := bytes.Repeat(packed(t, bytes.Repeat(tarHeader(t, file{name: "skipped"}), 1000)), 101)
	zeros := func(claimed int64) []byte {
		return append(packed(t, tarHeader(t, file{name: "package/zeros", size: claimed})), packed(t, make([]byte, 1<<20))...)
	}
	for name, archive := range map[string][]byte{
		"climbs":                tgz(t, manifest, file{name: "package/../../x", content: "x"}),
		"is absolute":           tgz(t, manifest, file{name: "/package/x", content: "x"}),
		"links out":             tgz(t, manifest, file{name: "package/x", kind: '2', link: "../../../etc/passwd"}),
		"links out of a folder": tgz(t, manifest, file{name: "package/x", kind: '2', link: "a/../../../y"}),
		"hard link out":         tgz(t, manifest, file{name: "package/x", kind: '1', link: "/etc/passwd"}),
		"device":                tgz(t, manifest, file{name: "package/x", kind: '3'}),
		"pipe":                  tgz(t, manifest, file{name: "package/x", kind: '6'}),
		"twice":                 tgz(t, manifest, manifest),
		"twice by stripping":    tgz(t, manifest, file{name: "other/package.json", content: "{}"}),
		"too many":              many,
		"long name":             tgz(t, manifest, file{name: "package/" + strings.Repeat("x/", 500_000) + "x", content: "x"}),
		"bomb":                  zeros(10 << 30),
		"cut":                   zeros(512 << 20),
		"not gzip":              []byte("hello"),
		"empty":                 {},
		"manifest of 5 MB":      tgz(t, file{name: "package/package.json", content: `{"name":"` + strings.Repeat("x", 5<<20) + `"}`}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			releases := serverReleases()
			r := newRegistry(t, releases...)
			r.releases["left"]["1.5.0"] = release{archive: archive}
			lock := serverLock(t)
			at(lock, "left")["integrity"] = integrity(archive)
			_, err := r.ecosystem(nil).Payload(t.Context(), serverEntry(), folder(t, lock), amd64)
			var refused *unpack.Error
			if err == nil || !errors.As(err, &refused) && name != "manifest of 5 MB" {
				t.Fatalf("got %v", err)
			}
			if !strings.Contains(err.Error(), "package left 1.5.0") || len(err.Error()) > 1000 {
				t.Errorf("the error does not name the package in few words: %.1000v", err)
			}
		})
	}
}

func TestTroubleWithTheRegistryIsToldByItsKind(t *testing.T) {
	t.Parallel()
	type answer func(w http.ResponseWriter, r *http.Request, count int) bool
	status := func(code int) answer {
		return func(w http.ResponseWriter, _ *http.Request, _ int) bool { w.WriteHeader(code); return true }
	}
	for name, test := range map[string]struct {
		answer answer
		code   int // of the error; 0 for success, -1 for another error
	}{
		"401": {status(401), 401},
		"403": {status(403), 403},
		"404": {status(404), 404},
		"500": {status(500), 500},
		"429, then well": {func(w http.ResponseWriter, _ *http.Request, count int) bool {
			if count > 1 {
				return false
			}
			w.Header().Set("Retry-After", "3")
			w.WriteHeader(http.StatusTooManyRequests)
			return true
		}, 0},
		"cut, then well": {func(w http.ResponseWriter, _ *http.Request, count int) bool {
			if count > 1 {
				return false
			}
			w.Header().Set("Content-Length", "100000")
			_, _ = w.Write([]byte("half"))
			return true
		}, 0},
		"other content": {func(w http.ResponseWriter, _ *http.Request, _ int) bool { _, _ = w.Write([]byte("evil")); return true }, -1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRegistry(t, serverReleases()...)
			count := 0
			r.handle = func(w http.ResponseWriter, request *http.Request) bool {
				if !strings.HasPrefix(request.URL.Path, "/npm/left") {
					return false
				}
				r.mutex.Lock()
				count++
				now := count
				r.mutex.Unlock()
				return test.answer(w, request, now)
			}
			_, err := r.ecosystem(nil).Payload(t.Context(), serverEntry(), folder(t, serverLock(t)), amd64)
			var byStatus *fetch.StatusError
			var wrong *fetch.IntegrityError
			switch {
			case test.code == 0 && err != nil:
				t.Errorf("got %v", err)
			case test.code > 0 && (!errors.As(err, &byStatus) || byStatus.Code != test.code):
				t.Errorf("want status %d, got %v", test.code, err)
			case test.code < 0 && !errors.As(err, &wrong):
				t.Errorf("want an integrity error, got %v", err)
			}
		})
	}
}

func TestAnArchiveElsewhereOnTheRegistryIsFound(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		tarball string // HOST is the registry's
		works   bool
	}{
		"same host":            {"http://HOST/files/left.tgz", true},
		"same host over https": {"https://HOST/files/left.tgz", true},
		"another host":         {"http://evil.test/files/left.tgz", false},
		"user":                 {"http://me:pw@HOST/files/left.tgz", false},
		"no address":           {":", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			releases := serverReleases()
			r := newRegistry(t, releases...)
			archive := releases[1].tarball(t)
			r.handle = func(w http.ResponseWriter, request *http.Request) bool {
				switch request.URL.Path {
				case "/npm/left/-/left-1.5.0.tgz":
					http.NotFound(w, request)
				case "/npm/left":
					tarball := strings.ReplaceAll(test.tarball, "HOST", r.host())
					_, _ = fmt.Fprintf(w, `{"name":"left","versions":{"1.5.0":{"dist":{"tarball":%q}}}}`, tarball)
				case "/files/left.tgz":
					_, _ = w.Write(archive)
				default:
					return false
				}
				return true
			}
			_, err := r.ecosystem(nil).Payload(t.Context(), serverEntry(), folder(t, serverLock(t)), amd64)
			if (err == nil) != test.works {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestATokenReachesItsRegistryOnly(t *testing.T) {
	t.Parallel()
	releases := serverReleases()
	public, private := newRegistry(t, releases[1:]...), newRegistry(t, releases[0])
	eco := public.ecosystem(nil, "npm_config_@corp:registry="+private.URL+"/npm/", "npm_config_//"+private.host()+"/npm/:_authToken=secret")
	if _, err := eco.Payload(t.Context(), serverEntry(), folder(t, serverLock(t)), amd64); err != nil {
		t.Fatal(err)
	}
	for _, request := range public.requests {
		if request.Header.Get("Authorization") != "" {
			t.Errorf("the public registry got a token for %s", request.URL)
		}
	}
	if len(private.requests) != 1 || private.requests[0].Header.Get("Authorization") != "Bearer secret" {
		t.Errorf("the private registry got %d requests", len(private.requests))
	}
}

func packed(t *testing.T, data []byte) []byte {
	t.Helper()
	var buffer bytes.Buffer
	w := gzip.NewWriter(&buffer)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buffer.Bytes()
}

// tarHeader returns the headers of one entry, of which neither content nor an end follows.
func tarHeader(t *testing.T, f file) []byte {
	t.Helper()
	var buffer bytes.Buffer
	header := &tar.Header{Name: f.name, Mode: 0o644, Typeflag: tar.TypeReg, Size: f.size, Format: tar.FormatPAX}
	if err := tar.NewWriter(&buffer).WriteHeader(header); err != nil {
		t.Fatal(err)
	}
	return buffer.Bytes()
}
