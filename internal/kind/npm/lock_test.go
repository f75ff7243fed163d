package npm_test

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/kind/npm"
)

// machineNPM returns a Runner of the machine's own npm, with nothing of its user's configuration.
func machineNPM(t *testing.T) npm.Runner {
	t.Helper()
	program, err := exec.LookPath("npm")
	if err != nil {
		t.Fatal("npm is needed: what we lay out is compared with what it installs")
	}
	cache := t.TempDir()
	return func(ctx context.Context, dir string, args, env []string) error {
		command := exec.CommandContext(ctx, program, args...)
		command.Dir = dir
		command.Env = append(slices.Clip(env), "PATH="+os.Getenv("PATH"), "npm_config_cache="+cache, "npm_config_update_notifier=false")
		if output, err := command.CombinedOutput(); err != nil {
			return fmt.Errorf("%w: %s", err, output)
		}
		return nil
	}
}

func TestNPMAndWeLayOutTheSame(t *testing.T) {
	t.Parallel()
	run := machineNPM(t)
	r := newRegistry(t, serverReleases()...)
	eco, e := r.ecosystem(run), serverEntry()
	files, err := eco.Lock(t.Context(), e, nil)
	if err != nil {
		t.Fatal(err)
	}
	lock := files[npm.LockFile]
	if strings.Contains(string(lock), r.host()) {
		t.Errorf("the lock names the registry:\n%s", lock)
	}
	folder := fstest.MapFS{npm.LockFile: {Data: lock}}
	if err := eco.CheckLock(e, folder); err != nil {
		t.Fatal(err)
	}

	dir := t.TempDir()
	manifest := `{"name":"server","version":"0.0.0","dependencies":{"@corp/server":"2.0.0"}}`
	for name, content := range map[string]string{"package.json": manifest, npm.LockFile: string(lock)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	args := []string{"ci", "--ignore-scripts", "--omit=dev", "--os=linux", "--cpu=arm64", "--libc=glibc"}
	if err := run(t.Context(), dir, args, []string{"npm_config_registry=" + r.URL + "/npm/"}); err != nil {
		t.Fatal(err)
	}
	p, err := eco.Payload(t.Context(), e, folder, arm64)
	if err != nil {
		t.Fatal(err)
	}
	ours, _ := listing(t, p)
	if diff := cmp.Diff(installed(t, dir), ours); diff != "" {
		t.Errorf("npm's folder (-) and ours (+):\n%s", diff)
	}
}

// installed returns what listing does for a folder in which npm has installed.
func installed(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	root := filepath.Join(dir, "node_modules")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == ".package-lock.json" {
			return err
		}
		relative, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		name := "app/" + filepath.ToSlash(relative)
		if d.Type() == fs.ModeSymlink {
			target, err := os.Readlink(path)
			found[name] = "-> " + target
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		mode := 0o644
		if info, err := d.Info(); err != nil {
			return err
		} else if info.Mode()&0o111 != 0 {
			mode = 0o755
		}
		found[name] = fmt.Sprintf("%o %s", mode, strings.TrimSpace(string(data)))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestLockAppliesOverrides(t *testing.T) {
	t.Parallel()
	eco, e := newRegistry(t, serverReleases()...).ecosystem(machineNPM(t)), serverEntry()
	e.Overrides = []entry.Override{{Package: "shared", Version: "2.1.0", Reason: "one version for all"}}
	files, err := eco.Lock(t.Context(), e, nil)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(files[npm.LockFile]), "1.0.3") {
		t.Errorf("the override is not in effect:\n%s", files[npm.LockFile])
	}
	e.Overrides = nil
	if err := eco.CheckLock(e, fstest.MapFS{npm.LockFile: {Data: files[npm.LockFile]}}); err == nil {
		t.Error("the lock is still good without the override that it was made with")
	}
}

func TestLockTellsWhatNPMCannotResolve(t *testing.T) {
	t.Parallel()
	releases := serverReleases()
	_, err := newRegistry(t, releases[0]).ecosystem(machineNPM(t)).Lock(t.Context(), serverEntry(), nil)
	if err == nil || !strings.Contains(err.Error(), "@corp/server@2.0.0") || !strings.Contains(err.Error(), "404") {
		t.Errorf("a missing dependency gives %v", err)
	}
}

func TestLockDistrustsNPM(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		write func(dir string) error
		want  string
	}{
		"no lock":      {func(string) error { return nil }, "has written no lock"},
		"link":         {func(dir string) error { return os.Symlink("/etc/passwd", filepath.Join(dir, npm.LockFile)) }, "has written no lock"},
		"folder":       {func(dir string) error { return os.Mkdir(filepath.Join(dir, npm.LockFile), 0o755) }, "not a regular file"},
		"another lock": {func(dir string) error { return os.WriteFile(filepath.Join(dir, npm.LockFile), []byte("{}"), 0o644) }, "is refused"},
	} {
		var used string
		eco := newRegistry(t).ecosystem(func(_ context.Context, dir string, _, env []string) error {
			used = dir
			for _, variable := range env {
				if !strings.HasPrefix(variable, "npm_config_") {
					t.Errorf("npm is given %s", variable)
				}
			}
			return test.write(dir)
		})
		_, err := eco.Lock(t.Context(), serverEntry(), nil)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Stat(used); !os.IsNotExist(err) {
			t.Errorf("%s: the folder is left behind", name)
		}
	}
}
