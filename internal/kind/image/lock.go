package image

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/opencontainers/go-digest"

	"github.com/slipway-dev/slipway/internal/entry"
)

// pins is the content of the lock: what a tag stood for. The repository is the entry's; a digest means the same in each.
type pins struct {
	Tag       string        `json:"tag"`
	Digest    digest.Digest `json:"digest"` // of the index, or of the only image
	Platforms []pin         `json:"platforms"`
}

// pin is the image for one platform.
type pin struct {
	Platform string        `json:"platform"` // such as linux/amd64
	Digest   digest.Digest `json:"digest"`   // of the manifest
}

// encode is the only form that a lock may have, so that it cannot be read in two ways.
func (p *pins) encode() ([]byte, error) {
	text, err := json.MarshalIndent(p, "", "  ")
	return append(text, '\n'), err
}

// DriftError says that a tag stands for another image than the entry pins.
type DriftError struct {
	Image string // repository:tag
	Want  string // the digest that the entry pins
	Found string // the digest that the tag stands for now
}

func (e *DriftError) Error() string {
	return fmt.Sprintf("the tag of %s was moved: it stands for %s now, and the entry pins %s; find out what its publisher changed, then "+
		"set image.digest to the new digest, or choose another tag", e.Image, e.Found, e.Want)
}

// UnpinnedError says that an entry does not name the digest that its tag stands for.
type UnpinnedError struct {
	Image string // repository:tag
	Found string // the digest that the tag stands for; empty if it was not looked up
}

func (e *UnpinnedError) Error() string {
	if e.Found == "" {
		return e.Image + " is not pinned: catalogctl lock says which digest to write as image.digest"
	}
	return fmt.Sprintf("%s is not pinned: it stands for %s; write that as image.digest into the entry, and lock again", e.Image, e.Found)
}

// Lock resolves the entry's tag and, below what it stands for, the images for the catalog's platforms. A tag that stands for another digest
// than the entry pins is a *DriftError, and an entry that pins none an *UnpinnedError with the digest to write into it.
func (i *Ecosystem) Lock(ctx context.Context, e entry.Entry, _ fs.FS) (map[string][]byte, error) {
	if e.Image == nil {
		return nil, fmt.Errorf("entry %s names no image", e.ID())
	}
	found, err := i.resolve(ctx, *e.Image)
	if err != nil {
		return nil, err
	}
	if e.Image.Digest == "" {
		return nil, &UnpinnedError{Image: e.Image.Name + ":" + e.Image.Tag, Found: found.Digest.String()}
	}
	text, err := found.encode()
	if err != nil {
		return nil, err
	}
	return map[string][]byte{LockFile: text}, nil
}

// resolve asks what an image's tag stands for, which must be its digest if it has one.
func (i *Ecosystem) resolve(ctx context.Context, image entry.Image) (*pins, error) {
	named, tag := image.Name, image.Tag
	repo, err := i.repository(named)
	if err != nil {
		return nil, err
	}
	raw, found, err := repo.tagged(ctx, tag)
	if err != nil {
		return nil, fmt.Errorf("look up %s:%s: %w", named, tag, err)
	}
	if image.Digest != "" && image.Digest != found.String() {
		return nil, &DriftError{Image: named + ":" + tag, Want: image.Digest, Found: found.String()}
	}
	top, err := parseDocument(raw)
	if err != nil {
		return nil, fmt.Errorf("%s:%s: %w", named, tag, err)
	}
	pinned := &pins{Tag: tag, Digest: found}
	if pinned.Platforms, err = i.platforms(ctx, repo, top, found); err != nil {
		return nil, fmt.Errorf("%s:%s: %w", named, tag, err)
	}
	return pinned, nil
}

// platforms returns the images for those of the catalog's platforms that there are.
func (i *Ecosystem) platforms(ctx context.Context, repo *repository, top *document, of digest.Digest) ([]pin, error) {
	has, only := top.find, ""
	if !top.isIndex() {
		raw, err := repo.small(ctx, top.Config, maxConfig)
		if err != nil {
			return nil, err
		}
		c, err := parseConfig(raw, len(top.Layers))
		if err != nil {
			return nil, err
		}
		only = (&v1.Platform{OS: c.OS, Architecture: c.Architecture, Variant: c.Variant}).String()
	}
	var all []pin
	for _, text := range i.Platforms {
		platform, err := v1.ParsePlatform(text)
		if err != nil {
			return nil, err
		}
		if !top.isIndex() {
			if only == text || only == text+"/v8" {
				all = append(all, pin{text, of})
			}
			continue
		}
		d, ok, err := has(*platform)
		if err != nil {
			return nil, err
		}
		if ok {
			all = append(all, pin{text, d.Digest})
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("it has an image for none of the catalog's platforms, %s%s", strings.Join(i.Platforms, " and "), offered(top, only))
	}
	return all, nil
}

// offered says what there is instead.
func offered(top *document, only string) string {
	if only != "" {
		return fmt.Sprintf(": it is for %.60s", only)
	}
	var names []string
	for _, m := range top.Manifests {
		if m.Platform != nil && m.Platform.OS != "unknown" && len(names) < 8 {
			names = append(names, fmt.Sprintf("%.20s/%.20s", m.Platform.OS, m.Platform.Architecture))
		}
	}
	if len(names) == 0 {
		return ", and an index inside an index is not followed"
	}
	return ": it is for " + strings.Join(names, ", ")
}
