// Package change tells which entries of a catalog are affected by what differs between a commit and the working tree.
//
// It asks the git command, by its plumbing formats alone, and believes nothing that it answers unchecked: paths come from pull requests.
package change

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// Status is what became of a file.
type Status string

// The statuses of a file. A renamed one is a removed and an added one.
const (
	Added    Status = "added"
	Modified Status = "modified"
	Removed  Status = "removed"
)

// File is one file that differs.
type File struct {
	Path   string // relative to the folder that was asked about, slash-separated
	Status Status
	From   string // the path of the removed file that an added one is a new name of, if Git finds it alike
}

// similarity is how much of a file must be the same for it to count as renamed: entries of one kind are alike in their first lines.
const similarity = "--find-renames=70%"

// Since returns the files below dir, a folder of a Git work tree, that differ between the commit rev and the working tree, sorted by path.
// Files that Git ignores are left out; those that it does not track yet are added ones.
func Since(ctx context.Context, dir, rev string) ([]File, error) {
	commit, err := Commit(ctx, dir, rev)
	if err != nil {
		return nil, err
	}
	out, err := git(ctx, dir, maxListing, "diff", "--name-status", "-z", similarity, "--relative", "--no-ext-diff", "--no-textconv",
		"--no-color", "--ignore-submodules=none", commit, "--")
	if err != nil {
		return nil, err
	}
	files, err := parseStatus(out)
	if err != nil {
		return nil, fmt.Errorf("what changed since %s: %w", rev, err)
	}
	if out, err = git(ctx, dir, maxListing, "ls-files", "--others", "--exclude-standard", "-z"); err != nil {
		return nil, err
	}
	fresh, err := parsePaths(out)
	if err != nil {
		return nil, fmt.Errorf("what Git does not track: %w", err)
	}
	for _, path := range fresh {
		files = append(files, File{Path: path, Status: Added})
	}
	return merge(files), nil
}

// merge sorts files by path. One that was removed from the index and lies there untracked has changed.
func merge(files []File) []File {
	slices.SortStableFunc(files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	var merged []File
	for _, f := range files {
		if last := len(merged) - 1; last >= 0 && merged[last].Path == f.Path {
			merged[last] = File{Path: f.Path, Status: Modified}
			continue
		}
		merged = append(merged, f)
	}
	return merged
}
