package flow

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/slipway-dev/slipway/internal/bounded"
	"github.com/slipway-dev/slipway/internal/build"
	"github.com/slipway-dev/slipway/internal/catalog"
	"github.com/slipway-dev/slipway/internal/engine"
	"github.com/slipway-dev/slipway/internal/gate"
	"github.com/slipway-dev/slipway/internal/kind"
	"github.com/slipway-dev/slipway/internal/observation"
	"github.com/slipway-dev/slipway/internal/publish"
	"github.com/slipway-dev/slipway/internal/record"
	"github.com/slipway-dev/slipway/internal/staging"
)

// maxReport bounds one file of a report, in bytes.
const maxReport = 64 << 20

// ReleaseOn takes an item the whole way as Release does, where each step runs on the engine. What comes of it, here and in the registry, is the same.
func (l *Line) ReleaseOn(ctx context.Context, item catalog.Item, e *engine.Engine) (*Released, error) {
	folder, err := os.MkdirTemp("", "slipway-engine-")
	if err != nil {
		return &Released{}, err
	}
	defer func() { _ = os.RemoveAll(folder) }() // nothing of it is needed any more
	ecosystem, err := l.ecosystem(item.Entry)
	if err != nil {
		return &Released{}, err
	}
	_, hosted := ecosystem.(kind.Hosted)
	r := &Released{Built: &Built{}}
	id := item.Entry.ID()
	// Of what is booted and judged there is one report.
	report := sync.OnceValues(func() (map[string][]byte, error) { return judgedOn(ctx, id, e, filepath.Join(folder, "reports")) })
	for _, step := range []struct {
		name string
		skip bool
		run  func() (string, bool, error)
	}{
		{"build", hosted, func() (string, bool, error) {
			r.Built, err = l.buildOn(ctx, item, e)
			if err != nil {
				return "", false, err
			}
			return r.Built.Digest.String(), r.Built.Unchanged, nil
		}},
		{"inspect", item.Entry.Transport == nil, func() (string, bool, error) {
			files, err := report()
			if err != nil {
				return "", false, err
			}
			if r.Inspected, err = inspectedOn(files, e); err != nil {
				return "", false, err
			}
			if r.Inspected.Observation.Auth != nil {
				return needsAuthentication, false, nil
			}
			return fmt.Sprintf("%d tools", len(r.Inspected.Observation.Tools)), false, nil
		}},
		{"scan", false, func() (string, bool, error) {
			files, err := report()
			if err != nil {
				return "", false, err
			}
			r.Scanned, err = l.scannedOn(item, files, e, r)
			if err != nil {
				return "", false, err
			}
			return fmt.Sprintf("%d blocking, %d warnings, %d waived", r.Scanned.Count(gate.Blocking), r.Scanned.Count(gate.Warning), r.Scanned.Count(gate.Waived)), false, nil
		}},
		{"publish", hosted, func() (string, bool, error) {
			r.Published, err = l.publishOn(ctx, item, e, filepath.Join(folder, record.File), r.Built)
			if err != nil {
				return "", false, err
			}
			return r.Published.Reference, false, nil
		}},
	} {
		if step.skip {
			continue
		}
		if err := l.step(item, step.name, step.run); err != nil {
			var failed *engine.FailedError
			if errors.As(err, &failed) {
				failed.Message = strings.TrimPrefix(failed.Message, id+": ")
			}
			return r, err
		}
		if r.Scanned != nil && !r.Scanned.Verdict.Pass {
			return r, ErrGate
		}
	}
	return r, nil
}

// buildOn has the item built, and brings its layout here if it is not here yet. The image of others has none; it is what the entry pins.
func (l *Line) buildOn(ctx context.Context, item catalog.Item, e *engine.Engine) (*Built, error) {
	id := item.Entry.ID()
	if image := item.Entry.Image; image != nil {
		digest, err := v1.NewHash(image.Digest)
		if err != nil {
			return nil, fmt.Errorf("%s is not pinned: %w: run 'catalogctl lock %s', which says which digest to write", id, err, item.Entry.Name)
		}
		return &Built{Result: &build.Result{Digest: digest, Tag: build.Version(item.Entry)}, artifact: &kind.Artifact{Foreign: true}}, nil
	}
	digest, err := e.Digest(ctx, id)
	if err != nil {
		return nil, err
	}
	var came []v1.Hash
	result, err := build.Fetched(ctx, filepath.Join(l.Out, filepath.FromSlash(id)), digest, func(folder string) (err error) {
		came, err = l.layoutOn(ctx, id, e, folder)
		return err
	})
	if err == nil {
		err = l.keep(result.Path, came)
	}
	if err != nil {
		return nil, fmt.Errorf("the layout of %s from the engine %s: %w", id, e.URL, err)
	}
	return &Built{Result: result}, nil
}

// layoutOn brings an item's layout into a folder, and returns which blobs came from the engine: layers that are here already, as those of a base
// mostly are, need not.
func (l *Line) layoutOn(ctx context.Context, id string, e *engine.Engine, folder string) (came []v1.Hash, err error) {
	blobs, err := e.Blobs(ctx, id)
	if err != nil {
		return nil, err
	}
	here := map[v1.Hash]string{}
	var without []v1.Hash
	for _, digest := range blobs {
		if file, ok := l.layers.Blob(digest); ok {
			here[digest], without = file, append(without, digest)
		} else {
			came = append(came, digest)
		}
	}
	if err := e.Layout(ctx, id, folder, without); err != nil {
		return nil, err
	}
	for digest, file := range here {
		if err := build.Place(file, folder, digest); err != nil {
			return nil, err
		}
	}
	return came, nil
}

// keep keeps the layers among blobs of a layout, for others that stand on the same base.
func (l *Line) keep(layout string, blobs []v1.Hash) error {
	const smallest = 1 << 20 // others are not worth the while, and manifests are none
	for _, digest := range blobs {
		file := build.BlobFile(layout, digest)
		if info, err := os.Stat(file); err != nil {
			return err
		} else if info.Size() < smallest {
			continue
		}
		if err := l.layers.Keep(file, digest); err != nil {
			return err
		}
	}
	return nil
}

// judgedOn has an item booted and judged, in one call, as each is a container more on the engine. It brings the reports here, by way of a folder.
func judgedOn(ctx context.Context, id string, e *engine.Engine, folder string) (map[string][]byte, error) {
	if err := e.Scan(ctx, id, folder); err != nil {
		return nil, err
	}
	files, err := readReports(folder)
	if err != nil {
		return nil, fmt.Errorf("the report of the engine %s on %s: %w", e.URL, id, err)
	}
	return files, nil
}

// inspectedOn reads from reports what the server said, and how the session with it went.
func inspectedOn(files map[string][]byte, e *engine.Engine) (*Inspected, error) {
	seen := &Inspected{Encoded: files[catalog.ObservationFile]}
	var err error
	if seen.Observation, err = observation.Decode(bytes.NewReader(seen.Encoded)); err != nil {
		return nil, fmt.Errorf("%s of the engine %s: %w", catalog.ObservationFile, e.URL, err)
	}
	if err := json.Unmarshal(files[sessionFile], &seen.Report); err != nil {
		return nil, fmt.Errorf("%s of the engine %s: %w", sessionFile, e.URL, err)
	}
	return seen, nil
}

// scannedOn reads from reports what the scanners and the gate said, and keeps them.
func (l *Line) scannedOn(item catalog.Item, files map[string][]byte, e *engine.Engine, r *Released) (*Scanned, error) {
	var report verdictReport
	if err := json.Unmarshal(files[verdictFile], &report); err != nil {
		return nil, fmt.Errorf("%s of the engine %s: %w", verdictFile, e.URL, err)
	}
	var digest string
	if !r.Built.Hosted() {
		digest = r.Built.Digest.String()
	}
	if report.Entry != item.Entry.ID() || report.Digest != digest {
		return nil, fmt.Errorf("the report of the engine %s is about %q, %s", e.URL, report.Entry, report.Digest)
	}
	if r.Built.Foreign() {
		var err error
		if r.Built.Platforms, err = images(report.Platforms); err != nil {
			return nil, fmt.Errorf("%s of the engine %s: %w", verdictFile, e.URL, err)
		}
	}
	return &Scanned{Reports: report.Reports, Verdict: report.Verdict, SARIF: files[sarifFile]}, l.writeReportFiles(item, files)
}

// images reads the platforms of a report.
func images(platforms []record.Platform) ([]build.Image, error) {
	list := make([]build.Image, len(platforms))
	for i, p := range platforms {
		platform, err := v1.ParsePlatform(p.Platform)
		if err != nil {
			return nil, err
		}
		digest, err := v1.NewHash(p.Digest)
		if err != nil {
			return nil, err
		}
		list[i] = build.Image{Platform: *platform, Digest: digest, Size: p.Size}
	}
	return list, nil
}

// readReports reads the files of a folder.
func readReports(folder string) (map[string][]byte, error) {
	inside, err := os.OpenRoot(folder)
	if err != nil {
		return nil, err
	}
	defer inside.Close()
	root := inside.FS()
	entries, err := fs.ReadDir(root, ".")
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for _, entry := range entries {
		if files[entry.Name()], err = bounded.File(root, entry.Name(), maxReport); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// publishOn has the item published, and brings its record here, by way of a file.
func (l *Line) publishOn(ctx context.Context, item catalog.Item, e *engine.Engine, file string, b *Built) (*publish.Result, error) {
	if err := e.Release(ctx, item.Entry.ID(), path.Join(item.Dir, record.File), file); err != nil {
		return nil, err
	}
	published, err := record.Read(os.DirFS(filepath.Dir(file)))
	if err != nil {
		return nil, fmt.Errorf("from the engine %s: %w", e.URL, err)
	}
	if published.Digest != b.Digest.String() || published.Tag != b.Tag {
		return nil, fmt.Errorf("the engine %s published %s as %s instead of %s as %s", e.URL, published.Digest, published.Tag, b.Digest, b.Tag)
	}
	text, err := published.Encode()
	if err != nil {
		return nil, err
	}
	target := filepath.Join(l.folder(item), record.File)
	if old, err := os.ReadFile(target); err != nil || string(old) != string(text) {
		if err := staging.Replace(target, text); err != nil {
			return nil, err
		}
	}
	reference := l.Repository(item) + ":" + b.Tag
	if b.Foreign() { // only evidence is published, and a tag would say more
		reference = l.Repository(item)
	}
	return &publish.Result{Reference: reference + "@" + b.Digest.String(), Digest: b.Digest.String()}, nil
}
