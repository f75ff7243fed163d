package main

import (
	"context"
	"fmt"
	"path"
	"regexp"

	"dagger/slipway/internal/dagger"
)

// golang is a container with the Go toolchain, in an empty folder. Modules and compiled packages are shared by all.
func (s *Slipway) golang() *dagger.Container {
	c := dag.Container().From(s.GoImage).
		WithEnvVariable("CGO_ENABLED", "0").
		WithEnvVariable("GOTOOLCHAIN", "local").
		WithMountedCache("/go/pkg/mod", dag.CacheVolume("slipway-go-modules")).
		WithMountedCache("/root/.cache/go-build", dag.CacheVolume("slipway-go-build")).
		WithWorkdir("/src")
	if s.GoProxy != "" {
		c = c.WithEnvVariable("GOPROXY", s.GoProxy)
	}
	if s.CaBundle != nil {
		c = c.WithFile(certificates, s.CaBundle)
	}
	return c
}

// withNPM adds npm, with which some tests compare. That of Debian cannot lay out packages for another platform, so it only installs the one that can.
func (s *Slipway) withNPM(c *dagger.Container) *dagger.Container {
	if s.NpmRegistry != "" {
		c = c.WithEnvVariable("npm_config_registry", s.NpmRegistry)
	}
	return c.
		WithExec([]string{"sh", "-c", "apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends npm"}).
		WithExec([]string{"npm", "install", "--global", "npm@11.19.1"})
}

// trusted is the file of certificates that stages trust: a slim base image has none.
func (s *Slipway) trusted() *dagger.File {
	return s.golang().File(certificates)
}

// sandbox is gVisor's runsc.
func (s *Slipway) sandbox(ctx context.Context) (*dagger.File, error) {
	if s.Runsc != nil {
		return s.Runsc, nil
	}
	return s.tool(ctx, "runsc")
}

// tool compiles a tool at the version that the Makefile pins, as name=module/package@version. A module of its own, since `go install` asks
// for all versions of the tool's module, a list that not every proxy has.
func (s *Slipway) tool(ctx context.Context, name string) (*dagger.File, error) {
	text, err := s.Code.File("Makefile").Contents(ctx)
	if err != nil {
		return nil, fmt.Errorf("the version of %s: %w", name, err)
	}
	pin := regexp.MustCompile(`(?m)[\s=]` + regexp.QuoteMeta(name) + `=((\S+)@\S+)`).FindStringSubmatch(text)
	if pin == nil {
		return nil, fmt.Errorf("the Makefile pins no version of %s", name)
	}
	out := path.Join("/usr/local/bin", name)
	return s.golang().
		WithExec([]string{"go", "mod", "init", "tool"}).
		WithExec([]string{"go", "get", pin[1]}).
		WithExec([]string{"go", "build", "-trimpath", "-o", out, pin[2]}).
		File(out), nil
}
