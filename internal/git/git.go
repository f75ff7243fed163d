// Package git reads a folder of somebody else's Git repository as it was at one commit, and makes sure that the commit belongs to the branch or
// tag that it is said to belong to.
//
// It asks the git command, because that alone fetches a history without its content and then just the objects that are wanted. The command runs
// in a fresh bare repository and an environment of its own: no hook, no submodule, no filter such as LFS, no credentials and no configuration
// of the machine has a part in it, and no working tree is ever made. What git answers is not believed: every object is hashed again here, from
// the commit down, and trees are taken apart by this package's own rules.
package git

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
)

// Source is a folder at a commit.
type Source struct {
	URL    string
	Ref    string // a branch or a tag, by its short name or in full
	Commit string // 40 hex digits
	Path   string // slash-separated; "." is the whole repository
}

// Folder is what lay at a source.
type Folder struct {
	Tree  string // Git's name of the folder's content: 40 hex digits
	Files []File // sorted by path
}

// File is a regular file.
type File struct {
	Path       string // relative to the folder, slash-separated
	Executable bool
	Content    []byte
}

// Limits bounds a folder.
type Limits struct {
	Files int
	Bytes int64 // of all files together
}

// Client reads repositories. It may be used by many goroutines.
type Client struct {
	environ   []string
	protocols string
}

// New returns a client that reaches repositories by https, and by the other protocols given, as git's GIT_ALLOW_PROTOCOL names them. Of the
// environment it uses where programs lie, the proxies, and which certificates to trust.
func New(environ []string, protocols ...string) *Client {
	return &Client{environ: environ, protocols: strings.Join(append([]string{"https"}, protocols...), ":")}
}

// ErrUnreachable says that a commit is no part of the branch or tag that it should belong to.
var ErrUnreachable = errors.New("the commit is no part of it")

var objectName = regexp.MustCompile(`^[0-9a-f]{40}$`)

// Read returns the folder at a source. The error wraps [ErrUnreachable] if the commit is not reachable from the ref: it was rewritten since, or
// the commit comes from a fork, which hosts serve from the same address. A link, a submodule, or a name that is unsafe in a file system is an
// error, wherever in the folder it stands.
func (c *Client) Read(ctx context.Context, s Source, limits Limits) (*Folder, error) {
	if !objectName.MatchString(s.Commit) {
		return nil, fmt.Errorf("%q is no full commit of 40 hex digits", s.Commit)
	}
	r, err := c.open(s.URL)
	if err != nil {
		return nil, err
	}
	defer r.close()
	ref, err := r.resolve(ctx, s.Ref)
	if err != nil {
		return nil, err
	}
	if err := r.history(ctx, ref.Name); err != nil {
		return nil, err
	}
	if err := r.reaches(ctx, ref, s.Commit); err != nil {
		return nil, err
	}
	return r.folder(ctx, s.Commit, s.Path, limits)
}

// Ref is a branch or a tag.
type Ref struct {
	Name   string // in full, such as refs/heads/main
	Commit string // that it stands for
}

// Short returns the name as people write it.
func (r Ref) Short() string {
	return strings.TrimPrefix(strings.TrimPrefix(r.Name, "refs/heads/"), "refs/tags/")
}

// Resolve looks up a branch or a tag; an empty name means the repository's default branch.
func (c *Client) Resolve(ctx context.Context, url, name string) (Ref, error) {
	r, err := c.open(url)
	if err != nil {
		return Ref{}, err
	}
	defer r.close()
	return r.resolve(ctx, name)
}

// repository is a bare one in a temporary folder.
type repository struct {
	client *Client
	url    string
	dir    string
}

func (c *Client) open(url string) (*repository, error) {
	if strings.HasPrefix(url, "-") || !strings.Contains(url, "://") {
		return nil, fmt.Errorf("%q is no address of a Git repository", url)
	}
	dir, err := os.MkdirTemp("", "git-")
	if err != nil {
		return nil, err
	}
	return &repository{client: c, url: url, dir: dir}, nil
}

func (r *repository) close() { _ = os.RemoveAll(r.dir) } // what stays is in the folder for temporary files
