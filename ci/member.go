package main

import (
	"context"
	"fmt"
	"path"
	"strings"

	"dagger/slipway/internal/dagger"
)

// member is an entry as one catalog has it: what its steps work on.
type member struct {
	Slipway *Slipway
	Source  *dagger.Directory // the catalog
	Folder  string            // of the entry within it

	Kind string
	Name string
}

func (m *member) id() string { return m.Kind + "/" + m.Name }

// in looks the entry up in a catalog.
func (e *Entry) in(ctx context.Context, source *dagger.Directory) (*member, error) {
	patterns := []string{path.Join("catalog", e.Kind, e.Name)}
	if e.Kind == anyKind || e.Kind == skill {
		patterns = append(patterns, path.Join("skills", e.Name))
	}
	var found []string
	for _, pattern := range patterns {
		files, err := source.Glob(ctx, path.Join(pattern, "entry.cue"))
		if err != nil {
			return nil, fmt.Errorf("look for the entry %s: %w", e.asked(), err)
		}
		found = append(found, files...)
	}
	switch len(found) {
	case 0:
		return nil, fmt.Errorf("the catalog has no entry %s: there is no %s/entry.cue", e.asked(), strings.Join(patterns, "/entry.cue and no "))
	case 1:
		folder := path.Dir(found[0])
		kind := path.Base(path.Dir(folder))
		if kind == "skills" {
			kind = skill
		}
		return &member{Slipway: e.Slipway, Source: source, Folder: folder, Kind: kind, Name: path.Base(folder)}, nil
	default:
		return nil, fmt.Errorf("%s stands for several entries, name one with its kind: %s", e.asked(), strings.Join(found, ", "))
	}
}

// asked is the name by which the entry was asked for.
func (e *Entry) asked() string {
	if e.Kind == anyKind {
		return e.Name
	}
	return e.Kind + "/" + e.Name
}
