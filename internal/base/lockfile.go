package base

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/fetch"
	"github.com/slipway-dev/slipway/internal/kind"
	"github.com/slipway-dev/slipway/internal/kind/pypi/wheel"
)

// architectures are the platforms that bases are built for, by the name that both Debian and Go give them.
var architectures = []string{"amd64", "arm64"}

// Lock is what lock.json holds: every file of the base by its hash.
type Lock struct {
	Version int `json:"version"`
	// Suites are the signed indexes that the packages were taken from.
	Suites   []Suite   `json:"suites"`
	Packages []Package `json:"packages"`          // sorted by architecture, then name
	Runtime  []Tarball `json:"runtime,omitempty"` // sorted by architecture
	Resolver *Manager  `json:"resolver,omitempty"`
}

// Suite is one signed index of the Debian archive.
type Suite struct {
	Name    string `json:"name"`
	Release string `json:"release,omitempty"` // its version, such as 13.7
	Date    string `json:"date"`              // when it was signed, in RFC 3339
}

// Package is one Debian package for one architecture.
type Package struct {
	Name         string `json:"name"`
	Version      string `json:"version"`
	Architecture string `json:"architecture"`     // that of the image; the package's own may be "all"
	Source       string `json:"source,omitempty"` // the source package with its version, as in the index, where it is another than the package
	Suite        string `json:"suite"`
	Filename     string `json:"filename"` // relative to the root of the archive that has the suite
	SHA256       string `json:"sha256"`
	Size         int64  `json:"size"`
}

// Tarball is one npm package.
type Tarball struct {
	Architecture string `json:"architecture,omitempty"`
	Package      string `json:"package"`
	Version      string `json:"version"`
	Integrity    string `json:"integrity"` // Subresource Integrity with SHA-512
}

// Manager is the package manager that resolves: an npm package, or a wheel for each platform.
type Manager struct {
	Package   string  `json:"package"`
	Version   string  `json:"version"`
	Integrity string  `json:"integrity,omitempty"` // of an npm package
	Wheels    []Wheel `json:"wheels,omitempty"`    // sorted by architecture
}

// Wheel is one file of a PyPI package.
type Wheel struct {
	Architecture string `json:"architecture"`
	Filename     string `json:"filename"`
	SHA256       string `json:"sha256"`
}

// marshal returns the lock in its one form.
func (l Lock) marshal() ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(l); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// parseLock reads a lock that is written in the one form that marshal gives it. So nothing in it is unknown, repeated or hidden.
func parseLock(data []byte) (Lock, error) {
	var l Lock
	if err := json.Unmarshal(data, &l); err != nil {
		return Lock{}, &kind.LockError{File: LockFile, Reason: fmt.Sprintf("is not the JSON of a lock (%v); lock the base again", err)}
	}
	if l.Version != 1 {
		return Lock{}, &kind.LockError{File: LockFile, Field: "version", Reason: fmt.Sprintf("is %d: only 1 is known; lock the base again", l.Version)}
	}
	if err := l.validate(); err != nil {
		return Lock{}, err
	}
	canonical, err := l.marshal()
	if err != nil {
		return Lock{}, err
	}
	if !bytes.Equal(canonical, data) {
		return Lock{}, &kind.LockError{File: LockFile, Reason: "is not written as lock writes it: it was edited, or has unknown fields; lock the base again"}
	}
	return l, nil
}

var (
	packageName  = regexp.MustCompile(`^[a-z0-9][a-z0-9+.-]{1,99}$`)
	debVersion   = regexp.MustCompile(`^([0-9]+:)?[0-9][A-Za-z0-9.+~-]{0,99}$`)
	suiteName    = regexp.MustCompile(`^[a-z]+(-updates|-security)?$`)
	poolFilename = regexp.MustCompile(`^pool/[A-Za-z0-9][A-Za-z0-9+._~/-]{1,300}\.deb$`)
	sourceName   = regexp.MustCompile(`^([a-z0-9][a-z0-9+.-]{1,99}( \([0-9A-Za-z.+:~-]{1,100}\))?)?$`)
	npmName      = regexp.MustCompile(`^(@[a-z0-9~-][a-z0-9._~-]*/)?[a-z0-9~-][a-z0-9._~-]*$`)
	npmVersion   = regexp.MustCompile(`^[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?$`)
)

// validate checks every value that becomes part of an address or of an image, and the order.
func (l Lock) validate() error {
	var errs []error
	report := func(field, reason string, args ...any) {
		errs = append(errs, &kind.LockError{File: LockFile, Field: field, Reason: fmt.Sprintf(reason, args...) + "; lock the base again"})
	}
	for i, p := range l.Packages {
		field := fmt.Sprintf("packages[%d]", i)
		if reason := p.invalid(); reason != "" {
			report(field, "%s", reason)
		}
		if i > 0 && comparePackages(l.Packages[i-1], p) >= 0 {
			report(field, "stands twice or out of order")
		}
	}
	for i, t := range l.Runtime {
		field := fmt.Sprintf("runtime[%d]", i)
		if reason := t.invalid(); reason != "" {
			report(field, "%s", reason)
		}
		if i > 0 && l.Runtime[i-1].Architecture >= t.Architecture {
			report(field, "stands twice or out of order")
		}
	}
	if l.Resolver != nil {
		if reason := l.Resolver.invalid(); reason != "" {
			report("resolver", "%s", reason)
		}
	}
	return errors.Join(errs...)
}

func (p Package) invalid() (reason string) {
	_, err := fetch.Parse("sha256:" + p.SHA256)
	switch {
	case !packageName.MatchString(p.Name):
		return fmt.Sprintf("the name %q is none of a Debian package", p.Name)
	case !slices.Contains(architectures, p.Architecture):
		return fmt.Sprintf("the architecture %q is neither of %s", p.Architecture, strings.Join(architectures, " and "))
	case !debVersion.MatchString(p.Version):
		return fmt.Sprintf("the version %q is none of a Debian package", p.Version)
	case !sourceName.MatchString(p.Source):
		return fmt.Sprintf("the source %q is none of a Debian package", p.Source)
	case !suiteName.MatchString(p.Suite):
		return fmt.Sprintf("the suite %q is none of Debian", p.Suite)
	case !poolFilename.MatchString(p.Filename) || !fs.ValidPath(p.Filename):
		return fmt.Sprintf("the file name %q does not lead to a package in the archive's pool", p.Filename)
	case err != nil:
		return fmt.Sprintf("sha256 %q is no SHA-256", p.SHA256)
	case p.Size <= 0 || p.Size > maxDeb:
		return fmt.Sprintf("the size %d is not between 1 and %d", p.Size, int64(maxDeb))
	}
	return ""
}

func (t Tarball) invalid() (reason string) {
	digest, err := fetch.ParseSRI(t.Integrity)
	switch {
	case !npmName.MatchString(t.Package) || len(t.Package) > 214:
		return fmt.Sprintf("the name %q is none of an npm package", t.Package)
	case !npmVersion.MatchString(t.Version) || len(t.Version) > 100:
		return fmt.Sprintf("the version %q is none of an npm package", t.Version)
	case err != nil || digest.SRI() != t.Integrity || digest.Algorithm != "sha512":
		return fmt.Sprintf("integrity %q is no SHA-512", t.Integrity)
	}
	return ""
}

func (m Manager) invalid() (reason string) {
	if m.Wheels == nil {
		return Tarball{Package: m.Package, Version: m.Version, Integrity: m.Integrity}.invalid()
	}
	switch {
	case !packageName.MatchString(m.Package):
		return fmt.Sprintf("the name %q is none of a PyPI package", m.Package)
	case m.Integrity != "":
		return "it has wheels, which have hashes of their own, and an integrity"
	}
	for i, w := range m.Wheels {
		name, err := wheel.ParseName(w.Filename)
		_, hashErr := fetch.Parse("sha256:" + w.SHA256)
		switch {
		case !slices.Contains(architectures, w.Architecture):
			return fmt.Sprintf("the architecture %q is neither of %s", w.Architecture, strings.Join(architectures, " and "))
		case i > 0 && m.Wheels[i-1].Architecture >= w.Architecture:
			return "its wheels stand twice or out of order"
		case err != nil || name.Project != m.Package || !wheel.SameVersion(name.Version, m.Version):
			return fmt.Sprintf("the file name %q is not that of a wheel of %s %s", w.Filename, m.Package, m.Version)
		case hashErr != nil:
			return fmt.Sprintf("sha256 %q is no SHA-256", w.SHA256)
		}
	}
	return ""
}

func comparePackages(a, b Package) int {
	return cmp.Or(cmp.Compare(a.Architecture, b.Architecture), cmp.Compare(a.Name, b.Name))
}

// CheckLock says why the lock does not pin what base.cue says: every reason at once, joined, each a *kind.LockError.
func (b *Base) CheckLock() error {
	if errors.Is(b.lockErr, fs.ErrNotExist) {
		return &kind.LockError{File: LockFile, Reason: fmt.Sprintf("is missing for base %s; lock the base", b.Name)}
	}
	if b.lockErr != nil {
		return b.lockErr
	}
	var errs []error
	stale := func(field, reason string, args ...any) {
		errs = append(errs, &kind.LockError{File: LockFile, Field: field, Reason: fmt.Sprintf(reason, args...) + "; lock the base again"})
	}
	for _, arch := range architectures {
		var pinned []string
		for _, p := range b.Locked.of(arch) {
			pinned = append(pinned, p.Name)
			if !slices.Contains(b.Spec.Debian.Suites, p.Suite) {
				stale("packages", "%s for %s is from suite %s, which %s does not list", p.Name, arch, p.Suite, SpecFile)
			}
		}
		for _, name := range b.Spec.Debian.Packages {
			if !slices.Contains(pinned, name) {
				stale("packages", "%s is not pinned for %s", name, arch)
			}
		}
		for _, name := range pinned {
			if !slices.Contains(b.Spec.Debian.Packages, name) {
				stale("packages", "%s is pinned for %s, but %s does not list it", name, arch, SpecFile)
			}
		}
		got, ok := b.Locked.runtime(arch)
		switch want := b.Spec.Runtime; {
		case want == nil && ok:
			stale("runtime", "pins %s for %s, but %s names no runtime", got.Package, arch, SpecFile)
		case want != nil && (got.Package != want.Packages[arch] || got.Version != want.Version):
			stale("runtime", "does not pin %s %s for %s", want.Packages[arch], want.Version, arch)
		}
	}
	switch got, want := b.Locked.Resolver, b.Spec.Resolver; {
	case want == nil && got != nil:
		stale("resolver", "pins %s, but %s names no resolver", got.Package, SpecFile)
	case want != nil && (got == nil || got.Package != want.Package || got.Version != want.Version):
		stale("resolver", "does not pin %s %s", want.Package, want.Version)
	case want != nil && (want.registry() == pypiRegistry) != (len(got.Wheels) == len(architectures)):
		stale("resolver", "does not pin %s as it comes from its registry", want.Package)
	}
	return errors.Join(errs...)
}

// of returns the packages for one architecture.
func (l Lock) of(arch string) []Package {
	var packages []Package
	for _, p := range l.Packages {
		if p.Architecture == arch {
			packages = append(packages, p)
		}
	}
	return packages
}

func (l Lock) runtime(arch string) (Tarball, bool) {
	for _, t := range l.Runtime {
		if t.Architecture == arch {
			return t, true
		}
	}
	return Tarball{}, false
}

// Key names what is built from the lock, for all platforms: equal keys give equal images. When the lock was made, and the resolver, have no
// part in it.
func (b *Base) Key() string {
	h := sha256.New()
	for _, arch := range architectures {
		fmt.Fprintln(h, b.debianKey(arch))
		if b.Spec.Runtime != nil {
			fmt.Fprintln(h, b.runtimeKey(arch))
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}
