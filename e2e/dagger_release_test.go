//go:build e2e && dagger

package e2e

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/slipway-dev/slipway/internal/registry"
)

// TestDaggerReleasesAnotherCatalog publishes an entry of a catalog elsewhere, below a registry on loopback that asks for a password, and
// looks for what was secret in everything that came of it.
func TestDaggerReleasesAnotherCatalog(t *testing.T) {
	const entry = "npx/sequential-thinking"
	password, keyPassword := rand.Text(), rand.Text()
	stored := t.TempDir()
	listening := guarded(t, stored, password, func(*http.Request) {})
	host, address := listening.host, listening.address

	secrets := t.TempDir()
	auth := listening.credentials(t, secrets)
	cosign := keyPair(t, secrets, keyPassword)
	token := rand.Text()
	put(t, secrets, "token", token)
	private, err := os.ReadFile(filepath.Join(secrets, "cosign.key"))
	if err != nil {
		t.Fatal(err)
	}

	root := scratch(t, entry)
	p := newPipelines(t, root)
	where := []string{"--registry", host + "/mcp", "--registry-service", "tcp://" + address, "--registry-auth", "file:" + secrets + "/config.json"}
	started := time.Now()
	_, progress := p.run(t, slices.Concat(p.step(entry, "release"), where, signing(secrets), []string{"--identity-token", "file:" + secrets + "/token", "export", "--path", root})...)
	var record struct{ Tag, Digest string }
	text, err := os.ReadFile(filepath.Join(root, "catalog", entry, "release.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &record); err != nil {
		t.Fatal(err)
	}
	tagged := address + "/mcp/" + entry + ":" + record.Tag
	if out := cosign.run(t, "verify", "--key", "cosign.pub", "--insecure-ignore-tlog=true", tagged); !strings.Contains(out, record.Digest) {
		t.Errorf("%s is not the %s of the record:\n%s", tagged, record.Digest, out)
	}
	if _, err := os.Stat(filepath.Join(root, "dist", "reports", entry, "sbom-index.spdx.json")); err != nil {
		t.Error(err)
	}

	verified, _ := p.run(t, p.step(entry, "verify", append(where, "--public-key", secrets+"/cosign.pub")...)...)
	if !strings.Contains(verified, "as "+entry) && !strings.Contains(verified, record.Digest) {
		t.Errorf("verify says %s", verified)
	}

	places := map[string]time.Time{root: {}, stored: {}}
	if state := os.Getenv("DAGGER_ENGINE_STATE"); state != "" {
		places[state] = started
	} else {
		t.Log("name the engine's folder of state in DAGGER_ENGINE_STATE to look for secrets there too")
	}
	for _, secret := range []string{password, keyPassword, auth, token, strings.Split(string(private), "\n")[1]} {
		if strings.Contains(progress, secret) {
			t.Error("a secret is in the progress of the call")
		}
		for dir, since := range places {
			if file := holding(t, dir, secret, since); file != "" {
				t.Errorf("a secret is in %s", file)
			}
		}
	}
}

// holding returns a file below dir that holds text and changed at a time or later, empty if none does. What vanishes meanwhile holds nothing.
func holding(t *testing.T, dir, text string, since time.Time) (found string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		var stat unix.Stat_t
		if err := unix.Lstat(name, &stat); err != nil || time.Unix(stat.Ctim.Unix()).Before(since) {
			return nil //nolint:nilerr // it is gone
		}
		data, err := os.ReadFile(name)
		if err == nil && bytes.Contains(data, []byte(text)) {
			found = name
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// robot is a registry on loopback that asks for a password.
type robot struct {
	password string
	address  string
	host     string // as the steps know it; names below .localhost are reached without TLS
}

// guarded serves a registry that is kept in a folder; seen is told of each request that is let in, before it is answered.
func guarded(t *testing.T, dir, password string, seen func(*http.Request)) robot {
	t.Helper()
	store, err := registry.New(dir)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, given, _ := r.BasicAuth(); user != "robot" || given != password {
			w.Header().Set("WWW-Authenticate", `Basic realm="registry"`)
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		seen(r)
		store.Handler().ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	address := server.Listener.Addr().String()
	_, port, _ := strings.Cut(address, ":")
	return robot{password: password, address: address, host: "registry.localhost:" + port}
}

// credentials writes config.json for Docker's clients, and returns what in it is secret.
func (r robot) credentials(t *testing.T, dir string) string {
	t.Helper()
	auth := base64.StdEncoding.EncodeToString([]byte("robot:" + r.password))
	put(t, dir, "config.json", fmt.Sprintf(`{"auths":{%q:{"auth":%q},%q:{"auth":%q}}}`, r.host, auth, r.address, auth))
	return auth
}

// keyPair writes a key pair and the password of its private half, and returns cosign where they are.
func keyPair(t *testing.T, dir, password string) client {
	t.Helper()
	put(t, dir, "password", password)
	cosign := newClient(t, "cosign")
	cosign.dir, cosign.env = dir, []string{"COSIGN_PASSWORD=" + password, "DOCKER_CONFIG=" + dir}
	cosign.run(t, "generate-key-pair")
	return cosign
}

// signing is the arguments of release that name a key pair.
func signing(dir string) []string {
	return []string{"--key", "file:" + dir + "/cosign.key", "--key-password", "file:" + dir + "/password", "--public-key", dir + "/cosign.pub"}
}

// TestDaggerCancelledReleaseTagsNothing interrupts a call when its first bytes reach the registry.
func TestDaggerCancelledReleaseTagsNothing(t *testing.T) {
	const entry = "npx/sequential-thinking"
	pushing, ended := make(chan struct{}), make(chan struct{})
	var once sync.Once
	stored := t.TempDir()
	listening := guarded(t, stored, rand.Text(), func(r *http.Request) {
		if r.Method == http.MethodPost {
			once.Do(func() { close(pushing) })
			select { // not one byte more before the call has ended
			case <-ended:
			case <-r.Context().Done():
			}
		}
	})
	secrets := t.TempDir()
	listening.credentials(t, secrets)
	keyPair(t, secrets, "")
	root := scratch(t, entry)
	p := newPipelines(t, root)
	cmd := p.command(t, slices.Concat(p.step(entry, "release",
		"--registry", listening.host+"/mcp", "--registry-service", "tcp://"+listening.address, "--registry-auth", "file:"+secrets+"/config.json",
	), signing(secrets))...)
	var progress bytes.Buffer
	cmd.Stderr = &progress
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	select {
	case <-pushing:
	case err := <-exited:
		t.Fatalf("nothing was pushed: %v\n%s", err, progress.String())
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := <-exited; err == nil {
		t.Error("the call that was interrupted says that it is done")
	}
	close(ended)
	if tags, err := filepath.Glob(filepath.Join(stored, "repositories", "mcp", entry, "_tags", "*")); err != nil || len(tags) > 0 {
		t.Errorf("tagged: %v, %v", tags, err)
	}
	// What is published without interruption is tagged there, so that is where to look.
	p.run(t, slices.Concat(p.step(entry, "release",
		"--registry", listening.host+"/mcp", "--registry-service", "tcp://"+listening.address, "--registry-auth", "file:"+secrets+"/config.json",
	), signing(secrets), []string{"entries"})...)
	if tags, err := filepath.Glob(filepath.Join(stored, "repositories", "mcp", entry, "_tags", "*")); err != nil || len(tags) == 0 {
		t.Errorf("not tagged: %v", err)
	}
}
