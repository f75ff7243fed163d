package skill_test

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stacklok/toolhive-core/oci/artifact"
	"github.com/stacklok/toolhive-core/oci/skills"

	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/git"
	"github.com/slipway-dev/slipway/internal/git/gittest"
	"github.com/slipway-dev/slipway/internal/kind"
	"github.com/slipway-dev/slipway/internal/kind/skill"
	"github.com/slipway-dev/slipway/internal/record"
)

const head = "---\nname: cut-release\ndescription: Cuts a release\n---\n"

// beside is an entry whose skill lies beside it.
func beside() entry.Entry {
	return entry.Entry{
		Kind: entry.Skill, Name: "cut-release", Title: "Cut a release", Description: "Cuts it", License: "MIT",
		Publisher: entry.Publisher{Name: "Example"}, Status: entry.Active, Version: "1.2.3",
	}
}

func folder(files map[string]string) fstest.MapFS {
	dir := fstest.MapFS{"entry.cue": {Data: []byte("package entry")}}
	for name, content := range files {
		mode := fs.FileMode(0o644)
		if plain, ok := strings.CutSuffix(name, "*"); ok {
			name, mode = plain, 0o755
		}
		dir[name] = &fstest.MapFile{Data: []byte(content), Mode: mode}
	}
	return dir
}

func ecosystem(t *testing.T, environ []string) *skill.Ecosystem {
	t.Helper()
	return skill.New(git.New(environ, "file"), "", t.TempDir())
}

// locked locks an entry and puts the lock into its folder.
func locked(t *testing.T, s *skill.Ecosystem, e entry.Entry, dir fstest.MapFS) {
	t.Helper()
	files, err := s.Lock(t.Context(), e, dir)
	if err != nil {
		t.Fatal(err)
	}
	dir[skill.LockFile] = &fstest.MapFile{Data: files[skill.LockFile], Mode: 0o644}
	if err := s.CheckLock(e, dir); err != nil {
		t.Fatalf("its own lock: %v", err)
	}
}

// content returns a blob of an artifact.
func content(t *testing.T, image v1.Image, h v1.Hash) []byte {
	t.Helper()
	layer, err := image.LayerByDigest(h)
	if err != nil {
		t.Fatal(err)
	}
	r, err := layer.Compressed()
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// images returns the images of an artifact as a layout on disk has them.
func images(t *testing.T, a *kind.Artifact) []v1.Image {
	t.Helper()
	dir, err := layout.Write(t.TempDir(), a.Index)
	if err != nil {
		t.Fatal(err)
	}
	root, err := dir.ImageIndex()
	if err != nil {
		t.Fatal(err)
	}
	index, err := root.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	var all []v1.Image
	for _, d := range index.Manifests {
		image, err := root.Image(d.Digest)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, image)
	}
	return all
}

func TestToolHiveReadsTheArtifact(t *testing.T) {
	t.Parallel()
	s, e := ecosystem(t, nil), beside()
	dir := folder(map[string]string{
		"SKILL.md": "---\nname: cut-release\ndescription: 'Cuts it --- well'\nallowed-tools: Bash(git tag:*) Read\nmetadata:\n  toolhive.requires: |\n" +
			"    example.com/a:1\n    example.com/b:2\nother: {b: 1.10, a: [x, true, null]}\n---\n# Cut\n---\n",
		"scripts/tag.sh*": "#!/bin/sh\n", "assets/x.png": "\x89PNG\xff", "references/A b.md": "text",
	})
	locked(t, s, e, dir)
	a, err := s.Artifact(t.Context(), e, dir)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := a.Index.RawManifest()
	if err != nil {
		t.Fatal(err)
	}
	var index ocispec.Index
	if err := json.Unmarshal(raw, &index); err != nil || index.ArtifactType != skills.ArtifactTypeSkill || len(index.Manifests) != 2 {
		t.Fatalf("%v\n%s", err, raw)
	}
	if got := skills.ParseRequiresAnnotation(index.Annotations); !slices.Equal(got, []string{"example.com/a:1", "example.com/b:2"}) {
		t.Errorf("requires %q", got)
	}
	for i, image := range images(t, a) {
		raw, err := image.RawManifest()
		if err != nil {
			t.Fatal(err)
		}
		var manifest ocispec.Manifest
		if err := json.Unmarshal(raw, &manifest); err != nil || manifest.ArtifactType != skills.ArtifactTypeSkill || manifest.Layers[0].MediaType != ocispec.MediaTypeImageLayerGzip {
			t.Fatalf("%v\n%s", err, raw)
		}
		rawConfig, err := image.RawConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		var config ocispec.Image
		if err := json.Unmarshal(rawConfig, &config); err != nil || config.Architecture != index.Manifests[i].Platform.Architecture {
			t.Fatalf("%v\n%s", err, rawConfig)
		}
		said, err := skills.SkillConfigFromImageConfig(&config)
		if err != nil {
			t.Fatal(err)
		}
		if said.Name != "cut-release" || said.Description != "Cuts it --- well" || said.Version != "1.2.3" || said.License != "MIT" ||
			!slices.Equal(said.AllowedTools, []string{"Bash(git tag:*)", "Read"}) ||
			!slices.Equal(said.Files, []string{"SKILL.md", "assets/x.png", "references/A b.md", "scripts/tag.sh"}) {
			t.Errorf("ToolHive reads %+v", said)
		}
		archive := content(t, image, v1.Hash{Algorithm: "sha256", Hex: manifest.Layers[0].Digest.Encoded()})
		plain, err := artifact.Decompress(archive)
		if err != nil || digest.FromBytes(plain) != config.RootFS.DiffIDs[0] {
			t.Fatalf("the layer: %v", err)
		}
		files, err := artifact.ExtractTar(plain)
		if err != nil || len(files) != 4 || files[3].Mode != 0o755 || files[2].Mode != 0o644 || string(files[1].Content) != "\x89PNG\xff" {
			t.Errorf("%v, %+v", err, files)
		}
		checkTar(t, plain)
		if i > 0 {
			continue
		}
		list := content(t, image, v1.Hash{Algorithm: "sha256", Hex: manifest.Layers[1].Digest.Encoded()})
		checkList(t, list, files)
	}
	var documents []string
	for _, d := range a.Documents {
		documents = append(documents, d.Path)
	}
	if !slices.Equal(documents, []string{"SKILL.md", "references/A b.md", "scripts/tag.sh"}) || len(a.Components) != 2 || a.Foreign || a.Server {
		t.Errorf("documents %q, components %v", documents, a.Components)
	}
}

func checkTar(t *testing.T, plain []byte) {
	t.Helper()
	r := tar.NewReader(bytes.NewReader(plain))
	for {
		h, err := r.Next()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Uid != 0 || h.Gid != 0 || h.Uname != "" || !h.ModTime.Equal(time.Unix(0, 0)) {
			t.Errorf("%s depends on the machine: %+v", h.Name, h)
		}
	}
}

// checkList compares the list beside the layer with the files in it, as a host of SEP-2640 would.
func checkList(t *testing.T, raw []byte, files []artifact.FileEntry) {
	t.Helper()
	var list struct {
		URI         string          `json:"uri"`
		Frontmatter json.RawMessage `json:"frontmatter"`
		Resources   []struct {
			URI, Digest string
			Size        int
		} `json:"resources"`
	}
	if err := json.Unmarshal(raw, &list); err != nil || list.URI != "skill://cut-release/SKILL.md" || len(list.Resources) != len(files) {
		t.Fatalf("%v\n%s", err, raw)
	}
	want := `{"name":"cut-release","description":"Cuts it --- well","allowed-tools":"Bash(git tag:*) Read",` +
		`"metadata":{"toolhive.requires":"example.com/a:1\nexample.com/b:2\n"},"other":{"b":1.10,"a":["x",true,null]}}`
	if string(list.Frontmatter) != want {
		t.Errorf("frontmatter\n%s\nwant\n%s", list.Frontmatter, want)
	}
	for i, f := range files {
		r := list.Resources[i]
		if r.URI != "skill://cut-release/"+strings.ReplaceAll(f.Path, " ", "%20") || r.Digest != digest.FromBytes(f.Content).String() || r.Size != len(f.Content) {
			t.Errorf("%s is listed as %+v", f.Path, r)
		}
	}
}

func TestAnArtifactIsTheSameEverywhere(t *testing.T) {
	t.Parallel()
	files := map[string]string{"SKILL.md": head, "scripts/run*": "#!", "data.txt": strings.Repeat("abc", 10_000)}
	digests := map[v1.Hash]bool{}
	for range 2 {
		root := t.TempDir()
		for name, file := range folder(files) {
			target := filepath.Join(root, name)
			if err := os.MkdirAll(filepath.Dir(target), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(target, file.Data, file.Mode|0o600); err != nil {
				t.Fatal(err)
			}
		}
		s, e := ecosystem(t, nil), beside()
		lock, err := s.Lock(t.Context(), e, os.DirFS(root))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, skill.LockFile), lock[skill.LockFile], 0o600); err != nil {
			t.Fatal(err)
		}
		a, err := s.Artifact(t.Context(), e, os.DirFS(root))
		if err != nil {
			t.Fatal(err)
		}
		h, err := a.Index.Digest()
		if err != nil {
			t.Fatal(err)
		}
		digests[h] = true
	}
	// Any change of this digest is a change of what is published: raise the entries' revisions with it.
	want := v1.Hash{Algorithm: "sha256", Hex: "f145fff776a68ff6541ee3496e1ef8336d6c3257a7af056928730010fd813d3e"}
	if !digests[want] || len(digests) != 1 {
		t.Errorf("%v, want %s", digests, want)
	}
}

// upstream is a repository with the skill in a folder.
func upstream(t *testing.T, files map[string]string) (*gittest.Repository, entry.Entry) {
	t.Helper()
	r := gittest.New(t)
	all := map[string]string{"README.md": "not part of it"}
	for name, content := range files {
		all["skills/cut-release/"+name] = content
	}
	commit := r.Files(t, all)
	r.Branch(t, "main", commit)
	e := beside()
	e.Source = &entry.Source{URL: r.URL(), Ref: "main", Commit: commit, Path: "skills/cut-release"}
	return r, e
}

// sourced is an entry whose skill is the whole of a repository.
func sourced(e entry.Entry, url, commit string) entry.Entry {
	e.Source = &entry.Source{URL: url, Ref: "main", Commit: commit, Path: "."}
	return e
}

func TestSkillsOfRepositories(t *testing.T) {
	t.Parallel()
	r, e := upstream(t, map[string]string{"SKILL.md": head, "run*": "#!", ".mcp.json": "{}"})
	s, dir := ecosystem(t, r.Environ), folder(nil)
	if _, err := s.Lock(t.Context(), e, dir); err == nil || !strings.Contains(err.Error(), ".mcp.json: is hidden by a dot") {
		t.Errorf("a dot-file that the entry does not list: %v", err)
	}
	e.DotFiles = []string{".mcp.json"}
	locked(t, s, e, dir)
	if err := os.RemoveAll(r.Dir); err != nil { // what was locked is kept
		t.Fatal(err)
	}
	a, err := s.Artifact(t.Context(), e, dir)
	if err != nil {
		t.Fatal(err)
	}
	index, err := a.Index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		ocispec.AnnotationSource: r.URL(), ocispec.AnnotationRevision: e.Source.Commit, skill.PathAnnotation: "skills/cut-release", skill.RefAnnotation: "main",
		skills.AnnotationSkillVersion: "1.2.3",
	} {
		if got := index.Annotations[name]; got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if len(a.Sources) != 1 || a.Sources[0].Digest["gitCommit"] != e.Source.Commit || len(a.Sources[0].Digest["gitTree"]) != 40 {
		t.Errorf("made from %+v", a.Sources)
	}
	if a.Index == nil || len(images(t, a)) != 2 {
		t.Error("no two images")
	}
}

func TestWhatIsKeptIsNotBelieved(t *testing.T) {
	t.Parallel()
	r, e := upstream(t, map[string]string{"SKILL.md": head})
	cache := t.TempDir()
	s, dir := skill.New(git.New(r.Environ, "file"), "", cache), folder(nil)
	locked(t, s, e, dir)
	kept, err := filepath.Glob(filepath.Join(cache, "*.tar"))
	if err != nil || len(kept) != 1 {
		t.Fatalf("%v, %v", kept, err)
	}
	if err := os.Remove(kept[0]); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(kept[0], []byte("torn"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Artifact(t.Context(), e, dir); err != nil {
		t.Error(err)
	}
}

func TestLocksAreChecked(t *testing.T) {
	t.Parallel()
	r, e := upstream(t, map[string]string{"SKILL.md": head})
	s, dir := ecosystem(t, r.Environ), folder(nil)
	locked(t, s, e, dir)
	good := string(dir[skill.LockFile].Data)
	for name, c := range map[string]struct{ from, to, want string }{
		"other version":  {`"1.2.3"`, `"1.2.4"`, "version: is 1.2.4"},
		"other commit":   {e.Source.Commit, strings.Repeat("0a", 20), "source: is"},
		"other ref":      {`"main"`, `"side"`, "source: is"},
		"unknown field":  {`"lockVersion"`, `"extra": 1, "lockVersion"`, "unknown field"},
		"repeated field": {`"lockVersion": 1`, `"lockVersion": 1, "lockVersion": 1`, "not as catalogctl writes it"},
		"newer lock":     {`"lockVersion": 1`, `"lockVersion": 2`, "version 2"},
		"no JSON":        {`{`, ``, "cannot be read"},
		"no digest":      {`"sha256:`, `"md5:`, "no SHA-256"},
	} {
		bad := folder(map[string]string{skill.LockFile: strings.Replace(good, c.from, c.to, 1)})
		if err := s.CheckLock(e, bad); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := s.Artifact(t.Context(), e, bad); err == nil {
			t.Errorf("%s: it was built", name)
		}
	}
	// What only the files can show: someone put other digests, or another tree, into the lock.
	fresh := ecosystem(t, r.Environ)
	for name, c := range map[string]struct{ from, to, want string }{
		"other tree": {r.Git(t, "", "rev-parse", "main:skills/cut-release"), strings.Repeat("0b", 20), "and the lock says 0b0b"},
		"other size": {`"size": `, `"size": 1`, "SKILL.md has changed"},
	} {
		bad := folder(map[string]string{skill.LockFile: strings.Replace(good, c.from, c.to, 1)})
		if _, err := fresh.Artifact(t.Context(), e, bad); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := s.CheckLock(e, folder(nil)); err == nil || !strings.Contains(err.Error(), "is missing: run catalogctl lock cut-release") {
		t.Errorf("no lock: %v", err)
	}
	e.Source.Path = "skills/other-name"
	if err := s.CheckLock(e, dir); err == nil || !strings.Contains(err.Error(), "source.path") {
		t.Errorf("a folder of another name: %v", err)
	}
}

func TestReleasedVersionsKeepTheirFiles(t *testing.T) {
	t.Parallel()
	s, e := ecosystem(t, nil), beside()
	before := map[string]string{"SKILL.md": head, "a.md": "a"}
	for name, c := range map[string]struct {
		after   map[string]string
		version string
		want    string
	}{
		"changed":            {map[string]string{"SKILL.md": head + "More", "a.md": "a"}, "1.2.3", "Set version to 1.2.4"},
		"added":              {map[string]string{"SKILL.md": head, "a.md": "a", "b.md": "b"}, "1.2.3", "Set version to 1.3.0"},
		"removed":            {map[string]string{"SKILL.md": head}, "1.2.3", "Set version to 2.0.0"},
		"removed before 1.0": {map[string]string{"SKILL.md": head}, "0.2.3", "Set version to 0.3.0"},
		"made executable":    {map[string]string{"SKILL.md": head, "a.md*": "a"}, "1.2.3", "Set version to 1.2.4"},
		"not changed":        {before, "1.2.3", ""},
	} {
		e.Version = c.version
		dir := folder(before)
		locked(t, s, e, dir)
		after := folder(c.after)
		after[skill.LockFile] = dir[skill.LockFile]
		if _, err := s.Lock(t.Context(), e, after); err != nil {
			t.Errorf("%s, but never released: %v", name, err)
		}
		after[record.File] = &fstest.MapFile{Data: released(t, c.version)}
		_, err := s.Lock(t.Context(), e, after)
		checked := s.CheckLock(e, after)
		if c.want == "" {
			if err != nil || checked != nil {
				t.Errorf("%s: %v, %v", name, err, checked)
			}
			continue
		}
		for _, err := range []error{err, checked} {
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %v, want %q", name, err, c.want)
			}
		}
		e.Version = "3.0.0"
		if _, err := s.Lock(t.Context(), e, after); err != nil {
			t.Errorf("%s, with a new version: %v", name, err)
		}
	}
}

func released(t *testing.T, version string) []byte {
	t.Helper()
	h := "sha256:" + strings.Repeat("a", 64)
	text, err := record.Record{
		Version: version, Tag: version, Digest: h, Released: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		Platforms: []record.Platform{{Platform: "linux/amd64", Digest: h, Size: 1}},
	}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestDraft(t *testing.T) {
	t.Parallel()
	text := "---\nname: cut-release\ndescription: " + strings.Repeat("Cuts a release. ", 20) + "\nlicense: Apache-2.0\nmetadata: {version: 2.0.1}\n---\n"
	text = strings.Replace(text, "version: 2.0.1", `version: "2.0.1"`, 1)
	r, want := upstream(t, map[string]string{"SKILL.md": text, ".mcp.json": "{}"})
	s := ecosystem(t, r.Environ)
	for _, ref := range []string{r.URL() + "#skills/cut-release", r.URL() + "#skills/cut-release@main"} {
		d, err := s.Draft(t.Context(), ref)
		if err != nil {
			t.Fatal(err)
		}
		e := d.Entry
		if e.Name != "cut-release" || e.Version != "2.0.1" || e.License != "Apache-2.0" || *e.Source != *want.Source || len([]rune(e.Description)) > 100 ||
			!slices.Equal(e.DotFiles, []string{".mcp.json"}) || e.Title != "Cut Release" {
			t.Errorf("%s: %+v", ref, e)
		}
		if len(d.Missing) == 0 {
			t.Error("nothing is left for a person")
		}
	}
	local := t.TempDir()
	if err := os.WriteFile(filepath.Join(local, "SKILL.md"), []byte(head), 0o644); err != nil {
		t.Fatal(err)
	}
	if d, err := s.Draft(t.Context(), local); err != nil || d.Entry.Source != nil || d.Entry.Version != "0.1.0" || d.Entry.Name != "cut-release" {
		t.Errorf("a folder: %+v, %v", d, err)
	}
	for ref, want := range map[string]string{
		r.URL() + "#nothing": "no folder", r.URL() + "#.@gone": "no branch or tag", r.URL(): "no SKILL.md", filepath.Join(local, "x"): "neither a folder",
	} {
		if _, err := s.Draft(t.Context(), ref); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", ref, err)
		}
	}
}

func TestLayersKeepTheirTypes(t *testing.T) {
	t.Parallel()
	s, e := ecosystem(t, nil), beside()
	dir := folder(map[string]string{"SKILL.md": head})
	locked(t, s, e, dir)
	a, err := s.Artifact(t.Context(), e, dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, image := range images(t, a) {
		layers, err := image.Layers()
		if err != nil || len(layers) != 2 {
			t.Fatalf("%v, %v", layers, err)
		}
		for i, want := range []types.MediaType{types.OCILayer, skill.ListMediaType} {
			if got, err := layers[i].MediaType(); err != nil || got != want {
				t.Errorf("layer %d is %s, %v", i, got, err)
			}
		}
	}
}
