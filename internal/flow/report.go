package flow

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/slipway-dev/slipway/internal/catalog"
	"github.com/slipway-dev/slipway/internal/gate"
	"github.com/slipway-dev/slipway/internal/record"
	"github.com/slipway-dev/slipway/internal/scan"
	"github.com/slipway-dev/slipway/internal/staging"
)

// The files of a report folder.
const (
	sarifFile   = "findings.sarif"
	verdictFile = "verdict.json"
	sessionFile = "inspect.json"
)

// verdictReport is verdict.json: everything that the gate weighed and what it made of it.
type verdictReport struct {
	Entry     string            `json:"entry"`
	Digest    string            `json:"digest"`
	Platforms []record.Platform `json:"platforms,omitempty"`
	Verdict   gate.Verdict      `json:"verdict"`
	Reports   []scan.Report     `json:"reports"`
}

// writeReports writes what was found out about an item below the report folder: the SARIF, the verdict, how the session went, and the SBOM of
// the index and of each platform.
func (l *Line) writeReports(item catalog.Item, r *Released, subjects []subject) error {
	files := map[string][]byte{sarifFile: r.Scanned.SARIF}
	verdict := verdictReport{Entry: item.Entry.ID(), Verdict: r.Scanned.Verdict, Reports: r.Scanned.Reports}
	if !r.Built.Hosted() {
		verdict.Digest, verdict.Platforms = r.Built.Digest.String(), recorded(r.Built)
	}
	documents := map[string]any{verdictFile: verdict}
	if r.Inspected != nil {
		files[catalog.ObservationFile] = r.Inspected.Encoded
		documents[sessionFile] = r.Inspected.Report
	}
	for name, value := range documents {
		data, err := json.MarshalIndent(value, "", "  ")
		if err != nil {
			return fmt.Errorf("report on %s: %w", item.Entry.ID(), err)
		}
		files[name] = append(data, '\n')
	}
	for _, about := range subjects {
		files["sbom-"+r.Built.platformName(about.Digest)+".spdx.json"] = about.spdx
	}
	return l.writeReportFiles(item, files)
}

func (l *Line) writeReportFiles(item catalog.Item, files map[string][]byte) error {
	dir := l.reports(item)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for name, data := range files {
		if err := staging.Replace(filepath.Join(dir, name), data); err != nil {
			return fmt.Errorf("report on %s: %w", item.Entry.ID(), err)
		}
	}
	return nil
}

// writeScan writes the report of a scan that was not part of a release.
func (l *Line) writeScan(item catalog.Item, s *Scanned) error {
	verdict, err := json.MarshalIndent(verdictReport{Entry: item.Entry.ID(), Verdict: s.Verdict, Reports: s.Reports}, "", "  ")
	if err != nil {
		return err
	}
	return l.writeReportFiles(item, map[string][]byte{sarifFile: s.SARIF, verdictFile: append(verdict, '\n')})
}

// platformName names the subject with a digest in a file name: "linux-amd64", or "index".
func (b *Built) platformName(digest string) string {
	for _, image := range b.Platforms {
		if image.Digest.String() == digest {
			return strings.ReplaceAll(image.Platform.String(), "/", "-")
		}
	}
	return "index"
}
