package registry

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"path"
	"slices"
	"strings"

	"cuelabs.dev/go/oci/ociregistry"
	"cuelabs.dev/go/oci/ociregistry/ociref"
	"github.com/opencontainers/go-digest"
)

// placeTag points the tag at a manifest that is already there, and puts it on the disk with all that came before.
func (s *store) placeTag(repo, tag string, d ociregistry.Descriptor) error {
	name := tagPath(repo, tag)
	if err := s.placeDescriptor(name, d); err != nil {
		return err
	}
	return s.syncFolder(path.Dir(name))
}

func (s *store) ResolveTag(ctx context.Context, repo, tag string) (ociregistry.Descriptor, error) {
	if err := checkName(repo); err != nil {
		return ociregistry.Descriptor{}, err
	}
	if !ociref.IsValidTag(tag) {
		return ociregistry.Descriptor{}, ociregistry.ErrManifestUnknown
	}
	desc, err := s.descriptor(tagPath(repo, tag), ociregistry.ErrManifestUnknown)
	if err != nil {
		return desc, err
	}
	return s.ResolveManifest(ctx, repo, desc.Digest) // which may have been deleted
}

func (s *store) GetTag(ctx context.Context, repo, tag string) (ociregistry.BlobReader, error) {
	desc, err := s.ResolveTag(ctx, repo, tag)
	if err != nil {
		return nil, err
	}
	return s.GetManifest(ctx, repo, desc.Digest)
}

func (s *store) DeleteTag(ctx context.Context, repo, tag string) error {
	if _, err := s.ResolveTag(ctx, repo, tag); err != nil {
		return err
	}
	return s.remove(tagPath(repo, tag))
}

func (s *store) deleteTagsOf(_ context.Context, repo string, d digest.Digest) error {
	tags, err := s.names(tagsPath(repo))
	if err != nil {
		return err
	}
	for _, tag := range tags {
		desc, err := s.descriptor(tagPath(repo, tag), ociregistry.ErrManifestUnknown)
		if errors.Is(err, ociregistry.ErrManifestUnknown) {
			continue
		}
		if err != nil {
			return err
		}
		if desc.Digest != d {
			continue
		}
		if err := s.remove(tagPath(repo, tag)); err != nil {
			return err
		}
	}
	return nil
}

func (s *store) Tags(_ context.Context, repo, after string) iter.Seq2[string, error] {
	if err := checkName(repo); err != nil {
		return ociregistry.ErrorSeq[string](err)
	}
	known, err := s.exists(manifestsPath(repo))
	if err != nil {
		return ociregistry.ErrorSeq[string](err)
	}
	if !known {
		return ociregistry.ErrorSeq[string](ociregistry.ErrNameUnknown)
	}
	tags, err := s.names(tagsPath(repo))
	if err != nil {
		return ociregistry.ErrorSeq[string](err)
	}
	return ociregistry.SliceSeq(later(tags, after))
}

// Repositories lists the repositories that hold, or held, a manifest.
func (s *store) Repositories(_ context.Context, after string) iter.Seq2[string, error] {
	var repos []string
	err := fs.WalkDir(s.root.FS(), repositoryFolder, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if !entry.IsDir() || !strings.HasPrefix(entry.Name(), "_") {
			return nil
		}
		if entry.Name() == "_manifests" {
			repos = append(repos, strings.TrimPrefix(path.Dir(name), repositoryFolder+"/"))
		}
		return fs.SkipDir
	})
	if err != nil {
		return ociregistry.ErrorSeq[string](fmt.Errorf("list repositories: %w", err))
	}
	slices.Sort(repos) // "a-b" comes before "a/b", other than in the walk
	return ociregistry.SliceSeq(later(repos, after))
}

// later returns the part of a sorted list that comes after a name.
func later(names []string, after string) []string {
	if after == "" {
		return names
	}
	i, found := slices.BinarySearch(names, after)
	if found {
		i++
	}
	return names[i:]
}
