package publish_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	ggcr "github.com/google/go-containerregistry/pkg/registry"
	"github.com/stacklok/toolhive-core/oci/skills"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/content/file"
	"oras.land/oras-go/v2/registry/remote"

	"github.com/slipway-dev/slipway/internal/publish"
	"github.com/slipway-dev/slipway/internal/publish/publishtest"
)

func TestSkillsArePublishedAsImagesAre(t *testing.T) {
	t.Parallel()
	for _, referrers := range []bool{true, false} {
		t.Run(fmt.Sprintf("referrers=%t", referrers), func(t *testing.T) {
			t.Parallel()
			image := publishtest.NewSkill(t)
			in := image.SkillInput(t, newRegistry(t, referrers))
			first, err := publish.Publish(t.Context(), in)
			check(t, err)
			if !first.Pushed || !first.Tagged || first.Signatures != 3 || first.Statements != 9 {
				t.Errorf("%+v", first)
			}
			writes := &writes{}
			in.Access.Transport = writes
			second, err := publish.Publish(t.Context(), in)
			check(t, err)
			if second.Pushed || second.Tagged || second.Signatures+second.Statements > 0 || writes.n.Load() > 0 {
				t.Errorf("%+v after %d writes", second, writes.n.Load())
			}
			in.Name = "other"
			if _, err := publish.Publish(t.Context(), in); err == nil || !strings.Contains(err.Error(), skills.LabelSkillName) {
				t.Errorf("under another name: %v", err)
			}
			pulled(t, in.Repository, image.Digest)
		})
	}
}

// pulled fetches the files with oras, which names them by their titles.
func pulled(t *testing.T, repository, digest string) {
	t.Helper()
	source, err := remote.NewRepository(repository)
	check(t, err)
	source.PlainHTTP = true
	dir := t.TempDir()
	files, err := file.New(dir)
	check(t, err)
	defer files.Close()
	_, err = oras.Copy(t.Context(), source, digest, files, digest, oras.DefaultCopyOptions)
	check(t, err)
	for _, name := range []string{"skill.tar.gz", "skill.json"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSkillsArePublishedOverABadNetwork(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func(*http.Request) (*http.Response, error){
		"busy": func(req *http.Request) (*http.Response, error) {
			return status(req, http.StatusServiceUnavailable, http.Header{"Retry-After": {"0"}}), nil
		},
		"cut": func(*http.Request) (*http.Response, error) { return nil, syscall.ECONNRESET },
		"answer lost": func(req *http.Request) (*http.Response, error) {
			resp, err := http.DefaultTransport.RoundTrip(req)
			if err == nil {
				resp.Body.Close()
			}
			return nil, io.ErrUnexpectedEOF
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := publishtest.NewSkill(t).SkillInput(t, newRegistry(t, true))
			in.Access.Transport = &flaky{fail: fail}
			_, err := publish.Publish(t.Context(), in)
			check(t, err)
		})
	}
}

// basic is a keychain that knows one user.
type basic struct{ asked []string }

func (b *basic) Resolve(r authn.Resource) (authn.Authenticator, error) {
	b.asked = append(b.asked, r.RegistryStr())
	return &authn.Basic{Username: "ada", Password: "secret"}, nil
}

func TestSkillsArePublishedWithCredentials(t *testing.T) {
	t.Parallel()
	registry := ggcr.New(ggcr.WithReferrersSupport(true))
	open := func(user, password string, ok bool) bool { return ok && user == "ada" && password == "secret" }
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if !open(req.BasicAuth()) {
			w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		registry.ServeHTTP(w, req)
	}))
	defer server.Close()
	in := publishtest.NewSkill(t).SkillInput(t, strings.TrimPrefix(server.URL, "http://")+"/skill/cut-release")
	if _, err := publish.Publish(t.Context(), in); err == nil || !strings.Contains(err.Error(), "docker login") {
		t.Errorf("without credentials: %v", err)
	}
	keychain := &basic{}
	in.Access.Keychain = keychain
	_, err := publish.Publish(t.Context(), in)
	check(t, err)
	if !slices.Contains(keychain.asked, strings.TrimPrefix(server.URL, "http://")) {
		t.Errorf("asked for %q", keychain.asked)
	}
}

func TestRefusedSkillsSayWhy(t *testing.T) {
	t.Parallel()
	in := publishtest.NewSkill(t).SkillInput(t, newRegistry(t, true))
	in.Access.Transport = forbidden{}
	_, err := publish.Publish(t.Context(), in)
	if err == nil || !strings.Contains(err.Error(), "the registry refuses (403)") || errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// forbidden lets nobody write.
type forbidden struct{}

func (forbidden) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Method == http.MethodGet || req.Method == http.MethodHead {
		return http.DefaultTransport.RoundTrip(req)
	}
	if req.Body != nil {
		req.Body.Close()
	}
	return &http.Response{
		Status: "403 Forbidden", StatusCode: http.StatusForbidden, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{}, Body: http.NoBody, Request: req,
	}, nil
}
