package image

import (
	"context"
	"fmt"
	"path"
	"regexp"
	"strconv"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/kind"
	"github.com/slipway-dev/slipway/internal/kind/wording"
)

// moving are tags that are made to move.
var moving = regexp.MustCompile(`^(latest|stable|edge|main|master|nightly|dev|next|canary)$`)

// Draft writes a first entry for an image, REPOSITORY:TAG with the registry's host, pinned to what the tag stands for now. What the image does
// not say of itself stays empty and is named in Missing.
func (i *Ecosystem) Draft(ctx context.Context, ref string) (*kind.Draft, error) {
	repository, tag, err := split(ref)
	if err != nil {
		return nil, err
	}
	pinned, err := i.resolve(ctx, entry.Image{Name: repository, Tag: tag})
	if err != nil {
		return nil, err
	}
	repo, err := i.repository(repository)
	if err != nil {
		return nil, err
	}
	c, err := repo.configOf(ctx, pinned.Platforms[0].Digest)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", ref, err)
	}
	signed, err := repo.signatures(ctx, pinned.Digest)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", ref, err)
	}
	d := &drafter{Draft: &kind.Draft{Entry: entry.Entry{
		Kind: entry.Container, Name: entryName(repository), Status: entry.Active,
		Image:     &entry.Image{Name: repository, Tag: tag, Digest: pinned.Digest.String()},
		Transport: &entry.Transport{Type: entry.Stdio},
	}}, labels: c.Config.Labels}
	d.origin(len(signed))
	d.running(c.Config)
	return d.Draft, nil
}

// split takes a reference apart. The host is never guessed: without one, engines disagree about whose image is meant.
func split(ref string) (repository, tag string, err error) {
	parsed, err := name.NewTag(ref, name.StrictValidation)
	if err != nil {
		return "", "", fmt.Errorf("%.200q is no image with a tag: want REPOSITORY:TAG with the registry, such as registry.example.com/owner/server:1.2.3", ref)
	}
	repository = strings.TrimSuffix(ref, ":"+parsed.TagStr())
	switch host, _, _ := strings.Cut(repository, "/"); {
	case !strings.Contains(host, "."):
		return "", "", fmt.Errorf("%.200q does not say on which registry it is: write it with the registry's host", ref)
	case moving.MatchString(parsed.TagStr()):
		return "", "", fmt.Errorf("the tag %s is made to move: choose that of one version", parsed.TagStr())
	}
	return repository, parsed.TagStr(), nil
}

// configOf returns the configuration of an image.
func (r *repository) configOf(ctx context.Context, of digest.Digest) (*config, error) {
	raw, err := r.manifest(ctx, of)
	if err != nil {
		return nil, err
	}
	m, err := parseDocument(raw)
	if err != nil {
		return nil, err
	}
	if raw, err = r.small(ctx, m.Config, maxConfig); err != nil {
		return nil, err
	}
	return parseConfig(raw, len(m.Layers))
}

// drafter fills a draft from what an image says of itself.
type drafter struct {
	*kind.Draft
	labels map[string]string
}

func (d *drafter) missing(format string, args ...any) {
	d.Missing = append(d.Missing, fmt.Sprintf(format, args...))
}

// label returns one of the annotations that OCI defines, as one line.
func (d *drafter) label(key string, length int) string { return wording.Line(d.labels[key], length) }

// origin fills what the image is and where it comes from.
func (d *drafter) origin(signatures int) {
	e := &d.Entry
	if e.Title = d.label(ocispec.AnnotationTitle, 100); e.Title == "" {
		e.Title = wording.Title(e.Name)
	}
	e.Description = d.label(ocispec.AnnotationDescription, 100)
	d.missing("description: say in your own words what the server does, in at most 100 characters; what stands there is the image's own")
	e.License = d.label(ocispec.AnnotationLicenses, 200)
	if e.License == "" {
		d.missing("license: the image declares none; look it up in its repository")
	} else {
		d.missing("license: %q is what the image declares; check that it is an SPDX expression", e.License)
	}
	if source := webPage(d.labels[ocispec.AnnotationSource]); source != "" {
		e.Repository = &entry.Repository{URL: source}
		if revision := d.labels[ocispec.AnnotationRevision]; commit.MatchString(revision) {
			e.Repository.Commit = revision
		} else {
			d.missing("repository.commit: the image does not say; look up the commit of %s, or leave it out", e.Image.Tag)
		}
	} else {
		d.missing("repository: the image names none with an https address; look for it, or leave it out")
	}
	e.Homepage = webPage(d.labels[ocispec.AnnotationURL])
	// The owner's account is the registry's word, a vendor only the image's.
	e.Publisher.Name = path.Base(path.Dir(e.Image.Name))
	if strings.Contains(e.Publisher.Name, ".") { // the registry gives no accounts
		e.Publisher.Name = d.label(ocispec.AnnotationVendor, 100)
	}
	d.missing("publisher: check who stands behind the image; %q is what it is called there", e.Publisher.Name)
	if signatures > 0 {
		d.missing("provenance: the registry has signatures of the image (%d); say who must have signed it", signatures)
	}
	if server := d.label("io.modelcontextprotocol.server.name", 200); server != "" {
		d.missing("name: the image calls itself %s; check that it is the server you mean", server)
	}
}

var (
	commit   = regexp.MustCompile(`^[0-9a-f]{40}$`)
	portType = regexp.MustCompile(`^([1-9][0-9]{0,4})(/tcp)?$`)
)

// running fills how the server is started.
func (d *drafter) running(c ocispec.ImageConfig) {
	for exposed := range c.ExposedPorts {
		m := portType.FindStringSubmatch(exposed)
		if m == nil || len(c.ExposedPorts) > 1 {
			continue
		}
		if port, err := strconv.Atoi(m[1]); err == nil && port <= 65535 {
			d.missing("transport: the image exposes port %d; if the server speaks HTTP there, say transport: {type: \"streamable-http\", port: %d}", port, port)
		}
	}
	if len(c.Entrypoint)+len(c.Cmd) == 0 {
		d.missing("image: it names no command to start, so it may be no server")
	}
	d.missing("env: list the environment variables that the server reads; the image does not say")
	d.missing("permissions.network: list the hosts that the server must reach")
}

// entryName is made of the repository's last part, or of the one before it where the last says nothing.
func entryName(repository string) string {
	owner, name := path.Split(repository)
	return wording.Name(name, path.Base(owner))
}

// webPage returns the address of a page, without the ending that a Git repository may have.
func webPage(address string) string {
	return wording.WebAddress(strings.TrimSuffix(strings.TrimSpace(address), ".git"))
}
