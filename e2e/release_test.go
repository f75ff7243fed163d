//go:build e2e

package e2e

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/slipway-dev/slipway/internal/attest"
	"github.com/slipway-dev/slipway/internal/registry"
)

// settings is all that a catalog needs besides its entries.
const settings = `package catalog

import "github.com/slipway-dev/slipway/schema"

schema.#Catalog
namespace: "com.example"
images:    "registry.example.com/mcp"
views: all: {}
`

// released is what release --json says of an entry.
type released struct {
	Name, Kind, Digest, Reference, Verdict string
	Platforms                              []struct {
		Platform, Digest string
		Size             int64
	}
	Tools   int
	Seconds float64
}

// newCommand returns catalogctl with this machine's own package configuration.
func newCommand(t *testing.T, dir string) client {
	t.Helper()
	c := newClient(t, "catalogctl")
	c.dir = dir
	c.env = os.Environ()
	return c
}

func parse(t *testing.T, line string) released {
	t.Helper()
	var r released
	if err := json.Unmarshal([]byte(line), &r); err != nil {
		t.Fatalf("%v\n%s", err, line)
	}
	return r
}

// TestAPrivateCatalogFromAnEmptyFolder goes the way of a newcomer: a server from the user's own npm registry, drafted, released, served,
// verified by stock clients, and read by ToolHive.
func TestAPrivateCatalogFromAnEmptyFolder(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	put(t, root, "catalog/catalog.cue", settings)
	catalogctl := newCommand(t, root)
	drafted := catalogctl.run(t, "-q", "new", "npx", "@modelcontextprotocol/server-memory@2026.8.31")
	for _, want := range []string{"catalog/npx/memory/entry.cue", "catalog/npx/memory/package-lock.json", "catalog/npx/memory/tools.json", "description"} {
		if !strings.Contains(drafted, want) {
			t.Errorf("new does not speak of %s:\n%s", want, drafted)
		}
	}
	catalogctl.run(t, "-q", "lock", "--check")
	first := parse(t, catalogctl.run(t, "-q", "--json", "release", "memory"))
	if first.Verdict != "pass" || first.Tools == 0 || len(first.Platforms) != 2 {
		t.Fatalf("release: %+v", first)
	}
	for _, p := range first.Platforms {
		if p.Size > 75_000_000 {
			t.Errorf("%s has %d bytes compressed", p.Platform, p.Size)
		}
	}
	if again := parse(t, catalogctl.run(t, "-q", "--json", "release", "memory")); again.Digest != first.Digest {
		t.Errorf("released as %s, then as %s", first.Digest, again.Digest)
	}
	catalogctl.run(t, "-q", "verify", first.Reference)
	catalogctl.run(t, "-q", "generate")
	catalogctl.run(t, "-q", "generate", "--check")

	repository := serve(t, root) + "/npx/memory"
	key := filepath.Join(root, "dist", "keys", "cosign.pub")
	cosign, cosign3, oras, crane := newClient(t, "cosign"), newClient(t, "cosign3"), newClient(t, "oras"), newClient(t, "crane")
	subjects := []string{repository + ":2026.8.31", repository + "@" + first.Digest}
	for _, p := range first.Platforms {
		subjects = append(subjects, repository+"@"+p.Digest)
	}
	for _, subject := range subjects {
		for _, c := range []client{cosign, cosign3} {
			c.run(t, "verify", "--key", key, "--insecure-ignore-tlog=true", subject)
			for _, predicate := range []string{"spdxjson", "slsaprovenance1", attest.SCAIType} {
				c.run(t, "verify-attestation", "--key", key, "--insecure-ignore-tlog=true", "--type", predicate, subject)
			}
		}
		if out := oras.run(t, "discover", "--plain-http", "--format", "json", subject); strings.Count(out, "artifactType") < 4 {
			t.Errorf("oras discovers fewer than four referrers of %s:\n%s", subject, out)
		}
	}
	if out := crane.run(t, "manifest", "--insecure", subjects[0]); !strings.Contains(out, "application/vnd.oci.image.index.v1+json") || !strings.Contains(out, "com.example/memory") {
		t.Errorf("crane reads:\n%s", out)
	}
	rootfs := filepath.Join(t.TempDir(), "rootfs.tar")
	crane.run(t, "export", "--insecure", subjects[len(subjects)-1], rootfs)
	if archive, err := os.ReadFile(rootfs); err != nil || !bytes.Contains(archive, []byte("usr/local/bin/node")) {
		t.Errorf("crane exports no usr/local/bin/node from the zstd layers: %v", err)
	}
	payload := cosign.run(t, "verify-attestation", "--key", key, "--insecure-ignore-tlog=true", "--type", attest.SCAIType, subjects[0])
	checkSCAI(t, payload)

	thv := newClient(t, "thv")
	thv.env = []string{"TOOLHIVE_SKIP_UPDATE_CHECK=true", "XDG_CONFIG_HOME=" + thv.home, "XDG_DATA_HOME=" + thv.home, "XDG_CACHE_HOME=" + thv.home, "XDG_STATE_HOME=" + thv.home}
	put(t, thv.home, "toolhive/config.yaml", "local_registry_path: "+filepath.Join(root, "registries", "all", "registry.json")+"\n")
	if out := thv.run(t, "registry", "list"); !strings.Contains(out, "memory") {
		t.Errorf("thv lists:\n%s", out)
	}
}

// checkSCAI wants the attributes directly in the predicate, not in a second statement.
func checkSCAI(t *testing.T, output string) {
	t.Helper()
	start := strings.Index(output, `{"payloadType"`)
	if start < 0 {
		t.Fatalf("no envelope in:\n%s", output)
	}
	var envelope struct{ Payload string }
	if err := json.NewDecoder(strings.NewReader(output[start:])).Decode(&envelope); err != nil {
		t.Fatal(err)
	}
	text, err := base64.StdEncoding.DecodeString(envelope.Payload)
	if err != nil {
		t.Fatal(err)
	}
	var statement struct {
		PredicateType string
		Predicate     struct {
			Attributes []struct{ Attribute string }
		}
	}
	if err := json.Unmarshal(text, &statement); err != nil {
		t.Fatal(err)
	}
	if a := statement.Predicate.Attributes; statement.PredicateType != attest.SCAIType || len(a) == 0 || a[0].Attribute != attest.ScanPassed {
		t.Errorf("the report says %+v", statement)
	}
}

// serve starts the embedded registry of a catalog on a free port and returns its host.
func serve(t *testing.T, root string) string {
	t.Helper()
	cmd := exec.Command(newClient(t, "catalogctl").path, "-C", root, "registry", "--listen", "127.0.0.1:0")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Error(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("registry: %v", err)
		}
	})
	line, err := bufio.NewReader(stderr).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	match := regexp.MustCompile(`http://(\S+)`).FindStringSubmatch(line)
	if match == nil {
		t.Fatalf("no address in %q", line)
	}
	return match[1]
}

// TestAnotherRegistryWithCredentials publishes where a password is asked for, and is told plainly when it is the wrong one.
func TestAnotherRegistryWithCredentials(t *testing.T) {
	t.Parallel()
	store, err := registry.New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "robot" || password != "right" {
			w.Header().Set("WWW-Authenticate", `Basic realm="registry"`)
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		store.Handler().ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	host := strings.TrimPrefix(server.URL, "http://")
	root := t.TempDir()
	put(t, root, "catalog/catalog.cue", settings)
	catalogctl := newCommand(t, root)
	catalogctl.run(t, "-q", "new", "npx", "@modelcontextprotocol/server-sequential-thinking@2026.8.31")
	for _, password := range []string{"wrong", "right"} {
		config := t.TempDir()
		put(t, config, "config.json", fmt.Sprintf(`{"auths":{%q:{"auth":%q}}}`, host, base64.StdEncoding.EncodeToString([]byte("robot:"+password))))
		catalogctl.env = append(os.Environ(), "DOCKER_CONFIG="+config)
		out, err := catalogctl.try(t, "-q", "release", "--registry", host+"/mcp", "sequential-thinking")
		if password == "wrong" {
			if err == nil || !strings.Contains(out, "401") && !strings.Contains(strings.ToLower(out), "credentials") {
				t.Errorf("with a wrong password: %v\n%s", err, out)
			}
			continue
		}
		if err != nil || !strings.Contains(out, host+"/mcp/npx/sequential-thinking:2026.8.31@sha256:") {
			t.Errorf("with the right password: %v\n%s", err, out)
		}
	}
}
