package flow

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/slipway-dev/slipway/internal/attest"
	"github.com/slipway-dev/slipway/internal/build"
	"github.com/slipway-dev/slipway/internal/catalog"
	"github.com/slipway-dev/slipway/internal/kind"
	"github.com/slipway-dev/slipway/internal/sbom"
)

// builderID names the software that built an image, as SLSA's runDetails.builder.id.
const builderID = "https://github.com/slipway-dev/slipway/cmd/catalogctl"

// subject is an index or one platform's manifest, with what is known of its content.
type subject struct {
	attest.Subject
	parts []part // all of them for an index
	spdx  []byte
}

// evidence returns the statements about each subject of an item. Started is when the build began.
func (l *Line) evidence(item catalog.Item, subjects []subject, b *Built, o *Inspected, s *Scanned, started time.Time) ([]attest.Statement, error) {
	provenance := l.provenance(item, b, started)
	assessment := l.assessment(b, o, s)
	var statements []attest.Statement
	for _, about := range subjects {
		states := []func() (attest.Statement, error){
			func() (attest.Statement, error) { return attest.SPDX(about.Subject, about.spdx) },
			func() (attest.Statement, error) { return attest.SCAI(about.Subject, assessment) },
		}
		if !b.Foreign() { // who did not build it cannot say how it was built
			provenance.Materials = slices.Concat(materials(about.parts), b.sources, origins(about.parts, b.artifact))
			states = append(states, func() (attest.Statement, error) { return attest.Provenance(about.Subject, provenance) })
		}
		for _, state := range states {
			statement, err := state()
			if err != nil {
				return nil, fmt.Errorf("evidence of %s about %s: %w", item.Entry.ID(), about.Digest, err)
			}
			statements = append(statements, statement)
		}
	}
	return statements, nil
}

// subjects returns the index and the manifests with their SBOMs.
func (l *Line) subjects(item catalog.Item, b *Built, repository string) ([]subject, error) {
	e := item.Entry
	origin := sbom.Origin{Created: l.Now().UTC(), Version: l.Version}
	about := func(digest v1.Hash) sbom.Subject {
		return sbom.Subject{
			Name: e.ID(), Version: build.Version(e), Tag: b.Tag, License: e.License, Supplier: e.Publisher.Name, Digest: digest,
		}
	}
	index := subject{Subject: attest.Subject{Name: repository, Digest: b.Digest.String()}, parts: b.parts}
	var platforms []sbom.Platform
	subjects := []subject{index}
	for i, image := range b.Platforms {
		document, err := sbom.SPDX(about(image.Digest), image.Platform, b.parts[i].components, origin)
		if err != nil {
			return nil, fmt.Errorf("SBOM of %s for %s: %w", e.ID(), image.Platform, err)
		}
		platforms = append(platforms, sbom.Platform{Platform: image.Platform, Digest: image.Digest})
		subjects = append(subjects, subject{
			Subject: attest.Subject{Name: repository, Digest: image.Digest.String()}, parts: b.parts[i : i+1], spdx: document,
		})
	}
	if b.alone() {
		return subjects[1:], nil // the image is what everything else would call the index
	}
	var err error
	if subjects[0].spdx, err = sbom.Index(about(b.Digest), platforms, origin); err != nil {
		return nil, fmt.Errorf("SBOM of %s: %w", e.ID(), err)
	}
	return subjects, nil
}

func (l *Line) provenance(item catalog.Item, b *Built, started time.Time) attest.Build {
	e := item.Entry
	built := attest.Build{
		Entry: e.ID(), Version: build.Version(e),
		Base: e.Base, BaseLock: b.baseLock,
		Builder: attest.Builder{ID: builderID, Version: l.Version},
		Started: started.UTC(), Finished: l.Now().UTC(),
	}
	if e.Package != nil {
		built.Package = e.Package.Name
	}
	return built
}

// materials are the archives that the parts were unpacked from.
func materials(parts []part) []attest.Material {
	var all []attest.Material
	seen := map[attest.Material]bool{}
	for _, p := range parts {
		for _, c := range p.components {
			if c.Digest == "" {
				continue // it came with another component, as a standard library does with its compiler
			}
			m := attest.Material{URI: c.PURL, Name: c.Name, Digest: digestOf(c.Algorithm, c.Digest)}
			if !seen[m] {
				seen[m] = true
				all = append(all, m)
			}
		}
	}
	return all
}

// origins are what an artifact was made from as a whole, and what components of parts were.
func origins(parts []part, artifact *kind.Artifact) []attest.Material {
	var sources []kind.Source
	for _, p := range parts {
		sources = append(sources, p.sources...)
	}
	if artifact != nil {
		sources = append(sources, artifact.Sources...)
	}
	var all []attest.Material
	for _, source := range sources {
		for _, algorithm := range slices.Sorted(maps.Keys(source.Digest)) {
			all = append(all, attest.Material{URI: source.URI, Digest: algorithm + ":" + source.Digest[algorithm]})
		}
	}
	return all
}

func digestOf(algorithm, hexDigits string) string {
	return map[string]string{"SHA256": "sha256:", "SHA512": "sha512:"}[algorithm] + hexDigits
}

// sources are the files that chose what was unpacked: the entry, and those locks that it has.
func (l *Line) sources(item catalog.Item, ecosystem kind.Ecosystem) ([]attest.Material, error) {
	var all []attest.Material
	for _, name := range append([]string{catalog.EntryFile}, ecosystem.LockFiles()...) {
		data, err := os.ReadFile(filepath.Join(l.folder(item), name))
		if errors.Is(err, fs.ErrNotExist) && name != catalog.EntryFile {
			continue // CheckLock says whether it is missed
		}
		if err != nil {
			return nil, err
		}
		all = append(all, attest.Material{Name: item.Dir + "/" + name, Digest: sha256Of(data)})
	}
	return all, nil
}

func sha256Of(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}

func (l *Line) assessment(b *Built, o *Inspected, s *Scanned) attest.Assessment {
	a := attest.Assessment{
		Pass: s.Verdict.Pass, Finished: l.Now().UTC(),
		Report:   attest.Evidence{Name: sarifFile, MediaType: "application/sarif+json", Digest: sha256Of(s.SARIF)},
		Producer: attest.Builder{ID: builderID, Version: l.Version},
	}
	if o != nil {
		a.FirstToolList = o.Report.FirstTools
		a.Tools = attest.Evidence{Name: catalog.ObservationFile, MediaType: "application/json", Digest: sha256Of(o.Encoded)}
	}
	for _, r := range s.Reports {
		a.Scanners = append(a.Scanners, attest.Scanner{Name: r.Scanner, Version: r.Version})
	}
	for _, d := range s.Verdict.Dispositions {
		a.Findings = append(a.Findings, attest.Judged{Finding: d.Finding, Disposition: string(d.State), Waiver: d.Waiver})
	}
	for _, image := range b.Platforms {
		a.Platforms = append(a.Platforms, attest.Platform{
			Name: image.Platform.String(), Digest: image.Digest.String(), Size: image.Size,
			Booted: o != nil && image.Platform.Equals(o.Platform),
		})
	}
	return a
}
