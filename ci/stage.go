package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"dagger/slipway/internal/dagger"
)

// Where a stage keeps things.
const (
	catalogDir     = "/catalog"
	outDir         = "/out"
	cacheDir       = "/root/.cache/slipway"
	inspectionsDir = cacheDir + "/inspections"
	certificates   = "/etc/ssl/certs/ca-certificates.crt"
	goRoot         = "/usr/local/go"

	vulnerabilitiesDir = "/vulnerabilities"
	answersDir         = cacheDir + "/vulnerabilities"
)

// anyVerdict lets a stage go on with what it found.
var anyVerdict = dagger.ContainerWithExecOpts{Expect: dagger.ReturnTypeAny}

// catalogctl is its command line.
func catalogctl(args ...string) []string {
	return append([]string{"catalogctl", "--out", outDir}, args...)
}

// stage is a container to run catalogctl in, in an empty catalog. Downloads, layers and what else was made of downloads are shared by all stages, and each use
// checks their digests again. It has packages of Debian's besides those of the base image.
func (s *Slipway) stage(packages ...string) *dagger.Container {
	base := dag.Container().From(s.BaseImage)
	if len(packages) > 0 {
		base = base.WithExec([]string{"sh", "-c", "apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends " + strings.Join(packages, " ")})
	}
	c := base.
		WithFile(certificates, s.trusted()).
		// An engine that trusts certificates of its own adds them to a container for each step, and takes them out again: with this command
		// that takes a second each time, without it the engine writes the file above itself.
		WithoutFile("/usr/sbin/update-ca-certificates").
		WithFile("/usr/local/bin/catalogctl", s.Command().Executable()).
		WithMountedCache(cacheDir+"/downloads", dag.CacheVolume("slipway-downloads")).
		WithMountedCache(cacheDir+"/layers", dag.CacheVolume("slipway-layers")).
		WithMountedCache(cacheDir+"/built", dag.CacheVolume("slipway-built")).
		WithWorkdir(catalogDir)
	if s.NpmRegistry != "" {
		c = c.WithEnvVariable("npm_config_registry", s.NpmRegistry)
	}
	if s.PypiIndex != "" {
		c = c.WithEnvVariable("PIP_INDEX_URL", s.PypiIndex)
	}
	if s.AptMirror != "" {
		c = c.WithEnvVariable("SLIPWAY_APT_MIRROR", s.AptMirror)
	}
	return c
}

// withOSV adds osv-scanner, if there is one, and what it has to know.
func (s *Slipway) withOSV(c *dagger.Container) *dagger.Container {
	if s.OsvScanner == nil {
		return c
	}
	return s.withVulnerabilities(c).
		WithFile("/usr/local/bin/osv-scanner", s.OsvScanner).
		WithDirectory(answersDir, dag.Directory()) // where it is not asked it stays empty
}

// withVulnerabilities adds the database of osv-scanner, by which its answers are known again.
func (s *Slipway) withVulnerabilities(c *dagger.Container) *dagger.Container {
	if s.Vulnerabilities == nil {
		return c
	}
	return c.WithMountedDirectory(vulnerabilitiesDir, s.Vulnerabilities).WithEnvVariable("OSV_SCANNER_LOCAL_DB_CACHE_DIRECTORY", vulnerabilitiesDir)
}

// today makes a step depend on the date, as waivers do.
func today(c *dagger.Container) *dagger.Container {
	return c.WithEnvVariable("SLIPWAY_TODAY", time.Now().UTC().Format(time.DateOnly))
}

// now makes a step run at each call.
func now(c *dagger.Container) *dagger.Container {
	return c.WithEnvVariable("SLIPWAY_CALLED_AT", time.Now().UTC().Format(time.RFC3339Nano))
}

// stage is one for an entry. Where the entry is compiled it has the Go toolchain, and what was compiled before.
func (m *member) stage(packages ...string) *dagger.Container {
	s := m.Slipway
	c := s.stage(packages...)
	switch {
	case m.Kind == foreign && s.Images != nil:
		return reaching(c, s.ImageHost, s.Images, nil)
	case m.Kind != compiled:
		return c
	}
	if s.GoProxy != "" {
		c = c.WithEnvVariable("GOPROXY", s.GoProxy)
	}
	return c.
		WithMountedDirectory(goRoot, s.golang().Directory(goRoot)).
		WithMountedCache(cacheDir+"/go", dag.CacheVolume("slipway-go-entries")).
		WithEnvVariable("PATH", goRoot+"/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
}

// fetching is a stage that may fetch packages, also from private registries.
func (m *member) fetching() *dagger.Container {
	stage := m.stage(m.client()...)
	if m.Slipway.Npmrc == nil {
		return stage
	}
	return stage.WithMountedSecret("/root/.npmrc", m.Slipway.Npmrc)
}

// client is the client of the entry's ecosystem, where no registry is named: it knows its own, and what the catalog's configuration says.
func (m *member) client() []string {
	switch {
	case m.Kind == npx && m.Slipway.NpmRegistry == "":
		return []string{"npm"}
	case m.Kind == uvx && m.Slipway.PypiIndex == "":
		return []string{"python3-pip"}
	}
	return nil
}

// reports returns the reports below id that a stage wrote, whatever its verdict. A stage that came to none is an error.
func reports(ctx context.Context, stage *dagger.Container, id string) (*dagger.Directory, error) {
	code, err := stage.ExitCode(ctx)
	if err != nil {
		return nil, err
	}
	if code > 1 {
		text, err := stage.Stderr(ctx)
		return nil, errors.Join(err, fmt.Errorf("there is no verdict to report:\n%s", text))
	}
	return stage.Directory(path.Join(outDir, "reports", id)), nil
}

// indexDigest reads the digest of the only image index from the index.json of a layout.
func indexDigest(ctx context.Context, file *dagger.File) (string, error) {
	text, err := file.Contents(ctx)
	if err != nil {
		return "", err
	}
	var index struct {
		Manifests []struct{ Digest string }
	}
	if err := json.Unmarshal([]byte(text), &index); err != nil {
		return "", fmt.Errorf("read the layout's index.json: %w", err)
	}
	if len(index.Manifests) != 1 {
		return "", fmt.Errorf("the layout's index.json names %d images, want 1", len(index.Manifests))
	}
	return index.Manifests[0].Digest, nil
}
