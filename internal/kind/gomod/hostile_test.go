package gomod_test

import (
	"archive/zip"
	"bytes"
	"crypto/rand"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb"
	"golang.org/x/mod/sumdb/note"
)

// archived is an entry of a module's zip as no honest tool writes it.
type archived struct {
	name, content string
	mode          os.FileMode
	claimed       uint64 // size, if not that of content
}

func zipOf(t testing.TB, entries ...archived) []byte {
	t.Helper()
	var buffer bytes.Buffer
	w := zip.NewWriter(&buffer)
	for _, e := range entries {
		header := &zip.FileHeader{Name: e.name, Method: zip.Store}
		header.SetMode(0o644 | e.mode)
		header.CompressedSize64, header.UncompressedSize64 = uint64(len(e.content)), max(e.claimed, uint64(len(e.content)))
		f, err := w.CreateRaw(header)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(e.content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buffer.Bytes()
}

func TestHostileModulesAreNotLocked(t *testing.T) {
	t.Parallel()
	const left = "example.com/left@v1.2.0/"
	archive := func(entries ...archived) []release {
		releases := serverReleases()
		releases[1].Archive = zipOf(t, append([]archived{{name: left + "go.mod", content: releases[1].Files["go.mod"]}}, entries...)...)
		return releases
	}
	main := serverReleases()[0].Files["go.mod"]
	for name, test := range map[string]struct {
		releases []release
		want     string
	}{
		"climbs":              {archive(archived{name: left + "../../x.go", content: "package left"}), "example.com/left@v1.2.0"},
		"lies elsewhere":      {archive(archived{name: "example.com/right@v1.2.0/left.go", content: "package left"}), "example.com/left@v1.2.0"},
		"claims a gigabyte":   {archive(archived{name: left + "left.go", content: "package left", claimed: 1 << 30}), "unexpected EOF"},
		"no zip":              {func() []release { r := serverReleases(); r[1].Archive = []byte("zip"); return r }(), "not a valid zip file"},
		"other module":        {changed("example.com/left", map[string]string{"go.mod": "module example.com/right\n"}), "example.com/right"},
		"replaces":            {changed("example.com/server", map[string]string{"go.mod": main + "replace example.com/left => ../left\n"}), "replaces or excludes"},
		"excludes":            {changed("example.com/server", map[string]string{"go.mod": main + "exclude example.com/left v1.3.0\n"}), "replaces or excludes"},
		"go of the future":    {changed("example.com/server", map[string]string{"go.mod": strings.Replace(main, "go 1.24", "go 1.99.0", 1)}), "go >= 1.99.0"},
		"toolchain of others": {changed("example.com/server", map[string]string{"go.mod": main + "toolchain go1.99.0-evil\n"}), ""},
		"dependency missing":  {serverReleases()[:3], "example.com/deep"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eco := newProxy(t, test.releases...).ecosystem()
			files, err := eco.Lock(t.Context(), serverEntry(), nil)
			if test.want == "" {
				if err != nil || strings.Contains(string(files["go.mod"]), "evil") {
					t.Errorf("got %v, %s", err, files["go.mod"])
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.want) || len(err.Error()) > 20_000 {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestHostileLocksAreNotBuilt(t *testing.T) {
	t.Parallel()
	eco, e := newProxy(t, serverReleases()...).ecosystem(), serverEntry()
	dir := lock(t, eco, e)
	sums := strings.SplitAfter(string(dir["go.sum"].Data), "\n")
	line := func(prefix string) string {
		for _, l := range sums {
			if strings.HasPrefix(l, prefix) {
				return l
			}
		}
		t.Fatalf("the lock has no %q", prefix)
		return ""
	}
	left, deep := line("example.com/left v1.2.0 "), line("example.com/deep v1.0.0 ")
	hash := func(line string) string { return line[strings.LastIndexByte(line, ' '):] }
	requires := "require (\n"
	for name, test := range map[string]struct{ old, replacement, want string }{
		"hash of another module": {left, strings.Replace(left, hash(left), hash(deep), 1), "checksum mismatch"},
		"no hash":                {left, "", "missing go.sum entry"},
		"no hash of go.mod":      {line("example.com/left v1.2.0/go.mod"), "", "has no hash of its go.mod"},
		"replaced":               {requires, "replace example.com/left => example.com/deep v1.0.0\n\n" + requires, "has no place in a lock"},
		"replaced by a folder":   {requires, "replace example.com/left => /etc\n\n" + requires, "has no place in a lock"},
		"raised":                 {"example.com/deep v1.0.0", "example.com/deep v1.1.0", "example.com/deep"},
		"lowered":                {"example.com/left v1.2.0", "example.com/left v1.1.0", "example.com/left"},
		"one more module":        {requires, requires + "\texample.com/none v1.0.0\n", "example.com/none"},
		"another command":        {"/cmd/server\n", "/cmd/evil\n", "the entry wants example.com/server/cmd/server"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := newProxy(t, serverReleases()...).ecosystem().Payload(t.Context(), e, edited(t, dir, test.old, test.replacement), amd64)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestOtherBytesThanTheLockPinsAreRefused(t *testing.T) {
	t.Parallel()
	e := serverEntry()
	dir := lock(t, newProxy(t, serverReleases()...).ecosystem(), e)
	for name, files := range map[string]map[string]string{
		"source": {"deep.go": "package deep\n\nconst Word = \"evil\"\n"},
		"more":   {"init.go": "package deep\n\nfunc init() { panic(1) }\n"},
		"go.mod": {"go.mod": "module example.com/deep\n\nrequire example.com/evil v1.0.0\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eco := newProxy(t, changed("example.com/deep", files)...).ecosystem()
			if _, err := eco.Payload(t.Context(), e, dir, amd64); err == nil || !strings.Contains(err.Error(), "checksum mismatch") {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestNoCodeOfAModuleRuns(t *testing.T) {
	t.Parallel()
	marker := filepath.Join(folder(t), "marker")
	e := serverEntry()
	for name, test := range map[string]struct {
		files map[string]string
		want  string // of the error; empty if it builds without
	}{
		"generators, cgo beside, flags": {map[string]string{
			"cmd/server/generate.go": "package main\n\n//go:generate touch " + marker + "\n",
			"cmd/server/cgo.go": "package main\n\n// #cgo LDFLAGS: -fplugin=/x\n// #cgo pkg-config: evil\n// int one() { return 1; }\n" +
				"import \"C\"\n\nvar _ = C.one()\n",
			"go.work":            "go 1.24\nuse ./nowhere\n",
			"vendor/modules.txt": "# example.com/left v9.0.0\n",
		}, ""},
		"linker flags without cgo": {map[string]string{
			"cmd/server/flags.go": "package main\n\n//go:cgo_ldflag \"-fplugin=/x\"\n",
		}, "only allowed in cgo-generated code"},
		"only cgo": {map[string]string{
			"cmd/server/main.go": "package main\n\nimport \"C\"\n\nfunc main() {}\n",
		}, "build constraints exclude all Go files"},
		"machine code": {map[string]string{"cmd/server/evil.syso": "\x7fELF"}, "machine code"},
		"no command":   {map[string]string{"cmd/server/main.go": "package server\n"}, "is no command"},
		"embeds from outside": {map[string]string{
			"cmd/server/embed.go": "package main\n\nimport _ \"embed\"\n\n//go:embed ../../../../etc/passwd\nvar s string\n",
		}, "invalid pattern"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eco := newProxy(t, changed("example.com/server", test.files)...).ecosystem()
			dir := lock(t, eco, e)
			_, err := eco.Payload(t.Context(), e, dir, amd64)
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("got %v", err)
			}
			if _, err := os.Stat(marker); err == nil {
				t.Error("a generator ran")
			}
		})
	}
}

func TestTroubleWithTheProxyIsTold(t *testing.T) {
	t.Parallel()
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
	}
	for name, test := range map[string]struct {
		answer http.HandlerFunc
		want   string
	}{
		"401": {status(401), "401 Un"},
		"404": {status(404), "404 Not Found"},
		"410": {status(410), "410 Gone"},
		"500": {status(500), "500 Internal Server Error"},
		"cut": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100000")
			_, _ = w.Write([]byte("half"))
		}, "unexpected EOF"},
		"slow": {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, "took longer than the 1s that it may take"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProxy(t, serverReleases()...)
			p.handle = func(w http.ResponseWriter, r *http.Request) bool {
				if !strings.HasPrefix(r.URL.Path, "/example.com/left/") {
					return false
				}
				test.answer(w, r)
				return true
			}
			eco := p.ecosystem()
			if name == "slow" {
				eco = p.patient(time.Second)
			}
			_, err := eco.Lock(t.Context(), serverEntry(), nil)
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "example.com/server/cmd/server@v1.0.0") {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestOnlyAProxyIsAsked(t *testing.T) {
	t.Parallel()
	p := newProxy(t, serverReleases()...)
	for settings, want := range map[string]string{
		"GOPROXY=direct":                             "GOPROXY names none",
		"GOPROXY=off":                                "GOPROXY names none",
		"GOPROXY=" + p.URL + "/none,direct":          "404 Not Found",
		"GOPROXY=" + p.URL + "/none|" + p.URL:        "",
		"GOPROXY=direct," + p.URL + ",direct":        "",
		"PATH=/nowhere":                              "there is no go command on the PATH",
		"GOSUMDB=sum.invalid+00000000+AAAA " + p.URL: "invalid GOSUMDB",
	} {
		t.Run(settings, func(t *testing.T) {
			t.Parallel()
			_, err := p.ecosystem(settings).Lock(t.Context(), serverEntry(), nil)
			if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestTheChecksumDatabaseIsAsked(t *testing.T) {
	t.Parallel()
	secret, verifier, err := note.GenerateKey(rand.Reader, "sum.test")
	if err != nil {
		t.Fatal(err)
	}
	honest := map[string]string{}
	for _, r := range serverReleases() {
		if honest[r.Path+"@"+r.Version], err = r.Sums(); err != nil {
			t.Fatal(err)
		}
	}
	database := sumdb.NewServer(sumdb.NewTestServer(secret, func(path, version string) ([]byte, error) {
		return []byte(honest[path+"@"+version]), nil
	}))
	server := httptest.NewServer(database)
	t.Cleanup(server.Close)
	settings := []string{"GOSUMDB=" + verifier + " " + server.URL, "GONOSUMDB="}
	e := serverEntry()
	files, err := newProxy(t, serverReleases()...).ecosystem(settings...).Lock(t.Context(), e, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(files["go.sum"]), strings.SplitAfter(honest["example.com/left@v1.2.0"], "\n")[0]) {
		t.Errorf("%s", files["go.sum"])
	}
	evil := newProxy(t, changed("example.com/left", map[string]string{"left.go": "package left\n\nfunc Word() string { return \"evil\" }\n"})...)
	if _, err := evil.ecosystem(settings...).Lock(t.Context(), e, nil); err == nil || !strings.Contains(err.Error(), "SECURITY ERROR") {
		t.Errorf("got %v", err)
	}
	server.Close()
	if _, err := newProxy(t, serverReleases()...).ecosystem(settings...).Lock(t.Context(), e, nil); err == nil || !strings.Contains(err.Error(), "verifying") {
		t.Errorf("without the database: %v", err)
	}
}
