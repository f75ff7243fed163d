package skill

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"time"
	"unicode/utf8"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stacklok/toolhive-core/oci/skills"

	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/kind"
)

// ListMediaType is that of the second layer: the skill's entry as an MCP server lists it (SEP-2640, Skill Entries), with the size and the
// SHA-256 of every file.
const ListMediaType = "application/vnd.slipway.skill.entry.v1+json"

// The files' names for clients that unpack layers by their title, such as oras.
const (
	archiveTitle = "skill.tar.gz" // as ToolHive calls it
	listTitle    = "skill.json"
)

// Annotations that say where a skill comes from beyond what OCI has a name for.
const (
	PathAnnotation = "dev.slipway.source.path"
	RefAnnotation  = "dev.slipway.source.ref"
	TreeAnnotation = "dev.slipway.source.tree"
)

// platforms are those that ToolHive's own packager writes. The files are the same for both.
var platforms = []ocispec.Platform{{OS: "linux", Architecture: "amd64"}, {OS: "linux", Architecture: "arm64"}}

// Artifact reads the files that the lock pins and packs them, with the list of them beside; see kind.Complete.
func (s *Ecosystem) Artifact(ctx context.Context, e entry.Entry, dir fs.FS) (*kind.Artifact, error) {
	l, files, err := s.pinned(ctx, e, dir)
	if err != nil {
		return nil, fmt.Errorf("skill %s: %w", e.Name, err)
	}
	about, err := check(e, files)
	if err != nil {
		return nil, fmt.Errorf("skill %s: %w", e.Name, err)
	}
	p := packer{entry: e, lock: l, about: about}
	if err := p.pack(files); err != nil {
		return nil, fmt.Errorf("skill %s: %w", e.Name, err)
	}
	a := &kind.Artifact{Index: p.index, Components: map[string][]kind.Component{}}
	for _, platform := range platforms {
		a.Components[platform.OS+"/"+platform.Architecture] = []kind.Component{p.component()}
	}
	for _, f := range files {
		if utf8.Valid(f.content) {
			a.Documents = append(a.Documents, kind.Document{Path: f.path, Text: f.content})
		}
	}
	if source := e.Source; source != nil {
		a.Sources = []kind.Source{{
			URI:    "git+" + source.URL + "@" + source.Ref,
			Digest: map[string]string{"gitCommit": source.Commit, "gitTree": l.Source.Tree},
		}}
	}
	return a, nil
}

// packer writes the manifests of one skill.
type packer struct {
	entry entry.Entry
	lock  *lock
	about *frontmatter
	index *index
}

// pack follows what github.com/stacklok/toolhive-core/oci/skills writes and reads, with a second layer that it passes over.
func (p *packer) pack(files []file) error {
	tar, err := pack(files)
	if err != nil {
		return err
	}
	archive, err := compress(tar)
	if err != nil {
		return err
	}
	list, err := p.list(files)
	if err != nil {
		return err
	}
	p.index = newIndex()
	layers := []ocispec.Descriptor{
		p.index.blob(archive, ocispec.MediaTypeImageLayerGzip, archiveTitle),
		p.index.blob(list, ListMediaType, listTitle),
	}
	annotations := p.annotations()
	var manifests []ocispec.Descriptor
	for _, platform := range platforms {
		config, err := encode(p.config(platform, []digest.Digest{digest.FromBytes(tar), digest.FromBytes(list)}))
		if err != nil {
			return err
		}
		d, err := p.index.image(ocispec.Manifest{
			Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest, ArtifactType: skills.ArtifactTypeSkill,
			Config: descriptor(config, ocispec.MediaTypeImageConfig), Layers: layers, Annotations: annotations,
		}, config)
		if err != nil {
			return err
		}
		d.Platform = &platform
		manifests = append(manifests, d)
	}
	p.index.raw, err = encode(ocispec.Index{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex, ArtifactType: skills.ArtifactTypeSkill,
		Manifests: manifests, Annotations: annotations,
	})
	return err
}

// annotations are the index's and each manifest's.
func (p *packer) annotations() map[string]string {
	e := p.entry
	all := map[string]string{
		skills.AnnotationSkillName:        p.about.name,
		skills.AnnotationSkillDescription: p.about.description,
		skills.AnnotationSkillVersion:     e.Version,
		ocispec.AnnotationCreated:         time.Unix(0, 0).UTC().Format(time.RFC3339),
		ocispec.AnnotationTitle:           e.Title,
		ocispec.AnnotationDescription:     e.Description,
		ocispec.AnnotationVersion:         e.Version,
		ocispec.AnnotationLicenses:        e.License,
		ocispec.AnnotationVendor:          e.Publisher.Name,
		ocispec.AnnotationURL:             e.Homepage,
	}
	if r := e.Repository; r != nil {
		all[ocispec.AnnotationSource], all[ocispec.AnnotationRevision], all[PathAnnotation] = r.URL, r.Commit, r.Path
	}
	if s := e.Source; s != nil {
		all[ocispec.AnnotationSource], all[ocispec.AnnotationRevision], all[PathAnnotation] = s.URL, s.Commit, s.Path
		all[RefAnnotation], all[TreeAnnotation] = s.Ref, p.lock.Source.Tree
	}
	if refs := p.about.requires(); len(refs) > 0 {
		all[skills.AnnotationSkillRequires] = text(refs)
	}
	maps.DeleteFunc(all, func(_, value string) bool { return value == "" })
	return all
}

// config is the configuration of one platform's image, in whose labels ToolHive looks.
func (p *packer) config(platform ocispec.Platform, diffs []digest.Digest) ocispec.Image {
	epoch := time.Unix(0, 0).UTC()
	paths := make([]string, len(p.lock.Files))
	for i, f := range p.lock.Files {
		paths[i] = f.Path
	}
	license := p.about.license
	if license == "" {
		license = p.entry.License
	}
	return ocispec.Image{
		Created: &epoch, Platform: platform,
		Config: ocispec.ImageConfig{Labels: map[string]string{
			skills.LabelSkillName:         p.about.name,
			skills.LabelSkillDescription:  p.about.description,
			skills.LabelSkillVersion:      p.entry.Version,
			skills.LabelSkillLicense:      license,
			skills.LabelSkillAllowedTools: text(p.about.allowedTools),
			skills.LabelSkillFiles:        text(paths),
		}},
		RootFS:  ocispec.RootFS{Type: "layers", DiffIDs: diffs},
		History: []ocispec.History{{Created: &epoch, CreatedBy: "catalogctl: files"}, {Created: &epoch, CreatedBy: "catalogctl: list of files"}},
	}
}

// text encodes a list of texts as JSON: null where there is none, as ToolHive has it.
func text(all []string) string {
	out, err := encode(all)
	if err != nil {
		panic(err) // texts only
	}
	return string(out)
}
