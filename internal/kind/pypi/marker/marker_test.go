package marker

import (
	"strings"
	"testing"
)

var linux = Environment{
	"os_name": "posix", "sys_platform": "linux", "platform_machine": "x86_64", "platform_system": "Linux",
	"platform_python_implementation": "CPython", "implementation_name": "cpython",
	"python_version": "3.13", "python_full_version": "3.13.5", "implementation_version": "3.13.5",
}

func TestHolds(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"":                                              true,
		"sys_platform == 'linux'":                       true,
		`sys_platform != "linux"`:                       false,
		"'linux' == sys_platform":                       true,
		"python_version < '3.9'":                        false,
		"python_version >= '3.9'":                       true,
		"python_version < \"3.10\"":                     false, // as a text it would hold
		"python_version == '3.*'":                       true,
		"python_version ~= '3.12'":                      true,
		"python_full_version<'3.13.6'":                  true,
		"python_full_version == '3.13.*'":               true,
		"python_version in '2.7 3.13'":                  true,
		"sys_platform in 'linux darwin'":                true,
		"sys_platform not in 'linux darwin'":            false,
		"sys_platform == 'win32' or os_name == 'posix'": true,

		"os_name == 'posix' or sys_platform == 'x' and sys_platform == 'y'":   true,
		"(os_name == 'posix' or sys_platform == 'x') and sys_platform == 'y'": false,
		"((os_name=='posix'))and(platform_machine=='x86_64')":                 true,

		"platform_machine >= 'x'": true,
		"platform_machine < 'x'":  false,
		"platform_machine ~= 'x'": false,
		"platform_release == ''":  true,
		"implementation_name == 'cpython' and python_full_version >= '3.13'":     true,
		"platform_python_implementation != 'PyPy' and 'x86' in platform_machine": true,
		"extra == 'http2'":                           true,
		"extra == 'HTTP_2-x'":                        true,
		"extra == 'other'":                           false,
		"python_version >= '3' and extra == 'other'": false,
		"extra != 'other'":                           true,
	} {
		m, err := Parse(text)
		if err != nil {
			t.Error(err)
			continue
		}
		if got := m.Holds(linux, []string{"http2", "http-2-x"}); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"sys_platform", "sys_platform ==", "== 'x'", "sys_platform == 'x", "sys_platform = 'x'", "platform == 'x'", "sys_platform == 'x' and",
		"sys_platform == 'x' sys_platform == 'y'", "(sys_platform == 'x'", "sys_platform == 'x')", "sys_platform not 'x'", "()", "os.name == 'x'",
		"sys_platform == 'x' or ; 1", "sys_platform\n== 'x'", "é", strings.Repeat("(", maxDepth+1), strings.Repeat("a", maxText+1),
	} {
		if _, err := Parse(text); err == nil {
			t.Errorf("%.60q was read", text)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("python_version < '3.9' and (extra == 'a' or sys_platform not in \"win32\")")
	f.Fuzz(func(_ *testing.T, text string) {
		m, err := Parse(text)
		if err == nil {
			m.Holds(linux, []string{"a"})
		}
	})
}
