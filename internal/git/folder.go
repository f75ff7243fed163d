package git

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
)

// maxDepth bounds how deep folders lie in each other.
const maxDepth = 32

// folder reads all files below a path at a commit.
func (r *repository) folder(ctx context.Context, commit, dir string, limits Limits) (*Folder, error) {
	raw, err := r.object(ctx, commitType, commit, maxCommit)
	if err != nil {
		return nil, err
	}
	top, err := treeOf(raw)
	if err != nil {
		return nil, fmt.Errorf("%s: commit %s: %w", redact(r.url), commit, err)
	}
	if err := r.want(ctx, []string{top}); err != nil {
		return nil, err
	}
	f := &Folder{Tree: top}
	if dir != "." {
		if f.Tree, err = r.descend(ctx, top, dir); err != nil {
			return nil, fmt.Errorf("%s at %s: %w", redact(r.url), commit, err)
		}
	}
	found, err := r.list(ctx, f.Tree, limits)
	if err != nil {
		return nil, fmt.Errorf("%s at %s: %s: %w", redact(r.url), commit, dir, err)
	}
	slices.SortFunc(found, func(a, b located) int { return strings.Compare(a.path, b.path) })
	blobs := make([]string, len(found))
	for i, file := range found {
		blobs[i] = file.hash
	}
	if len(blobs) == 0 {
		return nil, fmt.Errorf("%s at %s: %s holds no file", redact(r.url), commit, dir)
	}
	if err := r.want(ctx, slices.Compact(slices.Sorted(slices.Values(blobs)))); err != nil {
		return nil, err
	}
	contents, err := r.objects(ctx, blobType, blobs, limits.Bytes)
	if err != nil {
		return nil, err
	}
	for i, file := range found {
		f.Files = append(f.Files, File{Path: file.path, Executable: file.mode == executableMode, Content: contents[i]})
	}
	return f, nil
}

// tree reads one tree.
func (r *repository) tree(ctx context.Context, name string) ([]element, error) {
	raw, err := r.object(ctx, treeType, name, maxTree)
	if err != nil {
		return nil, err
	}
	return parseTree(raw)
}

// descend returns the tree at a path.
func (r *repository) descend(ctx context.Context, tree, dir string) (string, error) {
	parts := strings.Split(dir, "/")
	for i, part := range parts {
		elements, err := r.tree(ctx, tree)
		if err != nil {
			return "", err
		}
		at := slices.IndexFunc(elements, func(e element) bool { return e.name == part })
		if at < 0 || elements[at].mode != folderMode {
			return "", fmt.Errorf("%s is no folder there", strings.Join(parts[:i+1], "/"))
		}
		tree = elements[at].hash
	}
	return tree, nil
}

// located is an element with its path.
type located struct {
	element
	path string
}

// list returns the files below a tree, folder by folder: all trees of one depth are asked for at once.
func (r *repository) list(ctx context.Context, tree string, limits Limits) ([]located, error) {
	var files []located
	level := []located{{element{folderMode, "", tree}, "."}}
	for depth := 0; len(level) > 0; depth++ {
		if depth > maxDepth {
			return nil, fmt.Errorf("folders lie in each other more than %d deep", maxDepth)
		}
		if len(level) > limits.Files {
			return nil, fmt.Errorf("it has more than %d folders", limits.Files)
		}
		names := make([]string, len(level))
		for i, folder := range level {
			names[i] = folder.hash
		}
		raws, err := r.objects(ctx, treeType, names, maxTree)
		if err != nil {
			return nil, err
		}
		var next []located
		for i, raw := range raws {
			elements, err := parseTree(raw)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", level[i].path, err)
			}
			for _, e := range elements {
				at := located{e, path.Join(level[i].path, e.name)}
				switch e.mode {
				case folderMode:
					next = append(next, at)
				case linkMode:
					return nil, fmt.Errorf("%s is a symbolic link: only files and folders are taken", at.path)
				case submoduleMode:
					return nil, fmt.Errorf("%s is a submodule: only files and folders are taken", at.path)
				default:
					files = append(files, at)
				}
			}
			if len(files) > limits.Files {
				return nil, fmt.Errorf("it has more than %d files", limits.Files)
			}
		}
		level = next
	}
	return files, nil
}
