package image

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/slipway-dev/slipway/internal/kind"
)

func TestLockPinsWhatTheTagStandsFor(t *testing.T) {
	t.Parallel()
	r := newRegistry(t)
	top := r.honest()
	i := ecosystem(t)
	e := r.entry(top.Digest)
	files, err := i.Lock(t.Context(), e, fstest.MapFS{})
	if err != nil {
		t.Fatal(err)
	}
	text := string(files[LockFile])
	for _, want := range []string{`"tag": "1.2.3"`, top.Digest.String(), `"platform": "linux/amd64"`, `"platform": "linux/arm64"`} {
		if !strings.Contains(text, want) {
			t.Errorf("the lock lacks %s:\n%s", want, text)
		}
	}
	if strings.Contains(text, "127.0.0.1") {
		t.Error("the lock names the registry's address")
	}
	if err := i.CheckLock(e, fstest.MapFS{LockFile: {Data: files[LockFile]}}); err != nil {
		t.Errorf("its own lock is refused: %v", err)
	}
}

// TestLockNeverFollowsATagThatMoved publishes a version twice.
func TestLockNeverFollowsATagThatMoved(t *testing.T) {
	t.Parallel()
	r := newRegistry(t)
	first := r.honest()
	second := r.store(r.draw("amd64", archive(file{name: "server", content: "another"})), "1.2.3")
	_, err := ecosystem(t).Lock(t.Context(), r.entry(first.Digest), fstest.MapFS{})
	var drift *DriftError
	if !errors.As(err, &drift) || drift.Found != second.Digest.String() || drift.Want != first.Digest.String() {
		t.Fatalf("want a drift from %s to %s, got %v", first.Digest, second.Digest, err)
	}
}

func TestLockSaysWhatToPin(t *testing.T) {
	t.Parallel()
	r := newRegistry(t)
	top := r.honest()
	i := ecosystem(t)
	_, err := i.Lock(t.Context(), r.entry(""), fstest.MapFS{})
	var unpinned *UnpinnedError
	if !errors.As(err, &unpinned) || !strings.Contains(err.Error(), top.Digest.String()) {
		t.Fatalf("want the digest %s to pin, got %v", top.Digest, err)
	}
	if err := i.CheckLock(r.entry(""), fstest.MapFS{}); err != nil {
		t.Errorf("an entry without a digest needs no lock: %v", err)
	}
	if _, err := i.Artifact(t.Context(), r.entry(""), fstest.MapFS{}); !errors.As(err, &unpinned) {
		t.Errorf("an image without a digest was taken: %v", err)
	}
}

// TestLockTakesTheImagesThatThereAre meets images for less, more and other platforms than the catalog's.
func TestLockTakesTheImagesThatThereAre(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		make func(r *registry) ocispec.Descriptor
		want string // the platforms in the lock, or a part of the error
	}{
		"one image": {func(r *registry) ocispec.Descriptor {
			return r.store(r.draw("arm64", archive(file{name: "a"})), "1.2.3")
		}, "linux/arm64"},
		"one of Docker's": {func(r *registry) ocispec.Descriptor {
			p := r.draw("amd64", archive(file{name: "a"}))
			p.manifest.MediaType = dockerManifest
			p.manifest.Layers[0].MediaType = dockerLayer
			return r.store(p, "1.2.3")
		}, "linux/amd64"},
		"variants": {func(r *registry) ocispec.Descriptor {
			usual := r.store(r.draw("arm64", archive(file{name: "a"})), "")
			usual.Platform.Variant = "v8"
			later := r.store(r.draw("amd64", archive(file{name: "b"})), "")
			later.Platform.Variant = "v3"
			return r.index("1.2.3", later, usual)
		}, "linux/arm64"},
		"another system": {func(r *registry) ocispec.Descriptor {
			p := r.draw("amd64", archive(file{name: "a"}))
			p.config.OS = "windows"
			return r.index("1.2.3", r.store(p, ""))
		}, "it has an image for none of the catalog's platforms, linux/amd64 and linux/arm64: it is for windows/amd64"},
		"two for a platform": {func(r *registry) ocispec.Descriptor {
			return r.index("1.2.3", r.store(r.draw("amd64", archive(file{name: "a"})), ""), r.store(r.draw("amd64", archive(file{name: "b"})), ""))
		}, "the index has 2 images for linux/amd64"},
		"index in an index": {func(r *registry) ocispec.Descriptor {
			inner := r.index("", r.store(r.draw("amd64", archive(file{name: "a"})), ""))
			return r.index("1.2.3", inner)
		}, "an index inside an index is not followed"},
		"index for a platform": {func(r *registry) ocispec.Descriptor {
			inner := r.index("", r.store(r.draw("amd64", archive(file{name: "a"})), ""))
			inner.Platform = &ocispec.Platform{OS: "linux", Architecture: "amd64"}
			return r.index("1.2.3", inner)
		}, "want the manifest of an image"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRegistry(t)
			top := c.make(r)
			files, err := ecosystem(t).Lock(t.Context(), r.entry(top.Digest), fstest.MapFS{})
			if err != nil {
				if !strings.Contains(err.Error(), c.want) {
					t.Fatalf("want an error with %q, got %v", c.want, err)
				}
				return
			}
			if text := string(files[LockFile]); strings.Count(text, `"platform"`) != 1 || !strings.Contains(text, c.want) {
				t.Fatalf("want %s alone, got\n%s", c.want, text)
			}
		})
	}
}

func TestCheckLockHoldsTheLockAgainstTheEntry(t *testing.T) {
	t.Parallel()
	r := newRegistry(t)
	top := r.honest()
	i := ecosystem(t)
	e := r.entry(top.Digest)
	text := string(locked(t, i, e)[LockFile].Data)
	other := "sha256:" + strings.Repeat("0", 64)
	before, _, _ := strings.Cut(text, `"platforms"`)
	for name, c := range map[string]struct{ text, want string }{
		"another tag":        {strings.Replace(text, "1.2.3", "1.2.4", 1), "image.lock.json: tag: is \"1.2.4\", but the entry wants \"1.2.3\""},
		"another digest":     {strings.Replace(text, top.Digest.String(), other, 1), "image.lock.json: digest: is \"" + other},
		"a field more":       {strings.Replace(text, `"tag"`, `"registry": "x", "tag"`, 1), "is not as catalogctl writes it"},
		"a field twice":      {strings.Replace(text, `"tag"`, "\"tag\": \"9\",\n  \"tag\"", 1), "is not as catalogctl writes it"},
		"another layout":     {strings.ReplaceAll(text, "\n", ""), "is not as catalogctl writes it"},
		"no JSON":            {"digest", "is not valid JSON"},
		"no platforms":       {before + "\"platforms\": []\n}\n", "platforms: is empty"},
		"a platform twice":   {strings.Replace(text, "linux/arm64", "linux/amd64", 1), "platforms[1].platform: is \"linux/amd64\" for the second time"},
		"a strange platform": {strings.Replace(text, "linux/arm64", "../../x/y/z", 1), "platforms[1].platform: is"},
		"a weak digest":      {strings.Replace(text, "\"digest\": \"sha256:", "\"digest\": \"md5:", 3), "want a SHA-256"},
		"too long":           {strings.Repeat(" ", maxLock+1), "is no lock"},
	} {
		err := i.CheckLock(e, fstest.MapFS{LockFile: {Data: []byte(c.text)}})
		var lock *kind.LockError
		if !errors.As(err, &lock) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: want a lock error with %q, got %v", name, c.want, err)
		}
	}
	if err := i.CheckLock(e, fstest.MapFS{}); err == nil || !strings.Contains(err.Error(), "is missing: run catalogctl lock server") {
		t.Errorf("no lock: got %v", err)
	}
	e.Image.Digest = ""
	if err := i.CheckLock(e, fstest.MapFS{LockFile: {Data: []byte(text)}}); err == nil || !strings.Contains(err.Error(), "the entry names none") {
		t.Errorf("a lock of an entry without digest: got %v", err)
	}
}

// FuzzParsePins looks for a lock that is read and is not the one text that stands for it.
func FuzzParsePins(f *testing.F) {
	f.Add([]byte("{\n  \"tag\": \"1\",\n  \"digest\": \"sha256:00\",\n  \"platforms\": null\n}\n"))
	f.Add([]byte(`{"tag":"1","tag":"2"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := parsePins(text)
		if err != nil {
			return
		}
		again, err := p.encode()
		if err != nil || string(again) != string(text) {
			t.Fatalf("%q was read, and is written as %q (%v)", text, again, err)
		}
	})
}

// FuzzParseDocument looks for manifests that are read and hold what must not be in them.
func FuzzParseDocument(f *testing.F) {
	f.Add([]byte(`{"schemaVersion":2,"manifests":[{"mediaType":"x","digest":"y","size":1}]}`))
	f.Add([]byte(`{"schemaVersion":2,"config":{"mediaType":"application/vnd.oci.image.config.v1+json"},"layers":[]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		d, err := parseDocument(text)
		if err != nil {
			return
		}
		total := int64(0)
		for _, l := range d.Layers {
			total += l.Size
			if l.Size <= 0 || len(l.URLs) > 0 {
				t.Fatalf("the layer %v was let in", l)
			}
		}
		if total > maxImage || len(d.Layers) > maxLayers || len(d.Manifests) > maxManifests || d.isIndex() == (d.Manifests == nil) {
			t.Fatalf("the manifest %.200q was let in", text)
		}
	})
}
