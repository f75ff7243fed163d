package skill_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/slipway-dev/slipway/internal/git/gittest"
	"github.com/slipway-dev/slipway/internal/kind/skill"
)

func TestFrontmatterIsHeldToTheSpecification(t *testing.T) {
	t.Parallel()
	s, e := ecosystem(t, nil), beside()
	bomb := "a: &a [x, y, z]\nb: &b {c: *a, d: *a}\n"
	for name, c := range map[string]struct{ text, want string }{
		"no frontmatter":      {"# Cut\n", "does not begin with a line that is ---"},
		"empty line before":   {"\n" + head, "does not begin"},
		"more than dashes":    {"--- x\nname: cut-release\n---\n", "does not begin"},
		"four dashes":         {"----\nname: cut-release\n----\n", "does not begin"},
		"byte order mark":     {"\ufeff" + head, "byte order mark"},
		"not UTF-8":           {head + "\xff", "not UTF-8"},
		"NUL":                 {head + "\x00", "not UTF-8"},
		"no end":              {"---\nname: cut-release\n", "no line that is ---"},
		"end in a line":       {"---\nname: cut-release --- x\n", "no line that is ---"},
		"end far away":        {"---\nname: cut-release\n" + strings.Repeat("# a comment\n", 7000) + "---\n", "within 64 KiB"},
		"empty":               {"---\n---\n", "is empty"},
		"a list":              {"---\n- a\n---\n", "no mapping"},
		"a text":              {"---\nx\n---\n", "no mapping"},
		"no YAML":             {"---\n{\n---\n", "no YAML"},
		"two documents":       {"---\na: b\n...\nc: d\n---\n", "more than one document"},
		"name twice":          {strings.Replace(head, "desc", "name: x\ndesc", 1), `line 3: the field "name" is there twice`},
		"deep name twice":     {strings.Replace(head, "desc", "metadata: {a: x, a: y}\ndesc", 1), "there twice"},
		"anchor":              {strings.Replace(head, "desc", bomb+"desc", 1), "anchors and aliases"},
		"merge":               {strings.Replace(head, "desc", "metadata: {<<: {a: b}}\ndesc", 1), "no name of a field"},
		"tag":                 {strings.Replace(head, "desc", "x: !!python/object:os.system y\ndesc", 1), "the tag"},
		"binary":              {strings.Replace(head, "desc", "x: !!binary aGk=\ndesc", 1), "the tag"},
		"nested":              {strings.Replace(head, "desc", "x: "+strings.Repeat("[", 500)+strings.Repeat("]", 500)+"\ndesc", 1), "within each other"},
		"many values":         {strings.Replace(head, "desc", "x: ["+strings.Repeat("1,", 5000)+"1]\ndesc", 1), "4096 values"},
		"number for a field":  {strings.Replace(head, "desc", "1: x\ndesc", 1), "no name of a field"},
		"infinite":            {strings.Replace(head, "desc", "x: .inf\ndesc", 1), "no number in JSON"},
		"octal":               {strings.Replace(head, "desc", "x: 0o17\ndesc", 1), "no number in JSON"},
		"no name":             {"---\ndescription: x\n---\n", "name: is missing"},
		"other name":          {strings.Replace(head, "cut-release", "cut-releases", 1), "the entry's"},
		"name in capitals":    {strings.Replace(head, "cut-release", "Cut-Release", 1), "a-z, 0-9"},
		"name with two":       {strings.Replace(head, "cut-release", "cut--release", 1), "a-z, 0-9"},
		"name is a number":    {strings.Replace(head, "cut-release", "12", 1), "name: is no text"},
		"no description":      {"---\nname: cut-release\n---\n", "description: is missing"},
		"blank description":   {"---\nname: cut-release\ndescription: ' '\n---\n", "description: is missing"},
		"long description":    {"---\nname: cut-release\ndescription: " + strings.Repeat("é", 1025) + "\n---\n", "1025 characters"},
		"long compatibility":  {strings.Replace(head, "desc", "compatibility: "+strings.Repeat("x", 501)+"\ndesc", 1), "501 characters"},
		"number in metadata":  {strings.Replace(head, "desc", "metadata: {version: 1.0}\ndesc", 1), "metadata.version: is no text"},
		"metadata is a text":  {strings.Replace(head, "desc", "metadata: x\ndesc", 1), "metadata: is no mapping"},
		"tools are a mapping": {strings.Replace(head, "desc", "allowed-tools: {a: b}\ndesc", 1), "allowed-tools"},
	} {
		if _, err := s.Lock(t.Context(), e, folder(map[string]string{"SKILL.md": c.text})); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	for name, text := range map[string]string{
		"least":               head,
		"without a body":      "---\nname: cut-release\ndescription: x\n---",
		"carriage returns":    strings.ReplaceAll(head, "\n", "\r\n"),
		"dashes in a value":   strings.Replace(head, "Cuts", "Cuts --- and", 1),
		"dashes in a text":    strings.Replace(head, "Cuts a release", "|\n  ---\n  x", 1),
		"fields of its own":   strings.Replace(head, "desc", "model: x\nhooks: [{a: {b: 2026-01-01}}]\ndesc", 1),
		"list of tools":       strings.Replace(head, "desc", "allowed-tools: [Read, Write]\ndesc", 1),
		"longest":             "---\nname: cut-release\ndescription: " + strings.Repeat("é", 1024) + "\n---\n",
		"a fence in the text": head + "text\n---\nmore\n",
	} {
		if _, err := s.Lock(t.Context(), e, folder(map[string]string{"SKILL.md": text})); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNoFileIsDroppedOrTakenForAnother(t *testing.T) {
	t.Parallel()
	s, e := ecosystem(t, nil), beside()
	r := gittest.New(t) // there, every name is possible
	blob, about := r.Blob(t, "x"), r.Blob(t, head)
	for name, want := range map[string]string{
		".mcp.json": "hidden by a dot", ".claude-plugin/plugin.json": "hidden by a dot", "a/.b/c": "hidden by a dot", ".gitignore": "hidden by a dot",
		".git/config": "Git keeps", "a/.GIT/x": "Git keeps", "git~1/x": "Git keeps", "a\\b": "some systems do not take", "a:b": "some systems", "what?": "some systems",
		"a.": "dot or a space", "a\x20": "dot or a space", "nul": "Windows", "a/COM1.txt": "Windows", "a\u200bb": "no reader sees", "a\nb": "no reader sees",
		"a\u202eb": "no reader sees", "skill.md": "do not tell capitals apart", "a/SKILL.MD": "", "a\xffb": "no reader sees",
		strings.Repeat("d/", 20) + "x": "names", strings.Repeat("x", 300): "bytes",
	} {
		dir := folder(map[string]string{"SKILL.md": head})
		parts := strings.Split(name, "/")
		entry := gittest.Entry{Mode: "100644", Name: parts[len(parts)-1], Hash: blob}
		for i := len(parts) - 2; i >= 0; i-- {
			entry = gittest.Entry{Mode: "40000", Name: parts[i], Hash: r.Tree(t, entry)}
		}
		entries := []gittest.Entry{{Mode: "100644", Name: "SKILL.md", Hash: about}, entry}
		if entry.Name < "SKILL.md" {
			entries[0], entries[1] = entries[1], entries[0]
		}
		commit := r.Commit(t, r.Tree(t, entries...))
		r.Branch(t, "main", commit)
		there := sourced(e, r.URL(), commit)
		for where, try := range map[string]func() error{
			"in a repository": func() error {
				_, err := ecosystem(t, r.Environ).Lock(t.Context(), there, folder(nil))
				return err
			},
			"beside the entry": func() error {
				dir[name] = &fstest.MapFile{Data: []byte("x"), Mode: 0o644}
				_, err := s.Lock(t.Context(), e, dir)
				return err
			},
		} {
			err := try()
			if where == "in a repository" && err != nil && strings.Contains(want, "Git keeps") && strings.Contains(err.Error(), "Git's own") ||
				where == "in a repository" && err != nil && strings.Contains(err.Error(), "separator of paths") {
				continue // refused even earlier
			}
			if want == "" && err != nil || want != "" && err == nil {
				t.Errorf("%q %s: %v, want %q", name, where, err, want)
			}
		}
	}
}

func TestFoldersBesideAnEntryAreBounded(t *testing.T) {
	t.Parallel()
	s, e := ecosystem(t, nil), beside()
	many := folder(map[string]string{"SKILL.md": head})
	for i := range 600 {
		many[fmt.Sprintf("f%d", i)] = &fstest.MapFile{Data: []byte("x"), Mode: 0o644}
	}
	large := folder(map[string]string{"SKILL.md": head, "a": strings.Repeat("a", 9<<20), "b": strings.Repeat("b", 9<<20)})
	special := folder(map[string]string{"SKILL.md": head})
	special["run"] = &fstest.MapFile{Data: []byte("x"), Mode: 0o755 | fs.ModeSetuid}
	pipe := folder(map[string]string{"SKILL.md": head})
	pipe["pipe"] = &fstest.MapFile{Mode: fs.ModeNamedPipe | 0o644}
	for name, c := range map[string]struct {
		dir  fs.FS
		want string
	}{
		"files": {many, "at most 512"}, "bytes": {large, "16 MiB"}, "setuid": {special, "only whether the file can be executed"}, "pipe": {pipe, "no regular file"},
		"no SKILL.md": {folder(nil), "SKILL.md: is missing"}, "a folder called SKILL.md": {folder(map[string]string{"SKILL.md/x": "y"}), "SKILL.md: is missing"},
	} {
		if _, err := s.Lock(t.Context(), e, c.dir); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if err := s.CheckLock(e, c.dir); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s, checked: %v", name, err)
		}
	}
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "SKILL.md"), []byte(head), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(root, "link")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Lock(t.Context(), e, os.DirFS(root)); err == nil || !strings.Contains(err.Error(), "link: is no regular file") {
		t.Errorf("a link: %v", err)
	}
}

func TestFilesOfTheCatalogAreNoPart(t *testing.T) {
	t.Parallel()
	s, e := ecosystem(t, nil), beside()
	dir := folder(map[string]string{"SKILL.md": head, "a/entry.cue": "of the skill"})
	locked(t, s, e, dir)
	dir["release.json"] = &fstest.MapFile{Data: released(t, "1.2.3"), Mode: 0o644}
	a, err := s.Artifact(t.Context(), e, dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(a.Documents) != 2 || a.Documents[0].Path != "SKILL.md" || a.Documents[1].Path != "a/entry.cue" {
		t.Errorf("%v", a.Documents)
	}
	if lock := string(dir[skill.LockFile].Data); strings.Contains(lock, `"entry.cue"`) || !strings.Contains(lock, `"a/entry.cue"`) {
		t.Error(lock)
	}
}
