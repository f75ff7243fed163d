package github

import (
	"context"
	"fmt"
	"regexp"
	"strconv"

	api "github.com/google/go-github/v62/github"
)

// MaxComment is how long the text of a comment may be, in bytes: GitHub takes 65,536 characters, of which a mark takes some.
const MaxComment = 65536 - maxMark

// maxMark bounds the line by which a comment is found again.
const maxMark = 100

// robot is whose comments a workflow's own token writes.
const robot = "github-actions[bot]"

// Attempt is one attempt of a run: those that were started again keep their number.
type Attempt struct {
	Run    int64
	Number int // from 1
}

// CurrentAttempt returns the attempt that this process is part of.
func CurrentAttempt(getenv func(string) string) (Attempt, error) {
	run, err := strconv.ParseInt(getenv("GITHUB_RUN_ID"), 10, 64)
	if err != nil {
		return Attempt{}, fmt.Errorf("GITHUB_RUN_ID: %w", err)
	}
	number, err := strconv.Atoi(getenv("GITHUB_RUN_ATTEMPT"))
	if err != nil {
		return Attempt{}, fmt.Errorf("GITHUB_RUN_ATTEMPT: %w", err)
	}
	return Attempt{run, number}, nil
}

// before reports whether an attempt is older than another one.
func (a Attempt) before(b Attempt) bool {
	return a.Run < b.Run || a.Run == b.Run && a.Number < b.Number
}

// mark is the first line of a comment, which is not shown.
func (a Attempt) mark() string {
	return fmt.Sprintf("<!-- catalogctl: run %d attempt %d -->\n", a.Run, a.Number)
}

var markPattern = regexp.MustCompile(`^<!-- catalogctl: run ([0-9]{1,18}) attempt ([0-9]{1,9}) -->\r?\n`)

// marked returns the attempt that a comment tells of.
func marked(body string) (Attempt, bool) {
	match := markPattern.FindStringSubmatch(body)
	if match == nil {
		return Attempt{}, false
	}
	run, _ := strconv.ParseInt(match[1], 10, 64) // the pattern allows nothing that could fail
	number, _ := strconv.Atoi(match[2])
	return Attempt{run, number}, true
}

// Comment is the one comment of workflows on a pull request.
type Comment struct {
	repository *Repository
	pull       int
	id         int64 // 0 if there is none yet
	about      Attempt
}

// FindComment looks for the comment of workflows on a pull request. One that somebody else wrote in its likeness is not it.
func (r *Repository) FindComment(ctx context.Context, pull int) (*Comment, error) {
	c := &Comment{repository: r, pull: pull}
	err := pages(fmt.Sprintf("the comments on #%d", pull), func(page api.ListOptions) (*api.Response, error) {
		comments, resp, err := r.client.Issues.ListComments(ctx, r.owner, r.name, pull, &api.IssueListCommentsOptions{ListOptions: page})
		if err != nil {
			return nil, err
		}
		for _, one := range comments {
			about, found := marked(one.GetBody())
			if found && one.GetUser().GetLogin() == robot {
				c.id, c.about = one.GetID(), about
				resp.NextPage = 0
				break
			}
		}
		return resp, nil
	})
	return c, err
}

// Tells reports whether the comment tells of an attempt already, or of a later one.
func (c *Comment) Tells(about Attempt) bool { return c.id != 0 && !c.about.before(about) }

// Write makes the comment say text, which tells of an attempt, and creates it if there is none yet. A comment that tells of that attempt, or of
// a later one, is left as it is.
func (c *Comment) Write(ctx context.Context, about Attempt, text string) error {
	if len(text) > MaxComment {
		return fmt.Errorf("the comment on #%d has %d bytes, and GitHub takes %d", c.pull, len(text), MaxComment)
	}
	if c.Tells(about) {
		return nil
	}
	body := about.mark() + text
	r, message := c.repository, &api.IssueComment{Body: &body}
	var written *api.IssueComment
	var err error
	if c.id == 0 {
		written, _, err = r.client.Issues.CreateComment(ctx, r.owner, r.name, c.pull, message)
	} else {
		written, _, err = r.client.Issues.EditComment(ctx, r.owner, r.name, c.id, message)
	}
	if err != nil {
		return fmt.Errorf("comment on #%d: %w", c.pull, err)
	}
	c.id, c.about = written.GetID(), about
	return nil
}
