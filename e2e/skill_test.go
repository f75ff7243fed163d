//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/publish"
	"github.com/slipway-dev/slipway/internal/publish/publishtest"
	"github.com/slipway-dev/slipway/internal/registry"
	"github.com/slipway-dev/slipway/internal/sign"
)

// TestToolHiveInstallsASkill lets thv install a published skill from the embedded registry, for a user and, with the key pinned, for a project.
func TestToolHiveInstallsASkill(t *testing.T) {
	t.Parallel()
	in := publishtest.NewSkill(t).SkillInput(t, served(t, t.TempDir())+"/skill/"+publishtest.SkillName)
	keys := filepath.Join(t.TempDir(), "keys")
	var err error
	if in.Key, _, err = sign.Local(keys, nil); err != nil {
		t.Fatal(err)
	}
	published, err := publish.Publish(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}

	thv := newClient(t, "thv")
	thv.serve(t)
	for _, ref := range []string{in.Repository + ":1.2.3", published.Reference} {
		thv.run(t, "skill", "install", ref, "--clients", "claude-code", "--force")
		checkInstalled(t, filepath.Join(thv.home, ".claude", "skills", publishtest.SkillName), publishtest.SkillFiles)
	}
	if out := thv.run(t, "skill", "list"); !strings.Contains(out, publishtest.SkillName) || !strings.Contains(out, "1.2.3") {
		t.Errorf("list:\n%s", out)
	}
	project := t.TempDir()
	if err := os.Mkdir(filepath.Join(project, ".git"), 0o755); err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(t.TempDir(), "keys")
	if _, _, err := sign.Local(other, nil); err != nil {
		t.Fatal(err)
	}
	inProject := func(keys string) (string, error) {
		return thv.try(t, "skill", "install", published.Reference, "--clients", "claude-code", "--scope", "project", "--project-root", project,
			"--public-key", filepath.Join(keys, sign.PublicFile))
	}
	if out, err := inProject(other); err == nil {
		t.Errorf("it installs what another key should have signed:\n%s", out)
	}
	if out, err := inProject(keys); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	checkInstalled(t, filepath.Join(project, ".claude", "skills", publishtest.SkillName), publishtest.SkillFiles)
	if out, err := thv.try(t, "skill", "install", in.Repository+"@sha256:"+strings.Repeat("0a", 32), "--clients", "claude-code", "--force"); err == nil {
		t.Errorf("it installs what does not exist:\n%s", out)
	}
}

// TestToolHiveInstallsOurSkills releases every skill of the catalog as its users do, and lets thv install what came of it, with the key pinned.
func TestToolHiveInstallsOurSkills(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	put(t, root, "catalog/catalog.cue", settings)
	if err := os.CopyFS(filepath.Join(root, "skills"), os.DirFS("../skills")); err != nil {
		t.Fatal(err)
	}
	entries, err := filepath.Glob(filepath.Join(root, "skills", "*", "entry.cue"))
	if err != nil || len(entries) < 8 {
		t.Fatalf("%d skills, %v", len(entries), err)
	}
	newCommand(t, root).run(t, "-q", "release", "--all")
	host := served(t, filepath.Join(root, "dist", "registry"))
	project := t.TempDir()
	if err := os.Mkdir(filepath.Join(project, ".git"), 0o755); err != nil {
		t.Fatal(err)
	}
	thv := newClient(t, "thv")
	thv.serve(t)
	for _, entry := range entries {
		name := filepath.Base(filepath.Dir(entry))
		var record struct{ Digest string }
		text, err := os.ReadFile(filepath.Join(filepath.Dir(entry), "release.json"))
		if err == nil {
			err = json.Unmarshal(text, &record)
		}
		if err != nil {
			t.Fatal(err)
		}
		skill, err := os.ReadFile(filepath.Join("..", "skills", name, "SKILL.md"))
		if err != nil {
			t.Fatal(err)
		}
		thv.run(t, "skill", "install", host+"/skill/"+name+"@"+record.Digest, "--clients", "claude-code", "--scope", "project", "--project-root", project,
			"--public-key", filepath.Join(root, "dist", "keys", sign.PublicFile))
		checkInstalled(t, filepath.Join(project, ".claude", "skills", name), map[string]string{"SKILL.md": string(skill)})
	}
}

// served serves a registry that is kept in a folder, and returns where.
func served(t *testing.T, dir string) (host string) {
	t.Helper()
	store, err := registry.New(dir)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(store.Handler())
	t.Cleanup(server.Close)
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return "localhost:" + port
}

// checkInstalled compares what was installed with what was published. ToolHive drops the right to execute.
func checkInstalled(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	n := 0
	for name, want := range files {
		n++
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != want {
			t.Errorf("%s: %v", name, err)
		}
	}
	found := 0
	if err := filepath.WalkDir(dir, func(_ string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			found++
		}
		return err
	}); err != nil || found != n {
		t.Errorf("%d files are installed, want %d: %v", found, n, err)
	}
}

// serve starts thv's own server, which its skill commands ask. It wants a container engine: a socket that answers to a ping will do.
func (c *client) serve(t *testing.T) {
	t.Helper()
	socket := filepath.Join(c.home, "engine.sock")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	engine := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Api-Version", "1.44")
		if !strings.HasSuffix(req.URL.Path, "/_ping") {
			w.WriteHeader(http.StatusNotFound)
		}
	})}
	go engine.Serve(listener)
	t.Cleanup(func() { engine.Close() })

	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	free.Close()
	_, port, _ := net.SplitHostPort(address)
	c.env = []string{
		"TOOLHIVE_SKIP_UPDATE_CHECK=true", "TOOLHIVE_DEV=true", "TOOLHIVE_DOCKER_SOCKET=" + socket, "TOOLHIVE_API_URL=http://" + address,
		"XDG_CONFIG_HOME=" + c.home + "/c", "XDG_DATA_HOME=" + c.home + "/d", "XDG_CACHE_HOME=" + c.home + "/k", "XDG_STATE_HOME=" + c.home + "/s",
	}
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, c.path, "serve", "--port", port)
	cmd.Env = append([]string{"HOME=" + c.home, "PATH=" + os.Getenv("PATH")}, c.env...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	log := &strings.Builder{}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait()
		if t.Failed() {
			t.Log(log.String())
		}
	})
	deadline := time.Now().Add(30 * time.Second)
	for {
		resp, err := http.Get("http://" + address + "/health")
		if err == nil {
			resp.Body.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("thv serve does not answer: %v", err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}
