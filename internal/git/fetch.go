package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

const (
	maxRefs = 1 << 20 // bytes of an answer about the refs that were asked for
	ourRef  = "refs/slipway/ref"
)

var refName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._/-]{0,250}$`)

// resolve asks what a ref stands for, by all names that it can have.
func (r *repository) resolve(ctx context.Context, name string) (Ref, error) {
	if name != "" && (!refName.MatchString(name) || strings.Contains(name, "..")) {
		return Ref{}, fmt.Errorf("%q is no name of a branch or a tag", name)
	}
	if _, err := os.Stat(filepath.Join(r.dir, "HEAD")); errors.Is(err, os.ErrNotExist) {
		if _, err := r.run(ctx, maxMessage, nil, "init", "--quiet", "--bare", "--template=", "--object-format=sha1"); err != nil {
			return Ref{}, err
		}
	}
	candidates := []string{"refs/heads/" + name, "refs/tags/" + name}
	args := []string{"ls-remote", "--quiet", "--symref", "--end-of-options", r.url}
	switch {
	case name == "":
		candidates = nil
		args = append(args, "HEAD")
	case strings.HasPrefix(name, "refs/"):
		candidates = []string{name}
	}
	for _, c := range candidates {
		args = append(args, c, c+"^{}")
	}
	out, err := r.run(ctx, maxRefs, nil, args...)
	if err != nil {
		return Ref{}, err
	}
	found := map[string]string{}
	for line := range strings.Lines(string(out)) {
		value, ref, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		if target, isLink := strings.CutPrefix(value, "ref: "); ok && isLink && name == "" {
			candidates = append(candidates, target)
		} else if ok && objectName.MatchString(value) {
			found[ref] = value
		}
	}
	if name == "" && len(candidates) == 1 {
		found[candidates[0]] = found["HEAD"]
	}
	var refs []Ref
	for _, c := range candidates {
		commit := found[c+"^{}"] // of an annotated tag
		if commit == "" {
			commit = found[c]
		}
		if commit != "" && refName.MatchString(c) {
			refs = append(refs, Ref{Name: c, Commit: commit})
		}
	}
	switch {
	case len(refs) == 1:
		return refs[0], nil
	case len(refs) > 1:
		return Ref{}, fmt.Errorf("%s has a branch and a tag called %s: write refs/heads/%s or refs/tags/%s", redact(r.url), name, name, name)
	case name == "":
		return Ref{}, fmt.Errorf("%s does not say which branch is its default: name one", redact(r.url))
	}
	return Ref{}, fmt.Errorf("%s has no branch or tag %q: it was removed or renamed, or never was", redact(r.url), name)
}

// partial makes the repository one that has not everything, for this command alone: otherwise git would fetch what is missing by itself.
func (r *repository) partial(filter string) []string {
	return []string{
		"-c", "remote.origin.url=" + r.url, "-c", "remote.origin.promisor=true", "-c", "remote.origin.partialCloneFilter=" + filter,
		"-c", "extensions.partialClone=origin", "-c", "fetch.negotiationAlgorithm=noop",
		"fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-gc", "--no-recurse-submodules", "--filter=" + filter,
	}
}

// history fetches the commits of a ref, from a host that can without their content.
func (r *repository) history(ctx context.Context, ref string) error {
	_, err := r.run(ctx, maxMessage, nil, append(r.partial("tree:0"), "--end-of-options", "origin", "+"+ref+":"+ourRef)...)
	return err
}

// reaches checks that a commit is the ref's or an ancestor of it.
func (r *repository) reaches(ctx context.Context, ref Ref, commit string) error {
	_, err := r.run(ctx, maxMessage, nil, "merge-base", "--is-ancestor", commit, ourRef+"^{commit}")
	switch status(err) {
	case -1:
		return err
	case 1, 128: // it is somewhere else, or nowhere
		return fmt.Errorf("commit %s and %s of %s: %w: if the ref was rewritten, choose a commit that it has now", commit, ref.Short(), redact(r.url), ErrUnreachable)
	}
	return err
}

// want fetches objects that are missing. Below a tree come all trees, but no files.
func (r *repository) want(ctx context.Context, names []string) error {
	missing, err := r.missing(ctx, names)
	if err != nil || len(missing) == 0 {
		return err
	}
	in := []byte(strings.Join(missing, "\n") + "\n")
	_, err = r.run(ctx, maxMessage, in, append(r.partial("blob:none"), "--stdin", "--end-of-options", "origin")...)
	return err
}

// missing returns those of the objects that are not here.
func (r *repository) missing(ctx context.Context, names []string) ([]string, error) {
	var in bytes.Buffer
	for _, name := range names {
		fmt.Fprintln(&in, name)
	}
	out, err := r.run(ctx, int64(len(names)+1)*100, in.Bytes(), "cat-file", "--batch-check=%(objectname)")
	if err != nil {
		return nil, err
	}
	var missing []string
	for line := range strings.Lines(string(out)) {
		if name, ok := strings.CutSuffix(strings.TrimSuffix(line, "\n"), " missing"); ok && slices.Contains(names, name) {
			missing = append(missing, name)
		}
	}
	return missing, nil
}
