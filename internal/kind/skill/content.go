package skill

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/bounded"
	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/git"
	"github.com/slipway-dev/slipway/internal/kind"
	"github.com/slipway-dev/slipway/internal/record"
	"github.com/slipway-dev/slipway/internal/staging"
)

// file is one of a skill.
type file struct {
	path       string
	executable bool
	content    []byte
}

// beside are the files that lie with a skill in the catalog and are no part of it.
var beside = []string{"entry.cue", LockFile, record.File}

// problem is something wrong with a file of a skill, or with a field in it.
func problem(name, field, format string, args ...any) error {
	return &kind.LockError{File: name, Field: field, Reason: fmt.Sprintf(format, args...)}
}

// readBeside reads the skill that lies in the folder of its entry. Every file counts, but for those that the catalog itself keeps there.
func readBeside(dir fs.FS) ([]file, error) {
	var files []file
	total := int64(0)
	err := fs.WalkDir(dir, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if strings.Count(name, "/") >= maxDepth {
				return problem(name, "", "lies more than %d folders deep", maxDepth)
			}
			return nil
		}
		if slices.Contains(beside, name) || staging.Leftover(name, beside...) {
			return nil
		}
		if !d.Type().IsRegular() {
			return problem(name, "", "is no regular file: a skill holds neither links nor devices; put a copy in its place")
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if special := info.Mode() & (fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky); special != 0 {
			return problem(name, "", "has the mode %v: of a mode, only whether the file can be executed is kept; remove the rest with chmod", info.Mode())
		}
		if len(files) == maxFiles {
			return problem(name, "", "is one file too many: a skill has at most %d", maxFiles)
		}
		content, err := bounded.File(dir, name, maxBytes-total)
		var large *bounded.SizeError
		if errors.As(err, &large) {
			return problem(name, "", "brings the skill to more than %d MiB; hosts take no larger one", maxBytes>>20)
		}
		if err != nil {
			return err
		}
		total += int64(len(content))
		files = append(files, file{path: name, executable: info.Mode()&0o111 != 0, content: content})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return sorted(files), nil
}

// readGit reads a skill from its repository and returns the tree's name too.
func (s *Ecosystem) readGit(ctx context.Context, source entry.Source) ([]file, string, error) {
	folder, err := s.git.Read(ctx, git.Source{URL: source.URL, Ref: source.Ref, Commit: source.Commit, Path: source.Path}, git.Limits{Files: maxFiles, Bytes: maxBytes})
	if err != nil {
		return nil, "", err
	}
	files := make([]file, len(folder.Files))
	for i, f := range folder.Files {
		files[i] = file{path: f.Path, executable: f.Executable, content: f.Content}
	}
	return sorted(files), folder.Tree, nil
}

func sorted(files []file) []file {
	slices.SortFunc(files, func(a, b file) int { return cmp.Compare(a.path, b.path) })
	return files
}

// check returns what SKILL.md says, and everything that is wrong with the files of an entry's skill.
func check(e entry.Entry, files []file) (*frontmatter, error) {
	var errs []error
	seen := spellings{}
	for _, f := range files {
		if reason := checkPath(f.path); reason != "" {
			errs = append(errs, problem(f.path, "", "%s; rename it", reason))
			continue
		}
		if other := seen.add(f.path); other != "" {
			errs = append(errs, problem(f.path, "", "and %s are one on systems that do not tell capitals apart; rename one of them", other))
		}
		if isHidden(f.path) && !slices.Contains(e.DotFiles, f.path) {
			errs = append(errs, problem(f.path, "", "is hidden by a dot, and the entry does not list it: name it in dotFiles if it belongs to the skill, or remove it"))
		}
	}
	has := func(name string) int {
		return slices.IndexFunc(files, func(f file) bool { return f.path == name })
	}
	for i, name := range e.DotFiles {
		if has(name) < 0 {
			errs = append(errs, problem("entry.cue", fmt.Sprintf("dotFiles[%d]", i), "is %s, which the skill does not have: remove it", name))
		}
	}
	main := has(MainFile)
	if main < 0 {
		return nil, errors.Join(append(errs, problem(MainFile, "", "is missing: a skill has one, spelt like this, in its top folder"))...)
	}
	about, wrong := parseMain(files[main].content)
	errs = append(errs, wrong...)
	if len(wrong) == 0 {
		errs = append(errs, about.check(e.Name)...)
	}
	return about, errors.Join(errs...)
}
