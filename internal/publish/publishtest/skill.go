package publishtest

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stacklok/toolhive-core/oci/skills"

	"github.com/slipway-dev/slipway/internal/build"
	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/git"
	"github.com/slipway-dev/slipway/internal/kind/skill"
	"github.com/slipway-dev/slipway/internal/publish"
	"github.com/slipway-dev/slipway/internal/verify"
)

// SkillName is the name of every skill.
const SkillName = "cut-release"

// SkillFiles are those of every skill, by path.
var SkillFiles = map[string]string{
	"SKILL.md":       "---\nname: " + SkillName + "\ndescription: Cuts a release\nallowed-tools: Read\n---\n# Cut a release\n",
	"scripts/tag.sh": "#!/bin/sh\n", "assets/data.txt": strings.Repeat("a line of many\n", 10_000), ".mcp.json": "{}",
}

// NewSkill writes a skill in an OCI layout.
func NewSkill(t testing.TB) Image {
	t.Helper()
	e := entry.Entry{
		Kind: entry.Skill, Name: SkillName, Title: "Cut a release", Description: "Cuts a release", Publisher: entry.Publisher{Name: "Example"},
		License: "MIT", Version: "1.2.3", DotFiles: []string{".mcp.json"},
	}
	dir := fstest.MapFS{}
	for name, content := range SkillFiles {
		mode := fs.FileMode(0o644)
		if strings.HasSuffix(name, ".sh") {
			mode = 0o755
		}
		dir[name] = &fstest.MapFile{Data: []byte(content), Mode: mode}
	}
	s := skill.New(git.New(nil), "", t.TempDir())
	dir[skill.LockFile] = &fstest.MapFile{Data: must(s.Lock(t.Context(), e, dir))(t)[skill.LockFile]}
	artifact := must(s.Artifact(t.Context(), e, dir))(t)
	built := must(build.Store(t.Context(), e, artifact.Index, t.TempDir()))(t)
	image := Image{Layout: built.Path, Digest: built.Digest.String()}
	for _, p := range built.Platforms {
		image.Platforms = append(image.Platforms, verify.Platform{Name: p.Platform.String(), Digest: p.Digest.String()})
	}
	return image
}

// SkillInput is Input for a skill.
func (i Image) SkillInput(t testing.TB, repository string) publish.Input {
	t.Helper()
	in := i.Input(t, repository)
	in.Name, in.Label = SkillName, skills.LabelSkillName
	return in
}
