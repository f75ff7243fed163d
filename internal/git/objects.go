package git

import (
	"bytes"
	"context"
	"crypto/sha1" //nolint:gosec // what Git names objects by
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// The types of objects.
const (
	commitType = "commit"
	treeType   = "tree"
	blobType   = "blob"
)

// Bounds of single objects, in bytes.
const (
	maxCommit = 1 << 20
	maxTree   = 16 << 20
)

// object reads one object.
func (r *repository) object(ctx context.Context, kind, name string, limit int64) ([]byte, error) {
	all, err := r.objects(ctx, kind, []string{name}, limit)
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// objects reads objects of one type, in the order of their names, of at most limit bytes together, and hashes each.
func (r *repository) objects(ctx context.Context, kind string, names []string, limit int64) ([][]byte, error) {
	sizes, err := r.sizes(ctx, kind, names)
	if err != nil {
		return nil, err
	}
	total := int64(0)
	for _, size := range sizes {
		if total += size; total > limit {
			return nil, fmt.Errorf("%s: a %s or several have more than %d bytes", redact(r.url), kind, limit)
		}
	}
	in := []byte(strings.Join(names, "\n") + "\n")
	out, err := r.run(ctx, total+int64(len(names))*100, in, "cat-file", "--batch")
	if err != nil {
		return nil, err
	}
	all := make([][]byte, len(names))
	for i, name := range names {
		header, rest, _ := bytes.Cut(out, []byte("\n"))
		size := sizes[i]
		if string(header) != fmt.Sprintf("%s %s %d", name, kind, size) || int64(len(rest)) < size+1 || rest[size] != '\n' {
			return nil, fmt.Errorf("%s: git answers for the %s %s with something else", redact(r.url), kind, name)
		}
		all[i], out = rest[:size:size], rest[size+1:]
		if got := hash(kind, all[i]); got != name {
			return nil, fmt.Errorf("%s: the %s %s has the content of %s", redact(r.url), kind, name, got)
		}
	}
	return all, nil
}

// sizes returns how many bytes each object has.
func (r *repository) sizes(ctx context.Context, kind string, names []string) ([]int64, error) {
	in := []byte(strings.Join(names, "\n") + "\n")
	out, err := r.run(ctx, int64(len(names)+1)*100, in, "cat-file", "--batch-check")
	if err != nil {
		return nil, err
	}
	lines := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	if len(lines) != len(names) {
		return nil, fmt.Errorf("%s: git answers %d lines for %d objects", redact(r.url), len(lines), len(names))
	}
	sizes := make([]int64, len(names))
	for i, name := range names {
		text, ok := strings.CutPrefix(lines[i], name+" "+kind+" ")
		if !ok {
			return nil, fmt.Errorf("%s: %s should be a %s, and git says %.100q", redact(r.url), name, kind, lines[i])
		}
		if sizes[i], err = strconv.ParseInt(text, 10, 64); err != nil || sizes[i] < 0 {
			return nil, fmt.Errorf("%s: the size of %s is %.100q", redact(r.url), name, text)
		}
	}
	return sizes, nil
}

// hash names an object as Git does.
func hash(kind string, content []byte) string {
	h := sha1.New() //nolint:gosec // see above; git itself refuses known collisions
	fmt.Fprintf(h, "%s %d\x00", kind, len(content))
	h.Write(content)
	return hex.EncodeToString(h.Sum(nil))
}

// treeOf returns the tree that a commit's first line names.
func treeOf(commit []byte) (string, error) {
	line, _, _ := bytes.Cut(commit, []byte("\n"))
	name, ok := strings.CutPrefix(string(line), "tree ")
	if !ok || !objectName.MatchString(name) {
		return "", fmt.Errorf("it begins with %.60q instead of its tree", line)
	}
	return name, nil
}
