package lockfile

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/fetch"
	"github.com/slipway-dev/slipway/internal/kind/pypi/sdist"
	"github.com/slipway-dev/slipway/internal/kind/pypi/wheel"
)

// Problem is a reason why a file is no lock.
type Problem struct {
	Line   int // 0 for the whole file
	Reason string
}

// maxPackages bounds the packages of a lock, and the wheels of one.
const maxPackages = 10_000

var (
	name    = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	version = regexp.MustCompile(`^[a-z0-9][a-z0-9.!+]{0,99}$`)
)

// Parse reads a lock in the form that Marshal writes, and in no other: so nothing in it is unknown, repeated or hidden. It returns every
// problem at once, and with any of them no lock.
func Parse(data []byte) (*Lock, []Problem) {
	if len(data) > MaxBytes {
		return nil, []Problem{{0, fmt.Sprintf("is larger than %d bytes", MaxBytes)}}
	}
	p := &parser{lock: &Lock{}}
	if !bytes.HasPrefix(data, []byte(header)) {
		p.refuse(1, "does not begin as a lock does: it was made by another program, or edited")
	}
	for i, line := range strings.Split(strings.TrimSuffix(string(data), "\n"), "\n") {
		p.read(i+1, line)
		if len(p.problems) > 20 || len(p.lock.Packages) > maxPackages {
			break
		}
	}
	p.finish()
	if len(p.problems) == 0 && !bytes.Equal(p.lock.Marshal(), data) {
		p.refuse(0, "is not written as lock writes it: its lines are in another order, or something was added")
	}
	if len(p.problems) > 0 {
		return nil, p.problems
	}
	return p.lock, nil
}

// parser reads a lock line by line.
type parser struct {
	lock     *Lock
	problems []Problem
	names    []wheel.Name // those of the comments above the next package
	sdist    *Sdist       // the one of the comment above it
	current  *Package     // the package whose hashes are read
	start    int          // its line
	broken   bool         // the package cannot be read, nor its hashes
}

func (p *parser) refuse(line int, format string, args ...any) {
	p.problems = append(p.problems, Problem{line, fmt.Sprintf(format, args...)})
}

func (p *parser) read(number int, line string) {
	hash, isHash := strings.CutPrefix(line, hashPrefix)
	file, isComment := strings.CutPrefix(line, "# ")
	switch {
	case isHash && p.current != nil:
		p.hash(number, strings.TrimSuffix(hash, continued))
	case isHash && p.broken: // was refused with its package
	case isHash:
		p.refuse(number, "is a hash of no package")
	case isComment && number > 1:
		p.finish()
		p.comment(number, file)
	case isComment: // the header
	case strings.HasPrefix(strings.TrimSpace(line), "-"):
		p.refuse(number, "is the option %.60q: a lock has none, and which index is asked is each user's own configuration", line)
	case strings.Contains(line, "://") || strings.Contains(line, " @ "):
		p.refuse(number, "names an address: a lock has none, and only packages of an index can be built")
		p.broken, p.names, p.sdist = true, nil, nil
	default:
		p.finish()
		p.broken = !p.requirement(number, line)
		if p.broken {
			p.names, p.sdist = nil, nil
		}
	}
}

// comment reads what the package below it may be installed from.
func (p *parser) comment(number int, text string) {
	file, result, isSdist := strings.Cut(text, builds)
	if !isSdist {
		n, err := wheel.ParseName(text)
		if err != nil {
			p.refuse(number, "%s", err)
		}
		p.names = append(p.names, n)
		return
	}
	built, digest, _ := strings.Cut(result, content)
	if p.sdist != nil {
		p.refuse(number, "names a second sdist of one package")
	}
	source, err := sdist.ParseName(file)
	if err != nil {
		p.refuse(number, "%s", err)
	}
	n, err := wheel.ParseName(built)
	if err != nil {
		p.refuse(number, "%s", err)
	}
	if _, err := fetch.Parse("sha256:" + digest); err != nil {
		p.refuse(number, "does not say what is built from the sdist: %s", err)
	}
	p.sdist = &Sdist{Name: source, Wheel: n, Content: digest}
}

func (p *parser) requirement(number int, line string) bool {
	text := strings.TrimSuffix(line, continued)
	var machine string
	if before, after, ok := strings.Cut(text, markerPrefix); ok {
		text, machine = before, strings.TrimSuffix(after, `"`)
		if !slices.Contains(Machines, machine) {
			p.refuse(number, "has the condition %.60q: only one for the machine %s can be", after, strings.Join(Machines, " or "))
			return false
		}
	}
	project, exact, ok := strings.Cut(text, "==")
	if !ok || !name.MatchString(project) || !version.MatchString(exact) {
		p.refuse(number, "is %.60q, want NAME==VERSION with one exact version", line)
		return false
	}
	p.current, p.start = &Package{Name: project, Version: exact, Machine: machine}, number
	return true
}

func (p *parser) hash(number int, text string) {
	if _, err := fetch.Parse("sha256:" + text); err != nil {
		p.refuse(number, "holds no SHA-256: %s", err)
	}
	if p.sdist != nil {
		p.sdistHash(number, text)
		return
	}
	i := len(p.current.Wheels)
	if i >= len(p.names) {
		p.refuse(number, "is a hash of a wheel that no comment above the package names")
		p.current, p.broken, p.names = nil, true, nil
		return
	}
	n := p.names[i]
	if n.Project != p.current.Name || !wheel.SameVersion(n.Version, p.current.Version) {
		p.refuse(number, "is the hash of %.100q, which is no wheel of %s %s", n.File, p.current.Name, p.current.Version)
	}
	p.current.Wheels = append(p.current.Wheels, Wheel{n, text})
}

func (p *parser) sdistHash(number int, text string) {
	if p.current.Sdist != nil {
		p.refuse(number, "is a second hash of one sdist")
		return
	}
	s := *p.sdist
	s.SHA256 = text
	p.current.Sdist = &s
	if s.Project != p.current.Name || !wheel.SameVersion(s.Version, p.current.Version) {
		p.refuse(number, "is the hash of %.100q, which is no sdist of %s %s", s.File, p.current.Name, p.current.Version)
	}
	if s.Wheel.Project != p.current.Name || !wheel.SameVersion(s.Wheel.Version, p.current.Version) || !s.Wheel.Pure() {
		p.refuse(number, "is of an sdist that builds %.100q, which is no wheel of %s %s for every platform", s.Wheel.File, p.current.Name, p.current.Version)
	}
}

// finish ends the package whose lines were read.
func (p *parser) finish() {
	if p.current == nil {
		return
	}
	current := *p.current
	p.current = nil
	if len(current.Wheels) == 0 && current.Sdist == nil {
		p.refuse(p.start, "pins %s %s by no hash", current.Name, current.Version)
	} else if len(current.Wheels) != len(p.names) {
		p.refuse(p.start, "has fewer hashes than wheels are named above it")
	}
	p.names, p.sdist = nil, nil
	if previous := p.lock.Packages; len(previous) > 0 {
		last := previous[len(previous)-1]
		if last.Name == current.Name && (last.Machine == current.Machine || last.Machine == "" || current.Machine == "") {
			p.refuse(p.start, "pins %s twice for one machine", current.Name)
		}
	}
	p.lock.Packages = append(p.lock.Packages, current)
}
