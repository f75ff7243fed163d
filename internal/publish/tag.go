package publish

import (
	"context"
	"errors"
	"fmt"

	"github.com/slipway-dev/slipway/internal/verify"
)

// TagConflictError says that a tag already stands for another image.
type TagConflictError struct {
	Repository string
	Tag        string
	Found      string // the digest that the tag stands for
	Want       string // the digest that was to be published under it
}

func (e *TagConflictError) Error() string {
	return fmt.Sprintf("the tag %s already stands for %s and is never moved; to publish %s, raise revision in the entry, which makes a new tag",
		e.Tag, e.Found, e.Want)
}

// checkTag reports whether the tag stands for this image already.
func (p *publisher) checkTag(ctx context.Context) (bool, error) {
	found, err := p.reader.Resolve(ctx, p.tag)
	switch {
	case errors.Is(err, verify.ErrNotFound):
		return false, nil
	case err != nil:
		return false, err
	case found != p.Digest:
		return false, &TagConflictError{Repository: p.repository.Name(), Tag: p.Tag, Found: found, Want: p.Digest}
	}
	return true, nil
}

// putTag sets the tag. Between the check and this there is a moment in which somebody else may set it: registries know no conditional
// request for tags, so what remains is to look again immediately before.
func (p *publisher) putTag(ctx context.Context) error {
	tagged, err := p.checkTag(ctx)
	if err != nil || tagged {
		return err
	}
	return p.put(ctx, p.tag, p.image.index)
}
