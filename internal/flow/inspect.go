package flow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/slipway-dev/slipway/internal/catalog"
	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/inspect"
	"github.com/slipway-dev/slipway/internal/observation"
	"github.com/slipway-dev/slipway/internal/staging"
)

// inspectVersion changes when the same image could be observed differently by a new version of the inspection.
const inspectVersion = "3"

// needsAuthentication is what there is to say of a server that answers nobody whom it does not know.
const needsAuthentication = "alive, needs authentication"

// Inspected is what a built server said of itself.
type Inspected struct {
	inspect.Result
	Platform v1.Platform // that was booted
	Encoded  []byte      // the observation as tools.json holds it
}

// keptInspection is an Inspected in the cache.
type keptInspection struct {
	Observation observation.Observation `json:"observation"`
	Report      inspect.Report          `json:"report"`
}

// Inspect asks an item's server for all that it declares: boots its image for this machine's platform, or connects to where it is hosted. An
// image that was inspected before, in the same way, is not booted again. If the server is at fault, the error holds an *inspect.Failure.
// What holds no server gives nil.
func (l *Line) Inspect(ctx context.Context, item catalog.Item, b *Built) (*Inspected, error) {
	if !b.Hosted() && !b.bootable() {
		return nil, nil //nolint:nilnil // nothing to inspect is no error
	}
	o := &Inspected{}
	err := l.step(item, "inspect", func() (string, bool, error) {
		var unchanged bool
		var err error
		if b.Hosted() {
			err = l.connect(ctx, item, o)
		} else {
			unchanged, err = l.bootOnce(ctx, item, b, o)
		}
		if err != nil {
			return "", false, err
		}
		if o.Encoded, err = observation.Encode(o.Observation); err != nil {
			return "", false, err
		}
		detail := fmt.Sprintf("%d tools, the first list after %s", len(o.Observation.Tools), o.Report.FirstTools.Round(10*time.Millisecond))
		if o.Observation.Auth != nil {
			detail = needsAuthentication
		}
		return detail, unchanged, nil
	})
	if err != nil {
		return nil, err
	}
	return o, nil
}

// connect asks a server that somebody else runs.
func (l *Line) connect(ctx context.Context, item catalog.Item, o *Inspected) error {
	result, err := inspect.Remote(ctx, inspect.RemoteInput{Entry: item.Entry, Transport: l.Remote})
	if err != nil {
		return err
	}
	o.Result = *result
	return nil
}

// ask is connect for an entry that is yet to be written.
func (l *Line) ask(ctx context.Context, e entry.Entry) (observation.Observation, error) {
	var o Inspected
	err := l.connect(ctx, catalog.Item{Entry: e}, &o)
	return o.Observation, err
}

// bootOnce boots an image, unless that was done before.
func (l *Line) bootOnce(ctx context.Context, item catalog.Item, b *Built, o *Inspected) (unchanged bool, err error) {
	o.Platform = hostPlatform()
	kept, err := l.inspection(item, b)
	if err != nil {
		return false, err
	}
	if o.Result, err = readInspection(kept); err == nil {
		return true, nil
	}
	if o.Result, err = l.boot(ctx, item, b, o.Platform); err != nil {
		return false, err
	}
	return false, writeInspection(kept, o.Result)
}

// boot runs the image in the sandbox.
func (l *Line) boot(ctx context.Context, item catalog.Item, b *Built, platform v1.Platform) (inspect.Result, error) {
	runtime, err := l.sandbox(ctx)
	if err != nil {
		return inspect.Result{}, err
	}
	image, err := b.image(platform)
	if err != nil {
		return inspect.Result{}, err
	}
	result, err := inspect.Inspect(ctx, runtime, inspect.Input{Image: image, Platform: platform, Entry: item.Entry, Memory: l.Memory})
	if err != nil {
		return inspect.Result{}, err
	}
	return *result, nil
}

// image returns the image for a platform: from the layout that was built, or from where others keep theirs.
func (b *Built) image(platform v1.Platform) (v1.Image, error) {
	for _, found := range b.Platforms {
		if !found.Platform.Satisfies(platform) {
			continue
		}
		if b.Foreign() {
			return b.artifact.Index.Image(found.Digest)
		}
		return b.Image(found.Digest)
	}
	return nil, fmt.Errorf("there is no image for %s, which this machine could boot: see platforms in %s", platform, catalog.SettingsFile)
}

// inspection returns the cache file for what an item's image, started as the entry says, declares.
func (l *Line) inspection(item catalog.Item, b *Built) (string, error) {
	e := item.Entry
	key, err := json.Marshal([]any{inspectVersion, b.Digest.String(), e.Inspect, e.Transport, e.Args})
	if err != nil {
		return "", err
	}
	return filepath.Join(l.Cache, "inspections", sha256Of(key)[len("sha256:"):]+".json"), nil
}

// readInspection reads a cache file. Any error means that there is no usable one.
func readInspection(name string) (inspect.Result, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return inspect.Result{}, err
	}
	var kept keptInspection
	err = json.Unmarshal(data, &kept)
	return inspect.Result{Observation: kept.Observation, Report: kept.Report}, err
}

func writeInspection(name string, r inspect.Result) error {
	data, err := json.Marshal(keptInspection{Observation: r.Observation, Report: r.Report})
	if err != nil {
		return err
	}
	file, err := staging.New(filepath.Join(filepath.Dir(name), "partial")).Create()
	if err != nil {
		return err
	}
	defer file.Discard()
	if _, err := file.Write(data); err != nil {
		return err
	}
	return file.Install(name)
}

// WriteObservation makes what a server said its committed tools.json, and reports whether that changes it.
func (l *Line) WriteObservation(item catalog.Item, o *Inspected) (changed bool, err error) {
	target := filepath.Join(l.folder(item), catalog.ObservationFile)
	old, err := os.ReadFile(target)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	if err == nil && string(old) == string(o.Encoded) {
		return false, nil
	}
	return true, staging.Replace(target, o.Encoded)
}
