package flow

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/slipway-dev/slipway/internal/build"
	"github.com/slipway-dev/slipway/internal/catalog"
	"github.com/slipway-dev/slipway/internal/finding"
	"github.com/slipway-dev/slipway/internal/gate"
	"github.com/slipway-dev/slipway/internal/kind"
	"github.com/slipway-dev/slipway/internal/observation"
	"github.com/slipway-dev/slipway/internal/scan"
	"github.com/slipway-dev/slipway/internal/scan/builtin"
	"github.com/slipway-dev/slipway/internal/scan/osv"
	"github.com/slipway-dev/slipway/internal/scan/sarif"
)

// scanTime bounds one scanner on one entry.
const scanTime = 2 * time.Minute

// Scanned is what the scanners found, and what the gate makes of it.
type Scanned struct {
	Reports []scan.Report
	Verdict gate.Verdict
	SARIF   []byte
}

// Count returns how many findings have a state.
func (s *Scanned) Count(state gate.State) int {
	n := 0
	for _, d := range s.Verdict.Dispositions {
		if d.State == state {
			n++
		}
	}
	return n
}

// Scan runs the scanners over what an item's server says of itself, compares that with what is committed, and over the texts in its artifact, and
// asks the gate. Seen is nil where there is no server.
func (l *Line) Scan(ctx context.Context, item catalog.Item, seen *Inspected, b *Built) (*Scanned, error) {
	var o *observation.Observation
	if seen != nil {
		o = &seen.Observation
	}
	return l.scan(ctx, item, o, b)
}

// scan is Scan of an observation that may be the committed one. Of an artifact that is nil nothing is said.
func (l *Line) scan(ctx context.Context, item catalog.Item, seen *observation.Observation, b *Built) (*Scanned, error) {
	scanned := &Scanned{}
	err := l.step(item, "scan", func() (string, bool, error) {
		shelf, err := l.siblings(ctx)
		if err != nil {
			return "", false, err
		}
		subject := scan.Subject{Entry: item.Entry, File: item.Dir + "/" + catalog.ObservationFile}
		if seen != nil {
			subject.Observation = *seen
		}
		if baseline, ok := shelf.observations[item.Entry.ID()]; ok {
			subject.Baseline = &baseline
		}
		if b != nil && b.artifact != nil {
			subject.Documents = b.artifact.Documents
			if item.Entry.Source == nil {
				subject.Folder = item.Dir
			}
		}
		settings := l.Catalog.Settings
		scanners, required := []scan.Scanner{builtin.New(shelf.index)}, settings.Scanners
		switch {
		case !slices.Contains(required, osv.Name):
		case b != nil && b.bootable():
			subject.Components = b.components()
			scanners = append(scanners, l.vulnerabilities(ctx))
		default: // there is no software, or none was built
			required = slices.DeleteFunc(slices.Clone(required), func(name string) bool { return name == osv.Name })
		}
		scanned.Reports = scan.Run(ctx, scanners, subject, scanTime)
		if b != nil && !b.Hosted() {
			scanned.Reports = append(scanned.Reports, l.weigh(item, b.Result))
			if b.Foreign() {
				scanned.Reports = append(scanned.Reports, l.origin(item, b))
			}
		}
		scanned.Verdict = gate.Judge(gate.Input{
			Reports:  scanned.Reports,
			Required: required,
			Partial:  b == nil && len(required) < len(settings.Scanners),
			Waivers:  item.Entry.Waivers,
			Policy: gate.Policy{
				Block: settings.Gate.Block, Warn: settings.Gate.Warn,
				MaxWaivable: finding.Critical, MaxWaiverDays: settings.Waivers.MaxDays,
			},
			Today: l.Now(),
		})
		scanned.SARIF, err = sarif.Encode(item.Entry.ID(), scanned.Reports, scanned.Verdict.Waivers())
		if err != nil {
			return "", false, err
		}
		return fmt.Sprintf("%d blocking, %d warnings, %d waived", scanned.Count(gate.Blocking), scanned.Count(gate.Warning), scanned.Count(gate.Waived)), false, nil
	})
	if err != nil {
		return nil, fmt.Errorf("scan %s: %w", item.Entry.ID(), err)
	}
	return scanned, nil
}

// ScanCommitted scans what an item's server said when it was last inspected, without building anything. What holds no server is put together
// from its lock, and its texts are scanned.
func (l *Line) ScanCommitted(ctx context.Context, item catalog.Item) (*Scanned, error) {
	shelf, err := l.siblings(ctx)
	if err != nil {
		return nil, err
	}
	ecosystem, err := l.ecosystem(item.Entry)
	if err != nil {
		return nil, err
	}
	seen, ok := shelf.observations[item.Entry.ID()]
	if !ok && !ecosystem.Folder(item.Entry).Observed {
		return l.scanArtifact(ctx, item)
	}
	if !ok {
		return nil, fmt.Errorf("%s has no %s: run 'catalogctl inspect %s'", item.Entry.ID(), catalog.ObservationFile, item.Entry.Name)
	}
	scanned, err := l.scan(ctx, item, &seen, nil)
	if err != nil {
		return nil, err
	}
	return scanned, l.writeScan(item, scanned)
}

// origin reports what checking an artifact of others brought up about where it comes from.
func (l *Line) origin(item catalog.Item, b *Built) scan.Report {
	report := scan.Report{Scanner: kind.Upstream, Version: l.Version, Seen: 1, Of: 1}
	for _, f := range b.artifact.Findings {
		f.Location = finding.Location{File: item.File}
		report.Findings = append(report.Findings, f)
	}
	return report
}

// scanArtifact scans the texts of what holds no server.
func (l *Line) scanArtifact(ctx context.Context, item catalog.Item) (*Scanned, error) {
	b, err := l.Build(ctx, item)
	if err != nil {
		return nil, err
	}
	scanned, err := l.scan(ctx, item, nil, b)
	if err != nil {
		return nil, err
	}
	return scanned, l.writeScan(item, scanned)
}

// sizeScanner is the name under which the size of images is judged.
const sizeScanner = "image-size"

// weigh compares the image's size with the catalog's limit.
func (l *Line) weigh(item catalog.Item, image *build.Result) scan.Report {
	report := scan.Report{Scanner: sizeScanner, Version: l.Version, Seen: len(image.Platforms), Of: len(image.Platforms)}
	limit := l.Catalog.Settings.Limits.ImageSize
	for _, p := range image.Platforms {
		if limit == 0 || p.Size <= limit {
			continue
		}
		target := "image/" + p.Platform.String()
		report.Findings = append(report.Findings, finding.Finding{
			Scanner: sizeScanner, Version: l.Version, Rule: "too-large", Severity: l.Catalog.Settings.Gate.Block,
			Target:   target,
			Location: finding.Location{File: item.File},
			Message:  fmt.Sprintf("The image for %s has %s compressed, and the catalog allows %s: clients give up on a slow first pull.", p.Platform, Bytes(p.Size), Bytes(limit)),
			Help:     "Leave out what the server does not need at run time, or raise limits.imageSize in catalog.cue.",
			// The size itself is no part of the identity: a waiver holds while the image stays too large.
			Fingerprint: finding.Fingerprint(sizeScanner, "too-large", target, ""),
		})
	}
	return report
}

// Bytes writes a number of bytes as people read it.
func Bytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }
