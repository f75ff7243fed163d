package wheel

import (
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

func target(t testing.TB, arch string) *Target {
	t.Helper()
	found, err := TargetOf(v1.Platform{OS: "linux", Architecture: arch})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestPure(t *testing.T) {
	t.Parallel()
	for tags, want := range map[string]bool{
		"py3-none-any": true, "py2.py3-none-any": true, "1-cp313-none-any": true,
		"cp313-cp313-manylinux_2_17_x86_64": false, "py3-none-linux_x86_64": false, "cp313-abi3-any": false, "py3-none-any.linux_x86_64": false,
	} {
		n, err := ParseName("a_b-1.0-" + tags + ".whl")
		if err != nil || n.Pure() != want {
			t.Errorf("%s is pure: %v, %v", tags, n.Pure(), err)
		}
	}
}

func TestChoose(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ files, amd64, arm64 string }{
		"pure":         {"py3-none-any", "py3-none-any", "py3-none-any"},
		"both Pythons": {"py2.py3-none-any", "py2.py3-none-any", "py2.py3-none-any"},
		"compiled": {
			"cp312-cp312-manylinux_2_17_x86_64 cp313-cp313-manylinux_2_17_x86_64.manylinux2014_x86_64 cp313-cp313-manylinux_2_17_aarch64 cp313-cp313-musllinux_1_2_x86_64 cp313-cp313t-manylinux_2_17_x86_64 cp313-cp313-win_amd64",
			"cp313-cp313-manylinux_2_17_x86_64.manylinux2014_x86_64", "cp313-cp313-manylinux_2_17_aarch64",
		},
		"its own before the stable interface": {"cp39-abi3-manylinux_2_28_x86_64 cp313-cp313-manylinux_2_28_x86_64", "cp313-cp313-manylinux_2_28_x86_64", ""},
		"the stable interface":                {"cp39-abi3-manylinux_2_28_x86_64 py3-none-any", "cp39-abi3-manylinux_2_28_x86_64", "py3-none-any"},
		"the newest glibc":                    {"cp313-cp313-manylinux_2_17_x86_64 cp313-cp313-manylinux_2_28_x86_64 cp313-cp313-manylinux_2_42_x86_64", "cp313-cp313-manylinux_2_28_x86_64", ""},
		"the oldest glibc":                    {"cp313-cp313-manylinux1_x86_64 cp313-cp313-manylinux2014_aarch64", "cp313-cp313-manylinux1_x86_64", "cp313-cp313-manylinux2014_aarch64"},
		"the latest build":                    {"1-py3-none-any 2a-py3-none-any 2-py3-none-any py3-none-any 10-py3-none-any", "10-py3-none-any", "10-py3-none-any"},
		"an executable":                       {"py3-none-manylinux_2_17_x86_64 py3-none-linux_aarch64", "py3-none-manylinux_2_17_x86_64", "py3-none-linux_aarch64"},
		"other systems":                       {"cp313-cp313-win_amd64 cp313-cp313-macosx_11_0_arm64 cp314-cp314-manylinux_2_17_x86_64 py2-none-any cp313-cp313-musllinux_1_2_aarch64", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var names []Name
			for tags := range strings.FieldsSeq(c.files) {
				n, err := ParseName("a_b-1.0-" + tags + ".whl")
				if err != nil {
					t.Fatal(err)
				}
				names = append(names, n)
			}
			for arch, want := range map[string]string{"amd64": c.amd64, "arm64": c.arm64} {
				got, ok := Choose(names, target(t, arch))
				if ok != (want != "") || ok && got.File != "a_b-1.0-"+want+".whl" {
					t.Errorf("%s: %q, %v, want %q", arch, got.File, ok, want)
				}
			}
		})
	}
}

func TestTargets(t *testing.T) {
	t.Parallel()
	for _, platform := range []v1.Platform{{OS: "linux", Architecture: "riscv64"}, {OS: "windows", Architecture: "amd64"}, {}} {
		if _, err := TargetOf(platform); err == nil {
			t.Errorf("%s is possible", platform)
		}
	}
}

func TestParseName(t *testing.T) {
	t.Parallel()
	n, err := ParseName("Foo.Bar_baz-1.0.0rc01+Local-3x-cp39.cp310-abi3-manylinux_2_17_x86_64.whl")
	if err != nil || n.Project != "foo-bar-baz" || !SameVersion(n.Version, "1.0rc1+local") || len(n.tags) != 2 {
		t.Errorf("%+v, %v", n, err)
	}
	for _, file := range []string{
		"", "a.whl", "a-1-py3-none.whl", "a-1-py3-none-any.zip", "a-1-x-py3-none-any.whl", "../a-1-py3-none-any.whl", "a/b-1-py3-none-any.whl",
		"a-1-py3-none-any.whl/..", "a-1-py3-none-any.whl\n", "a b-1-py3-none-any.whl", "a-1-" + strings.Repeat("a.", 40) + "a-" + strings.Repeat("a.", 40) + "a-any.whl",
		"a-1-99999999999999999999-py3-none-any.whl",
	} {
		if n, err := ParseName(file); err == nil {
			t.Errorf("%q became %+v", file, n)
		}
	}
}

func TestSameVersion(t *testing.T) {
	t.Parallel()
	for _, same := range [][2]string{{"1.0", "1.0.0"}, {"1.0rc1", "1.0.0.RC1"}, {"2026.8.18", "2026.08.18"}, {"1.0+a.b", "1+A.b"}} {
		if !SameVersion(same[0], same[1]) {
			t.Errorf("%v differ", same)
		}
	}
	for _, other := range [][2]string{{"1.0", "1.1"}, {"1.0", "1.0.post1"}, {"1.0", "1!1.0"}, {"1.0", "1.0+local"}, {"", ""}, {"x", "x"}, {"1.0", "1.*"}} {
		if SameVersion(other[0], other[1]) {
			t.Errorf("%v are the same", other)
		}
	}
}

func FuzzParseName(f *testing.F) {
	f.Add("a_b-1.0-1-cp313-cp313-manylinux_2_17_x86_64.manylinux2014_x86_64.whl")
	amd64 := target(f, "amd64")
	f.Fuzz(func(t *testing.T, file string) {
		n, err := ParseName(file)
		if err != nil {
			return
		}
		if strings.ContainsAny(file, "/\\%?# ") || n.Project == "" {
			t.Errorf("%q became %+v", file, n)
		}
		Choose([]Name{n, n}, amd64)
	})
}
