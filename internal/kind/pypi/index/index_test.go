package index

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/fetch"
	"github.com/slipway-dev/slipway/internal/kind/pypi/pipconf"
)

var (
	one = strings.Repeat("1", 64)
	two = strings.Repeat("2", 64)
)

const page = `<!DOCTYPE html><html><body><h1>Links</h1>
<a href="../../files/x-1.0-py3-none-any.whl#sha256=` + "ONE" + `" data-requires-python="&gt;=3.10">x-1.0-py3-none-any.whl</a><br/>
<A HREF='https://files.example/x-2.0.tar.gz#sha256=` + "TWO" + `' data-yanked="broken">any text</A>
<a href="http://clear.example/x-3.0.tar.gz">x</a><a>nothing</a><a href="">nothing</a><a href="javascript:x">nothing</a>
<a href="x%202-1.0-py3-none-any.whl#md5=00">x</a></body></html>`

const document = `{"meta": {"api-version": "1.1"}, "name": "x", "files": [
{"filename": "x-1.0-py3-none-any.whl", "url": "../../files/x-1.0-py3-none-any.whl", "hashes": {"sha256": "ONE"}, "requires-python": ">=3.10", "yanked": false},
{"filename": "x-2.0.tar.gz", "url": "https://files.example/x-2.0.tar.gz", "hashes": {"sha256": "TWO", "md5": "0"}, "yanked": "broken"}]}`

func filled(text string) string {
	return strings.NewReplacer("ONE", one, "TWO", two).Replace(text)
}

type file struct {
	Name, URL, SHA256, Python string
	Yanked                    bool
}

func TestPages(t *testing.T) {
	t.Parallel()
	at, _ := url.Parse("https://index.example/simple/x/")
	both := []file{
		{"x-1.0-py3-none-any.whl", "https://index.example/files/x-1.0-py3-none-any.whl", one, ">=3.10", false},
		{"x-2.0.tar.gz", "https://files.example/x-2.0.tar.gz", two, "", true},
	}
	for text, want := range map[string][]file{
		page:     append(both[:2:2], file{"x 2-1.0-py3-none-any.whl", "https://index.example/simple/x/x%202-1.0-py3-none-any.whl", "", "", false}),
		document: both,
	} {
		files, err := parse(at, []byte(filled(text)))
		if err != nil {
			t.Fatal(err)
		}
		var got []file
		for _, f := range files {
			got = append(got, file{f.Name, f.URL.String(), f.SHA256, f.RequiresPython, f.Yanked})
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
}

func TestGarbageIsRefused(t *testing.T) {
	t.Parallel()
	at, _ := url.Parse("https://index.example/simple/x/")
	for _, text := range []string{"", "not found", `{"files": 1}`, `{"files": []}`, `{"meta": {"api-version": "2.0"}}`, "{", "\x00\x01"} {
		if files, err := parse(at, []byte(text)); err == nil {
			t.Errorf("%q became %v", text, files)
		}
	}
	if _, err := parse(at, []byte(strings.Repeat(`<a href="x.whl">`, maxFiles+1))); err == nil {
		t.Error("an endless list was read")
	}
	if _, err := parse(at, []byte("<a "+strings.Repeat("x", 2<<20))); err == nil {
		t.Error("an endless element was read")
	}
}

func serve(t *testing.T, handler http.HandlerFunc) *Index {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	config, err := pipconf.Load(pipconf.Sources{Environ: []string{"PIP_INDEX_URL=" + strings.Replace(server.URL, "://", "://user:secret@", 1) + "/simple"}})
	if err != nil {
		t.Fatal(err)
	}
	return New(fetch.New(t.TempDir(), server.Client()), config)
}

func TestLocate(t *testing.T) {
	t.Parallel()
	i := serve(t, func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		if r.URL.Path != "/simple/x/" || !strings.Contains(r.Header.Get("Accept"), "json") || user != "user" || password != "secret" {
			t.Errorf("asked %s with %v", r.URL, r.Header)
		}
		_, _ = w.Write([]byte(filled(page)))
	})
	address, header, err := i.Locate("x", one)(t.Context())
	if err != nil || !strings.HasSuffix(address, "/files/x-1.0-py3-none-any.whl") || header.Get("Authorization") == "" {
		t.Errorf("%s, %v, %v", address, header, err)
	}
	address, header, err = i.Locate("x", two)(t.Context())
	if err != nil || address != "" && !strings.HasPrefix(address, "https://files.example/") || header.Get("Authorization") != "" {
		t.Errorf("%s, %v, %v: the credentials are the index's only", address, header, err)
	}
	if _, _, err := i.Locate("x", strings.Repeat("3", 64))(t.Context()); err == nil || !strings.Contains(err.Error(), "lock again") {
		t.Errorf("got %v", err)
	}
}

func TestMissingProject(t *testing.T) {
	t.Parallel()
	i := serve(t, http.NotFound)
	var status *fetch.StatusError
	if _, err := i.Files(t.Context(), "x"); !errors.As(err, &status) || status.Code != http.StatusNotFound {
		t.Errorf("got %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(filled(page)))
	f.Add([]byte(filled(document)))
	at, _ := url.Parse("https://index.example/simple/x/")
	f.Fuzz(func(t *testing.T, data []byte) {
		files, err := parse(at, data)
		if err != nil {
			return
		}
		for _, file := range files {
			if file.URL.Scheme != "https" || file.URL.Host == "" || file.URL.User != nil || file.SHA256 != "" && len(file.SHA256) != 64 {
				t.Errorf("%q has %+v", data, file)
			}
		}
	})
}
