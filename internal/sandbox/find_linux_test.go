package sandbox

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/slipway-dev/slipway/internal/programtest"
)

func TestARefusedNamespaceIsExplained(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		sys  fs.FS
		says []string
	}{
		"none allowed": {fstest.MapFS{"user/max_user_namespaces": {Data: []byte("0\n")}}, []string{"user.max_user_namespaces=28633"}},
		"Debian's switch and AppArmor": {fstest.MapFS{
			"user/max_user_namespaces":                     {Data: []byte("9\n")},
			"kernel/unprivileged_userns_clone":             {Data: []byte("0\n")},
			"kernel/apparmor_restrict_unprivileged_userns": {Data: []byte("1\n")},
		}, []string{"unprivileged_userns_clone=1", "apparmor_restrict_unprivileged_userns=0"}},
		"something else": {fstest.MapFS{}, []string{"seccomp", "as root"}},
	} {
		for _, says := range test.says {
			if got := remedy(test.sys, true); !strings.Contains(got, says) {
				t.Errorf("%s: %q does not say %q", name, got, says)
			}
		}
	}
	if got := remedy(fstest.MapFS{}, false); !strings.Contains(got, "CAP_SYS_ADMIN") {
		t.Error(got)
	}
}

func TestFindRefusesWhatIsNoRuntime(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "runsc")
	programtest.Write(t, file, "echo something else\n")
	t.Setenv(Variable, "")
	t.Setenv("PATH", dir+"/absent")
	for name, find := range map[string]func() (*Runtime, error){
		"another program": func() (*Runtime, error) { return Find(context.Background(), dir) },
		"nowhere":         func() (*Runtime, error) { return Find(context.Background(), t.TempDir()) },
		"a folder": func() (*Runtime, error) {
			t.Setenv(Variable, dir)
			return Find(context.Background())
		},
	} {
		if _, err := find(); !errors.Is(err, ErrUnavailable) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
