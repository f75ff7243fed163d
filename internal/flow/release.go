package flow

import (
	"context"
	"errors"
	"path"

	"github.com/slipway-dev/slipway/internal/catalog"
	"github.com/slipway-dev/slipway/internal/engine"
	"github.com/slipway-dev/slipway/internal/inspect"
	"github.com/slipway-dev/slipway/internal/kind"
	"github.com/slipway-dev/slipway/internal/publish"
	"github.com/slipway-dev/slipway/internal/record"
	"github.com/slipway-dev/slipway/internal/verify"
)

// ErrGate says that an item was judged and may not be released; what is wrong is in the report.
var ErrGate = errors.New("the gate stays closed")

// Released is what became of an item on the whole way. After an error it holds what was known until then.
type Released struct {
	Built     *Built
	Inspected *Inspected // nil of what holds no server
	Scanned   *Scanned
	Published *publish.Result // nil of a server that somebody else runs
}

// Judged reports whether err says that an item was looked at and may not be released, rather than that it could not be looked at.
func Judged(err error) bool {
	var failure *inspect.Failure
	var elsewhere *engine.FailedError
	return errors.Is(err, ErrGate) || errors.As(err, &failure) || errors.As(err, &elsewhere) && elsewhere.Code == engine.CodeFindings
}

// Judge takes an item the way to the gate: it builds, inspects and scans, and writes the reports. If the item did not pass, the error is one
// of those that Judged knows: its findings are in Scanned, or its server did not stand the inspection. Nothing is published.
func (l *Line) Judge(ctx context.Context, item catalog.Item) (*Released, error) {
	r, _, err := l.judge(ctx, item)
	return r, err
}

// Release takes an item the whole way: what Judge lets pass is published.
func (l *Line) Release(ctx context.Context, item catalog.Item) (*Released, error) {
	started := l.Now()
	r, subjects, err := l.judge(ctx, item)
	if err != nil || r.Built.Hosted() {
		return r, err // of a server that runs elsewhere, its tools.json is all that the catalog publishes
	}
	label, name, err := l.label(item)
	if err != nil {
		return r, err
	}
	err = l.step(item, "publish", func() (string, bool, error) {
		key, err := l.key()
		if err != nil {
			return "", false, err
		}
		access, err := l.access()
		if err != nil {
			return "", false, err
		}
		statements, err := l.evidence(item, subjects, r.Built, r.Inspected, r.Scanned, started)
		if err != nil {
			return "", false, err
		}
		if r.Built.Foreign() {
			r.Published, err = l.attest(ctx, item, r.Built, key, statements, access)
			return r.reference(), r.Published != nil && r.Published.Statements == 0, err
		}
		r.Published, err = publish.Publish(ctx, publish.Input{
			Layout: r.Built.Path, Digest: r.Built.Digest.String(),
			Repository: l.Repository(item), Tag: r.Built.Tag, Sibling: l.sibling(item), Name: name, Label: label,
			Key: key, Statements: statements, Now: l.Now(), Access: access,
		})
		if err != nil {
			return "", false, err
		}
		fresh := r.Published.Pushed || r.Published.Tagged || r.Published.Signatures+r.Published.Statements > 0
		return r.Published.Reference, !fresh, nil
	})
	if err != nil {
		return r, err
	}
	return r, l.writeRecord(item, r.Built)
}

// judge is Judge, and returns also what there is to sign.
func (l *Line) judge(ctx context.Context, item catalog.Item) (*Released, []subject, error) {
	r := &Released{}
	var err error
	if r.Built, err = l.Build(ctx, item); err != nil {
		return r, nil, err
	}
	if r.Inspected, err = l.Inspect(ctx, item, r.Built); err != nil {
		return r, nil, err
	}
	if r.Scanned, err = l.Scan(ctx, item, r.Inspected, r.Built); err != nil {
		return r, nil, err
	}
	var subjects []subject
	if !r.Built.Hosted() {
		if subjects, err = l.subjects(item, r.Built, l.subjectName(item, r.Built)); err != nil {
			return r, nil, err
		}
	}
	if err := l.writeReports(item, r, subjects); err != nil {
		return r, nil, err
	}
	if !r.Scanned.Verdict.Pass {
		return r, subjects, ErrGate
	}
	return r, subjects, nil
}

// Repository returns where an item is published, without tag or digest.
func (l *Line) Repository(item catalog.Item) string {
	prefix := l.Registry
	if prefix == "" {
		prefix = embeddedHost
	}
	return path.Join(prefix, string(item.Entry.Kind), item.Entry.Name)
}

// sibling returns where another item on the same base was published, empty if none was: the registry can share the layers of the base.
func (l *Line) sibling(item catalog.Item) string {
	for _, other := range l.Catalog.Items {
		if other.Entry.Base == "" || other.Entry.Base != item.Entry.Base || other.Entry.ID() == item.Entry.ID() {
			continue
		}
		if _, err := record.Read(l.files(other)); err == nil {
			return l.Repository(other)
		}
	}
	return ""
}

// label returns the label that names an item in its images, and the name: that of the server in the catalog that is published, unless the
// ecosystem has its own.
func (l *Line) label(item catalog.Item) (label, name string, err error) {
	ecosystem, err := l.ecosystem(item.Entry)
	if err != nil {
		return "", "", err
	}
	if labelled, ok := ecosystem.(kind.Labelled); ok {
		label, name = labelled.Label(item.Entry)
		return label, name, nil
	}
	return verify.NameLabel, l.Catalog.Settings.Namespace + "/" + item.Entry.Name, nil
}

// access returns how the registry is reached to which the line publishes, and every other one.
func (l *Line) access() (verify.Access, error) {
	transport, err := l.registry()
	return verify.Access{Transport: transport, Keychain: l.keychain}, err
}
