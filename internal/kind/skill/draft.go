package skill

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/kind"
	"github.com/slipway-dev/slipway/internal/kind/wording"
	"github.com/slipway-dev/slipway/internal/license"
)

// firstVersion is that of a skill which names none.
const firstVersion = "0.1.0"

// maxLine is what an entry's texts may have, in characters.
const maxLine = 100

// Draft writes a first entry for a skill in a Git repository, URL#PATH@REF, or in a folder of the catalog, skills/NAME. Without a path it takes the
// repository itself, without a ref its default branch, and of that the newest commit.
func (s *Ecosystem) Draft(ctx context.Context, ref string) (*kind.Draft, error) {
	e := entry.Entry{Kind: entry.Skill, Status: entry.Active}
	files, err := s.referred(ctx, ref, &e)
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		if isHidden(f.path) {
			e.DotFiles = append(e.DotFiles, f.path)
		}
	}
	d := &kind.Draft{Entry: e}
	var about *frontmatter
	for _, f := range files {
		if f.path == MainFile {
			var wrong []error
			if about, wrong = parseMain(f.content); len(wrong) > 0 {
				return nil, fmt.Errorf("%s: %w", ref, errors.Join(wrong...))
			}
		}
	}
	if about == nil {
		return nil, fmt.Errorf("%s has no %s, so it is no skill", ref, MainFile)
	}
	d.Entry.Name = about.name
	if _, err := check(d.Entry, files); err != nil {
		return nil, fmt.Errorf("%s: %w", ref, err)
	}
	describe(d, about)
	return d, nil
}

// referred reads the skill that a reference means, and notes in the entry where it comes from.
func (s *Ecosystem) referred(ctx context.Context, ref string, e *entry.Entry) ([]file, error) {
	if !strings.Contains(ref, "://") {
		folder := ref
		if !filepath.IsAbs(ref) {
			folder = filepath.Join(s.root, ref)
		}
		files, err := readBeside(os.DirFS(folder))
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%s is neither a folder nor the address of a repository, such as https://example.com/skills#folder@main: %w", ref, err)
		}
		return files, err
	}
	address, place, _ := strings.Cut(ref, "#")
	dir, name, _ := strings.Cut(place, "@")
	dir = path.Clean(strings.Trim(dir, "/"))
	found, err := s.git.Resolve(ctx, address, name)
	if err != nil {
		return nil, err
	}
	e.Source = &entry.Source{URL: address, Ref: found.Short(), Commit: found.Commit, Path: dir}
	if name != "" && found.Short() != name {
		e.Source.Ref = name // in full, because there are two of that name
	}
	e.Repository = &entry.Repository{URL: address, Commit: found.Commit}
	if dir != "." {
		e.Repository.Path = dir
	}
	files, _, err := s.readGit(ctx, *e.Source)
	return files, err
}

var exactVersion = regexp.MustCompile(`^(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})$`)

// describe fills in what SKILL.md says, and names what a person must look at.
func describe(d *kind.Draft, about *frontmatter) {
	e := &d.Entry
	missing := func(format string, args ...any) { d.Missing = append(d.Missing, fmt.Sprintf(format, args...)) }
	e.Title = wording.Title(e.Name)
	e.Description = wording.Line(about.description, maxLine)
	missing("description: say in your own words what the skill is for, in at most 100 characters; what stands there is its own")
	if e.Version = about.metadata["version"]; !exactVersion.MatchString(e.Version) {
		e.Version = firstVersion
		missing("version: the skill names none, so this is the first of the catalog's own")
	}
	if license.Valid(about.license) {
		e.License = about.license
	} else {
		missing("license: the skill declares none that is an SPDX expression; look it up in its repository")
	}
	if s := e.Source; s != nil {
		if u, err := url.Parse(s.URL); err == nil {
			e.Publisher.Name, _, _ = strings.Cut(strings.Trim(u.Path, "/"), "/")
		}
		missing("publisher: %q is the first part of the repository's path; check who stands behind it", e.Publisher.Name)
	} else {
		e.Publisher.Name = wording.Line(about.metadata["author"], maxLine)
		missing("publisher.name: say who stands behind the skill, as people know it")
	}
	if len(e.DotFiles) > 0 {
		missing("dotFiles: look at each; what does not belong to the skill must be removed where it is kept")
	}
}
