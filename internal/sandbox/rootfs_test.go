package sandbox_test

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/slipway-dev/slipway/internal/sandbox"
)

// item is an entry of a layer; a name with a slash at its end is a folder.
type item struct {
	name, content, link string
	kind                byte
	mode                int64
	uid                 int
}

func image(t testing.TB, layers ...[]item) v1.Image {
	t.Helper()
	img := empty.Image
	for _, items := range layers {
		var buf bytes.Buffer
		w := tar.NewWriter(&buf)
		for _, i := range items {
			h := &tar.Header{Name: i.name, Typeflag: i.kind, Linkname: i.link, Size: int64(len(i.content)), Mode: i.mode, Uid: i.uid, ModTime: time.Unix(1, 0)}
			if h.Mode == 0 {
				h.Mode = 0o755
			}
			switch {
			case h.Typeflag != 0:
			case strings.HasSuffix(i.name, "/"):
				h.Typeflag = tar.TypeDir
			case i.link != "":
				h.Typeflag = tar.TypeSymlink
			default:
				h.Typeflag = tar.TypeReg
			}
			if err := w.WriteHeader(h); err != nil {
				t.Fatal(err)
			}
			if _, err := io.WriteString(w, i.content); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(buf.Bytes())), nil })
		if err != nil {
			t.Fatal(err)
		}
		if img, err = mutate.AppendLayers(img, layer); err != nil {
			t.Fatal(err)
		}
	}
	return img
}

// listing has one line a file: its mode, path, and content or link target.
func listing(t testing.TB, dir string) string {
	t.Helper()
	var out strings.Builder
	err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err != nil || path == dir {
			return err
		}
		text, _ := os.ReadFile(path)
		if target, err := os.Readlink(path); err == nil {
			text = []byte("-> " + target)
		}
		name, _ := filepath.Rel(dir, path)
		_, err = fmt.Fprintf(&out, "%v %s %s\n", info.Mode(), name, text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestExtractAppliesLayersInOrder(t *testing.T) {
	t.Parallel()
	img := image(t,
		[]item{
			{name: "usr/bin/"},
			{name: "bin", link: "usr/bin"},
			{name: "var/run", link: "/run"},
			{name: "./etc/passwd", content: "old"},
			{name: "etc/gone", content: "x"},
			{name: "opt/a/b", content: "x"},
			{name: "opt/c", content: "x"},
			{name: "swap/x", content: "x"},
			{name: "swap2", content: "x"},
		},
		[]item{
			{name: "bin/tool", content: "tool", mode: 0o6755},
			{name: "var/run/pid", content: "1", mode: 0o640, uid: 65532},
			{name: "etc/passwd", content: "new", mode: 0o600},
			{name: "etc/.wh.gone"},
			{name: "opt/.wh..wh..opq"},
			{name: "opt/d", content: "d"},
			{name: "swap", content: "file now"},
			{name: "swap2/"},
			{name: "usr/hard", link: "usr/bin/tool", kind: tar.TypeLink},
			{name: "dev/null", kind: tar.TypeChar},
			{name: "locked/", mode: 0o555},
			{name: "locked/in", content: "x"},
		},
	)
	dir := t.TempDir()
	if err := sandbox.ExtractRootFS(t.Context(), img, dir); err != nil {
		t.Fatal(err)
	}
	want := `Lrwxrwxrwx bin -> usr/bin
drwxr-xr-x dev 
drwxr-xr-x etc 
-rw------- etc/passwd new
drwxr-xr-x locked 
-rwxr-xr-x locked/in x
drwxr-xr-x opt 
-rwxr-xr-x opt/d d
drwxr-xr-x run 
-rw-r--rw- run/pid 1
-rwxr-xr-x swap file now
drwxr-xr-x swap2 
drwxr-xr-x usr 
drwxr-xr-x usr/bin 
-rwxr-xr-x usr/bin/tool tool
-rwxr-xr-x usr/hard tool
drwxr-xr-x var 
Lrwxrwxrwx var/run -> /run
`
	if got := listing(t, dir); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if info, err := os.Stat(filepath.Join(dir, "etc/passwd")); err != nil || info.ModTime().Unix() != 1 {
		t.Errorf("the time of etc/passwd: %v, %v", info.ModTime(), err)
	}
}

func TestExtractStaysInside(t *testing.T) {
	t.Parallel()
	for name, items := range map[string][]item{
		"climbing name":            {{name: "a/../../evil", content: "x"}},
		"hard link out":            {{name: "evil", link: "../../secret", kind: tar.TypeLink}},
		"hard link through a link": {{name: "a", link: "../.."}, {name: "evil", link: "a/secret", kind: tar.TypeLink}},
		"link loop":                {{name: "a", link: "b"}, {name: "b", link: "a"}, {name: "a/evil", content: "x"}},
		"file as folder":           {{name: "a", content: "x"}, {name: "a/b", content: "x"}},
		"whiteout of the parent":   {{name: "a/"}, {name: "a/.wh..."}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			outer := t.TempDir()
			if err := os.WriteFile(filepath.Join(outer, "secret"), []byte("secret"), 0o600); err != nil {
				t.Fatal(err)
			}
			dir := filepath.Join(outer, "in")
			if err := os.Mkdir(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := sandbox.ExtractRootFS(t.Context(), image(t, items), dir); err == nil {
				t.Errorf("accepted:\n%s", listing(t, outer))
			}
			if entries, err := os.ReadDir(outer); err != nil || len(entries) != 2 {
				t.Errorf("outside: %v, %v", entries, err)
			}
		})
	}
	// A link out of the root is kept, as the program sees it inside; what is written through it stays inside.
	outer := t.TempDir()
	dir := filepath.Join(outer, "in")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	img := image(t, []item{{name: "a", link: "../../../x"}, {name: "b", link: outer}, {name: "a/one", content: "1"}, {name: "b/two", content: "2"}})
	if err := sandbox.ExtractRootFS(t.Context(), img, dir); err != nil {
		t.Fatal(err)
	}
	if entries, err := os.ReadDir(outer); err != nil || len(entries) != 1 {
		t.Errorf("outside: %v, %v", entries, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "x", "one")); err != nil {
		t.Error(err)
	}
}

func TestExtractEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := sandbox.ExtractRootFS(ctx, image(t, []item{{name: "a", content: "x"}}), t.TempDir()); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func FuzzExtract(f *testing.F) {
	f.Add("a/b", byte(tar.TypeReg), "", "a", byte(tar.TypeSymlink), "/b")
	f.Add("a", byte(tar.TypeSymlink), "../../x", "a/b", byte(tar.TypeReg), "")
	f.Add("a/.wh..wh..opq", byte(tar.TypeReg), "", "a/.wh.", byte(tar.TypeReg), "")
	f.Fuzz(func(t *testing.T, name1 string, kind1 byte, link1, name2 string, kind2 byte, link2 string) {
		var buf bytes.Buffer
		w := tar.NewWriter(&buf)
		for _, h := range []*tar.Header{{Name: name1, Typeflag: kind1, Linkname: link1, Mode: 0o644}, {Name: name2, Typeflag: kind2, Linkname: link2, Mode: 0o644}} {
			if w.WriteHeader(h) != nil {
				return
			}
		}
		if w.Close() != nil {
			return
		}
		layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(buf.Bytes())), nil })
		if err != nil {
			return
		}
		img, err := mutate.AppendLayers(empty.Image, layer)
		if err != nil {
			return
		}
		outer := t.TempDir()
		dir := filepath.Join(outer, "in")
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		_ = sandbox.ExtractRootFS(t.Context(), img, dir)
		if entries, err := os.ReadDir(outer); err != nil || len(entries) != 1 {
			t.Errorf("outside: %v, %v", entries, err)
		}
	})
}

// BenchmarkExtract unpacks what an image with Node.js holds: one file of 110 MB and 4,000 of 5 kB.
func BenchmarkExtract(b *testing.B) {
	big := make([]byte, 110<<20)
	if _, err := rand.Read(big[:40<<20]); err != nil {
		b.Fatal(err)
	}
	layers := [][]item{{{name: "usr/bin/node", content: string(big)}}, {}}
	for i := range 4000 {
		layers[1] = append(layers[1], item{name: fmt.Sprintf("app/node_modules/p%d/lib/f%d.js", i/10, i), content: strings.Repeat("x = 1\n", 850)})
	}
	img := image(b, layers...)
	// From a layout on disk, as built images are.
	stored, err := layout.Write(b.TempDir(), empty.Index)
	if err != nil {
		b.Fatal(err)
	}
	if err := stored.AppendImage(img); err != nil {
		b.Fatal(err)
	}
	digest, err := img.Digest()
	if err != nil {
		b.Fatal(err)
	}
	if img, err = stored.Image(digest); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(big)) + 4000*850*6)
	for b.Loop() {
		dir := b.TempDir()
		if err := sandbox.ExtractRootFS(context.Background(), img, dir); err != nil {
			b.Fatal(err)
		}
	}
}
