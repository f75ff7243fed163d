package flow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/bounded"
	"github.com/slipway-dev/slipway/internal/catalog"
	"github.com/slipway-dev/slipway/internal/change"
	"github.com/slipway-dev/slipway/internal/comment"
	"github.com/slipway-dev/slipway/internal/observation"
	"github.com/slipway-dev/slipway/internal/progress"
	"github.com/slipway-dev/slipway/internal/record"
	"github.com/slipway-dev/slipway/internal/scan"
)

// Bounds on a verdict.json and on the SARIF of an entry, in bytes.
const (
	maxVerdict = 32 << 20
	maxSARIF   = 32 << 20
)

// Reported returns the entries of which there is a report.
func (l *Line) Reported() ([]change.Name, error) {
	files, err := fs.Glob(os.DirFS(filepath.Join(l.Out, "reports")), "*/*/"+verdictFile)
	if err != nil {
		return nil, err
	}
	var names []change.Name
	for _, file := range files {
		name, err := change.ParseName(file[:len(file)-len("/"+verdictFile)])
		if err != nil {
			return nil, fmt.Errorf("the reports: %w", err)
		}
		names = append(names, name)
	}
	return names, nil
}

// IsReport reports whether name, below the folder of reports, is one that Review and Findings read.
func IsReport(name string) bool {
	dir, file := path.Split(name)
	_, err := change.ParseName(strings.TrimSuffix(dir, "/"))
	return err == nil && slices.Contains([]string{verdictFile, sarifFile, catalog.ObservationFile}, file)
}

// Findings returns the SARIF of the report on an entry; nothing if there is none.
func (l *Line) Findings(name change.Name) (sarif []byte, err error) {
	err = l.readReport(name, sarifFile, func(f io.Reader) (err error) {
		sarif, err = bounded.Read(f, maxSARIF)
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("the findings of %s: %w", name.ID(), err)
	}
	return sarif, nil
}

// Review gathers what a pull request is told of entries: the reports on them, compared with the catalog as it was at the commit base, which
// is scanned again in a folder of its own. Without a base, nothing is compared, and nothing is called new.
//
// The reports may come from a stranger's run: they are data, and a broken one is told as such.
func (l *Line) Review(ctx context.Context, names []change.Name, base string) ([]comment.Entry, error) {
	var before *Line
	if base != "" {
		folder, err := os.MkdirTemp("", "slipway-base-")
		if err != nil {
			return nil, err
		}
		defer func() { _ = os.RemoveAll(folder) }() // nothing of it is needed any more
		if before, err = l.past(ctx, base, folder); err != nil {
			return nil, fmt.Errorf("the catalog at %s: %w", base, err)
		}
	}
	var entries []comment.Entry
	for _, name := range names {
		e, err := l.review(ctx, name, before)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			e = comment.Entry{ID: name.ID(), Missing: err.Error()}
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// past unpacks the catalog of a commit below folder and opens it.
func (l *Line) past(ctx context.Context, rev, folder string) (*Line, error) {
	o := l.Options
	o.Root, o.Out, o.Progress = filepath.Join(folder, "catalog"), filepath.Join(folder, "out"), progress.Discard
	if err := os.Mkdir(o.Root, 0o755); err != nil {
		return nil, err
	}
	if err := change.Tree(ctx, l.Root, rev, o.Root); err != nil {
		return nil, err
	}
	return Open(ctx, o, Checks{})
}

// review gathers what there is about one entry.
func (l *Line) review(ctx context.Context, name change.Name, before *Line) (comment.Entry, error) {
	e := comment.Entry{ID: name.ID()}
	var report verdictReport
	err := l.readReport(name, verdictFile, func(f io.Reader) error { return readVerdict(f, &report) })
	if errors.Is(err, fs.ErrNotExist) {
		return e, errors.New("there is no report: the entry could not be built, or did not stand the inspection; the log of its job says why")
	}
	if err != nil {
		return e, fmt.Errorf("its report cannot be read: %w", err)
	}
	if report.Entry != e.ID {
		return e, fmt.Errorf("its report is about %q", report.Entry)
	}
	e.Verdict, e.Digest = report.Verdict, report.Digest
	var seen observation.Observation
	err = l.readReport(name, catalog.ObservationFile, func(f io.Reader) (err error) {
		seen, err = observation.Decode(f)
		return err
	})
	if errors.Is(err, fs.ErrNotExist) && report.Digest == "" { // only the committed one was scanned
		seen, err = readObservation(filepath.Join(l.Root, filepath.FromSlash(name.Dir()), catalog.ObservationFile))
	}
	if err != nil && (l.observed(name) || !errors.Is(err, fs.ErrNotExist)) {
		return e, fmt.Errorf("what its server said of itself cannot be read: %w", err)
	}
	e.Tools = len(seen.Tools)
	for _, p := range report.Platforms {
		e.Platforms = append(e.Platforms, comment.Platform{Name: p.Platform, Digest: p.Digest, Size: p.Size})
	}
	if before != nil {
		before.compareWith(ctx, &e, name, seen)
	}
	return e, nil
}

// observed reports whether an entry of the catalog must have a tools.json.
func (l *Line) observed(name change.Name) bool {
	item, err := l.Catalog.Find(name.ID())
	if err != nil {
		return true
	}
	ecosystem, err := l.ecosystem(item.Entry)
	return err != nil || ecosystem.Folder(item.Entry).Observed
}

// compareWith fills in what is new about an entry, where the line is that of the past. An entry that was not there, or could not be read, is new as a whole.
func (l *Line) compareWith(ctx context.Context, e *comment.Entry, name change.Name, seen observation.Observation) {
	e.Fresh = map[string]bool{}
	for _, d := range e.Verdict.Dispositions {
		e.Fresh[d.Finding.Fingerprint] = true
	}
	item, err := l.Catalog.Find(name.ID())
	if err != nil {
		e.New, e.Diff = true, comment.Compare(nil, seen)
		return
	}
	var was *observation.Observation
	if o, err := readObservation(filepath.Join(l.folder(item), catalog.ObservationFile)); err == nil {
		was = &o
	}
	e.Diff = comment.Compare(was, seen)
	if old, err := record.Read(l.files(item)); err == nil {
		for i := range e.Platforms {
			for _, b := range old.Platforms {
				if b.Platform == e.Platforms[i].Name {
					e.Platforms[i].Before = b.Size
				}
			}
		}
	}
	scanned, err := l.ScanCommitted(ctx, item)
	if err != nil {
		return
	}
	for _, d := range scanned.Verdict.Dispositions {
		delete(e.Fresh, d.Finding.Fingerprint)
	}
	// What only looks at images was not run on the past, so nothing is known of its findings then.
	for _, d := range e.Verdict.Dispositions {
		if !slices.ContainsFunc(scanned.Reports, func(r scan.Report) bool { return r.Scanner == d.Finding.Scanner }) {
			delete(e.Fresh, d.Finding.Fingerprint)
		}
	}
}

// readReport reads a file of the report on an entry. A link that leads out of the reports is an error.
func (l *Line) readReport(name change.Name, file string, read func(io.Reader) error) error {
	f, err := os.OpenInRoot(filepath.Join(l.Out, "reports"), filepath.Join(string(name.Kind), name.Name, file))
	if err != nil {
		return err
	}
	defer f.Close()
	return read(f)
}

// readVerdict reads a verdict.json of bounded size.
func readVerdict(f io.Reader, out *verdictReport) error {
	data, err := bounded.Read(f, maxVerdict)
	if err != nil {
		return err
	}
	return json.Unmarshal(data, out)
}
