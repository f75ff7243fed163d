package sdist

import (
	"io"
	"path"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/internal/kind/pypi/wheel"
)

func FuzzSystem(f *testing.F) {
	f.Add([]byte(""))
	f.Add([]byte("[build-system]\nrequires = ['setuptools>=61; python_version > \"3\"']\nbuild-backend = 'setuptools.build_meta'\nbackend-path = ['.']"))
	f.Add([]byte("[build-system]\nrequires = ['x @ https://x.example']"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := parseSystem(data)
		if err != nil {
			return
		}
		for _, text := range s.Requires {
			if strings.ContainsAny(text, "@\n\r\x00") {
				t.Errorf("wants %q", text)
			}
		}
		for _, folder := range s.Path {
			if path.IsAbs(folder) || strings.HasPrefix(path.Clean(folder), "..") && path.Clean(folder) != "..." && !strings.HasPrefix(path.Clean(folder), "...") {
				t.Errorf("looks for its backend in %q", folder)
			}
		}
		if strings.ContainsAny(s.Backend, " ;()/") || s.Backend == "" {
			t.Errorf("has the backend %q", s.Backend)
		}
	})
}

func FuzzName(f *testing.F) {
	f.Add("docopt-0.6.2.tar.gz")
	f.Add("My.Old-Server-1.0.post1.tar.gz")
	f.Fuzz(func(t *testing.T, file string) {
		n, err := ParseName(file)
		if err == nil && (path.Base(n.File) != n.File || strings.HasPrefix(n.File, ".") || !project.MatchString(n.Project)) {
			t.Errorf("%q is %+v", file, n)
		}
	})
}

func FuzzAnswer(f *testing.F) {
	f.Add([]byte("{\"requires\": [\"wheel\"], \"wheel\": \"x-1-py3-none-any.whl\"}\nPK"), 3)
	f.Add([]byte("\n\n"), 1)
	f.Fuzz(func(t *testing.T, data []byte, cut int) {
		a := &answer{rest: io.Discard}
		cut = max(0, min(cut, len(data)))
		for _, part := range [][]byte{data[:cut], data[cut:]} {
			if n, err := a.Write(part); err == nil && n != len(part) {
				t.Errorf("wrote %d of %d bytes", n, len(part))
			}
		}
		s, err := a.read()
		if err != nil {
			return
		}
		for _, text := range s.Requires {
			if r, err := wheel.ParseRequirement(text); err != nil || r.Address != "" {
				t.Errorf("wants %q", text)
			}
		}
	})
}
