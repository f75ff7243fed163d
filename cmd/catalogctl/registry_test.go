package main

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
)

// What was released is there for other clients, for as long as the registry is served.
func TestRegistryServesOtherClients(t *testing.T) {
	t.Parallel()
	u := newUser(t, "")
	u.must("release", "--quiet", "time")
	server := u.command("registry", "--listen", "127.0.0.1:0")
	stderr, err := server.StderrPipe()
	check(t, err)
	check(t, server.Start())
	line, err := bufio.NewReader(stderr).ReadString('\n')
	check(t, err)
	_, address, ok := strings.Cut(strings.TrimSpace(line), "/registry on ")
	if !ok {
		t.Fatalf("it says %q", line)
	}
	get := func(path string) []byte {
		t.Helper()
		response, err := http.Get(address + path)
		check(t, err)
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		check(t, err)
		if response.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", path, response.Status)
		}
		return body
	}
	get("/v2/")
	var list struct {
		Name string
		Tags []string
	}
	check(t, json.Unmarshal(get("/v2/npx/time/tags/list"), &list))
	if list.Name != "npx/time" || !slices.Contains(list.Tags, "1.0.0") {
		t.Errorf("got %+v", list)
	}
	var index struct {
		MediaType string
		Manifests []struct{ Digest string }
	}
	check(t, json.Unmarshal(get("/v2/npx/time/manifests/1.0.0"), &index))
	if len(index.Manifests) != 2 {
		t.Errorf("got %+v", index)
	}
	get("/v2/npx/time/referrers/" + index.Manifests[0].Digest)

	// Meanwhile others go on publishing.
	u.must("release", "--quiet", "weather")
	get("/v2/npx/weather/manifests/2.3.0")
	check(t, server.Process.Signal(os.Interrupt))
	if err := server.Wait(); err != nil {
		t.Errorf("it ended with %v", err)
	}
}
